"""The frames of engines and bases: what runs, which bases are here and can be had, another one, a server elsewhere.

`request` and `place` as in `teaching`: from inside a web page (`page`) all of this is refused. A switch and a download
belong to the server: every client hears of them, and one that comes later asks with `engine.show`.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.protocol import Frame, Name
from server.protocol.teaching import Place

ENGINE_URL_CHARS_MAX = 2_000
ENGINE_MODEL_CHARS_MAX = 200
ENGINE_KEY_CHARS_MAX = 4_096
REPO_CHARS_MAX = 200

BaseName = Annotated[str, Field(max_length=96)]
Repo = Annotated[str, Field(max_length=REPO_CHARS_MAX)]
Url = Annotated[str, Field(max_length=ENGINE_URL_CHARS_MAX)]
Model = Annotated[str, Field(max_length=ENGINE_MODEL_CHARS_MAX)]
Key = Annotated[str, Field(max_length=ENGINE_KEY_CHARS_MAX)]


class EngineShow(Frame):
    """What runs, what it takes, which bases there are. Answered by `engine.state`."""

    type: Literal["engine.show"]
    request: Name
    place: Place = "page"


class EngineUse(Frame):
    """Answer with this base of this machine from now on. Answered by `engine.done` once it is begun; `engine.state`
    tells the rest. While it loads the one before goes on answering; when it cannot be loaded, that stays."""

    type: Literal["engine.use"]
    request: Name
    place: Place = "page"
    base: BaseName


class EngineTest(Frame):
    """Ask a server in OpenAI's form for its models; no page goes there. `url` and `key` as in `engine.connect`."""

    type: Literal["engine.test"]
    request: Name
    place: Place = "page"
    url: Url
    key: Key | None = None


class EngineConnect(Frame):
    """Answer with this server in OpenAI's form from now on. `key` is kept by the server and never sent back; without
    one the stored key is used, if it was stored for this address. `may_leave`: pages may go to that machine."""

    type: Literal["engine.connect"]
    request: Name
    place: Place = "page"
    url: Url
    model: Model
    key: Key | None = None
    may_leave: bool = False


class BaseOffer(Frame):
    """What a base would cost: owner/name of the hub, or empty for the default base. Answered by `base.offered`."""

    type: Literal["base.offer"]
    request: Name
    place: Place = "page"
    repo: Repo


class BasePull(Frame):
    """Download what was offered, or go on: the user has agreed to exactly this `revision`. One at a time."""

    type: Literal["base.pull"]
    request: Name
    place: Place = "page"
    repo: Repo
    revision: Annotated[str, Field(max_length=64)]


class BaseCancel(Frame):
    """Stop the download; of one that is stopped already, delete what has come."""

    type: Literal["base.cancel"]
    request: Name
    place: Place = "page"


EngineRequest = EngineShow | EngineUse | EngineTest | EngineConnect | BaseOffer | BasePull | BaseCancel


class BaseCard(Frame):
    name: str
    parameters: int
    context_tokens: int


class EngineCard(Frame):
    """What runs the base model, and how. `adapters`: activated acts from the question on, plain on the page too, none
    answers by instructions alone. `quotes`: chosen from the page by a guard, held to its words by a grammar, or checked
    afterwards."""

    adapters: Literal["activated", "plain", "none"] = "activated"
    quotes: Literal["guard", "grammar", "checked"] = "guard"
    shares_page: bool = True
    counts_cached: bool = True
    changes_adapters: bool = True
    host: str = ""


class EngineMemory(Frame):
    """Bytes. `weight_bits`: in how many bits a weight is read while one answer is written. Null where the model runs
    elsewhere."""

    process: int
    weights: int | None
    weight_bits: int | None
    pages: int | None
    pages_max: int | None
    adapters: int | None
    threads: int | None


class BaseHere(Frame):
    """A base on this machine. `source` and `licence`: empty where nobody wrote them down."""

    name: str
    bytes: int
    licence: str
    source: str


class BaseSuggestion(Frame):
    """A base that can be had. `bytes` is about what it takes; the hub is only asked when the user wants it."""

    repo: str
    name: str
    parameters: int
    bytes: int
    licence: str


class BasePulled(Frame):
    """The one download. `stopped`: `base.pull` goes on with it; `code` and `message` say why, if nobody stopped it."""

    repo: str
    revision: str
    name: str
    licence: str
    source: str
    phase: Literal["downloading", "converting", "stopped"]
    bytes_done: int
    bytes_total: int
    code: str | None = None
    message: str | None = None


class Switching(Frame):
    """Another engine comes. `loading`: the one before answers; `ending`: answers under way may end, new ones wait."""

    to: str
    phase: Literal["loading", "ending"]


class EngineTrouble(Frame):
    """Why the last switch came to nothing."""

    code: str
    message: str


class EngineState(Frame):
    """`request` is null where it comes unasked. `here`: the base runs on this machine. `url`, `model`, `has_key`: of
    the server elsewhere that answers, or that did last. `local_base`: the base to come back to. `pinned`: nothing can
    be changed from here."""

    type: Literal["engine.state"] = "engine.state"
    request: str | None
    base: BaseCard
    engine: EngineCard
    here: bool
    local_base: str
    url: str
    model: str
    has_key: bool
    pinned: bool
    memory: EngineMemory
    bases: list[BaseHere]
    suggestions: list[BaseSuggestion]
    pulled: BasePulled | None
    switching: Switching | None
    trouble: EngineTrouble | None


class EngineChanged(Frame):
    """To every client: another engine answers; `base` and `engine` take the place of those in `ready`."""

    type: Literal["engine.changed"] = "engine.changed"
    base: BaseCard
    engine: EngineCard


class EngineTested(Frame):
    """The server answers. `models`: what it has; empty where it does not say. `host`: the other machine, empty for this
    one."""

    type: Literal["engine.tested"] = "engine.tested"
    request: str
    models: list[str]
    host: str


class BaseOffered(Frame):
    """`bytes`: still to be downloaded."""

    type: Literal["base.offered"] = "base.offered"
    request: str
    repo: str
    revision: str
    name: str
    licence: str
    source: str
    bytes: int


class BasePulling(Frame):
    """How far the download is."""

    type: Literal["base.pulling"] = "base.pulling"
    phase: Literal["downloading", "converting"]
    bytes_done: int
    bytes_total: int


class EngineDone(Frame):
    """What was asked is done, or begun."""

    type: Literal["engine.done"] = "engine.done"
    request: str


EngineFrame = EngineState | EngineChanged | EngineTested | BaseOffered | BasePulling | EngineDone
