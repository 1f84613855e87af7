"""The Engine interface: token ids in, token ids out. Session talks to this; nothing here knows text or sockets.

Importing this module does not import torch; `server.engine.local.engine.LocalEngine` does.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class BaseInfo:
    """The base model that runs. `fingerprint` names its weights and tokenizer; adapters belong to one. `parameters`: 0
    where nobody knows."""

    name: str
    fingerprint: str
    parameters: int
    context_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine can do. The session obeys it; the sidebar and `retinue doctor` show it.

    `prompt`: ids are laid out here, messages by the chat template of whoever runs the model. `adapters`: activated acts
    from the user's turn on, plain on the page too, none answers by instructions alone. `quotes`: the guard chooses a
    sentence of the page, a grammar lets only its words through, checked looks quotations up afterwards. `shares_page`:
    one reading serves every copilot. `counts_cached`: `cached_tokens` is known. `changes_adapters`: while it runs.
    `host`: where the page's text goes to, empty while it stays on this machine.
    """

    prompt: Literal["ids", "messages"] = "ids"
    adapters: Literal["activated", "plain", "none"] = "activated"
    quotes: Literal["guard", "grammar", "checked"] = "guard"
    shares_page: bool = True
    counts_cached: bool = True
    changes_adapters: bool = True
    host: str = ""


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """An adapter folder that was checked once. `digest` covers settings and weights: KV is keyed by it.

    `abstain_least`: the probability from which its answers may begin as an abstention does, calibrated on held-out
    questions after a copilot's instructions; `abstain_least_plain` without any. None where nobody has.
    """

    id: str
    folder: Path
    digest: str
    abstain_least: float | None = None
    abstain_least_plain: float | None = None


@dataclass(frozen=True, slots=True)
class PageTokens:
    """What quoting needs of a page: its prefix ids and the half-open token span of each block's text. `client`: whose
    page it is, for what is shared out fairly.
    """

    ids: tuple[int, ...]
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    client: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PageInfo:
    tokens: int
    cached_tokens: int


ChooseQuote = Callable[[Sequence[int]], Sequence[int] | None]
"""The answer's ids, the last of which opens a quotation -> the ids that finish it with its block number, or None to let
the model write it. Called in the engine's thread: quick, and without waiting for anything."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How an answer may begin only when the model is sure: with `ids`, when it gives them together at least the
    probability `least`. Else the last of them may not come, nor what is `alike`."""

    ids: tuple[int, ...]
    least: float
    alike: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer. The prompt is `page.ids + history + turn`; the adapter acts from the first token of `turn`.

    `attempt` 0 decodes greedily, each other number samples: the same one gives the same answer.
    """

    page: PageTokens
    history: Sequence[int]
    turn: Sequence[int]
    adapter: AdapterRef | None
    stop_ids: frozenset[int]
    tokens_max: int
    timeout_s: float
    constrain_quotes: bool = True
    choose_quote: ChooseQuote | None = None
    unless_sure: Opening | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Tokens:
    """Newly generated ids, the stop token left out."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The one terminal event of a request that did not fail."""

    reason: Literal["stop", "length", "cancelled"]
    prompt_tokens: int
    cached_tokens: int
    answer_tokens: int


class Engine(Protocol):
    """Raises server.errors.RunError, Busy, BaseError and CopilotError; every request ends exactly once."""

    @property
    def info(self) -> BaseInfo: ...

    @property
    def capabilities(self) -> Capabilities:
        """Known before `start`."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def open_page(self, page: PageTokens, on_progress: Callable[[int, int], None]) -> PageInfo:
        """Read the page with the base model. Its KV is held until as many `close_page` calls, unless others need the
        memory: a question reads it again then.
        """
        ...

    async def close_page(self, page: PageTokens) -> None: ...

    def generate(self, request: Request) -> AsyncIterator[Tokens | Finished]:
        """Stream an answer. Closing the iterator (or cancelling its task) frees the row within one step."""
        ...

    def stats(self) -> dict[str, int]:
        """rows_running, rows_waiting, tails, kv_bytes, kv_segments, adapters_resident, adapter_bytes,
        tokens_drafted, tokens_accepted, steps_repeated (row by row, as one row's fault had failed them),
        weight_bytes (as loaded), weight_bits (as one row's step reads them). What an engine does not know is left out.
        """
        ...
