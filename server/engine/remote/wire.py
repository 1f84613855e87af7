"""What a server in OpenAI's form may answer, as far as it is used. Called by client and the engines.

Servers differ: content may be null, fields come and go, errors stand under `error` or `detail`. What is not named here
is ignored; what is named has its type, or the answer is malformed.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

IDS_MAX = 100_000
SAID_CHARS_MAX = 200
Count = Annotated[int, Field(ge=0, le=10**9)]
Ids = list[Annotated[int, Field(ge=0, lt=2**31)]]
list_or_nothing = BeforeValidator(lambda given: given if isinstance(given, list) else [])


class Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Piece(Loose):
    content: str | None = None


class LogProbs(Loose):
    """Of a completion's tokens."""

    token_logprobs: Annotated[list[float | None], list_or_nothing] = []


class Choice(Loose):
    """`delta` in a stream, `message` of an answer in one piece, `text` of a completion; `token_ids` and `logprobs`
    where asked for."""

    delta: Piece | None = None
    message: Piece | None = None
    text: str | None = None
    token_ids: Ids | None = None
    logprobs: LogProbs | None = None
    finish_reason: str | None = None

    @property
    def said(self) -> str:
        piece = self.delta or self.message
        return (piece.content if piece else self.text) or ""

    @property
    def first_log_p(self) -> float | None:
        """Log-probability of the first token of a completion."""
        return next(iter(self.logprobs.token_logprobs), None) if self.logprobs else None


class PromptDetails(Loose):
    cached_tokens: Count | None = None


class Usage(Loose):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: PromptDetails | None = None

    @property
    def cached_tokens(self) -> int | None:
        return self.prompt_tokens_details.cached_tokens if self.prompt_tokens_details else None


class Event(Loose):
    """One event of a stream, or a whole answer. A stream may stop after one that is an end."""

    error: Any = None
    detail: Any = None

    @property
    def is_error(self) -> bool:
        return self.error is not None or self.detail is not None

    @property
    def is_end(self) -> bool:
        return False


class Chunk(Event):
    """As OpenAI's routes write it."""

    model: str | None = None
    choices: list[Choice] = []
    usage: Usage | None = None

    @property
    def is_error(self) -> bool:
        return self.error is not None or (self.detail is not None and not self.choices)

    @property
    def is_end(self) -> bool:
        return any(choice.finish_reason for choice in self.choices)


class ModelMeta(Loose):
    n_ctx: Count | None = None
    n_embd: Count | None = None


class ModelCard(Loose):
    """`max_model_len` is vLLM's, `meta` llama.cpp's."""

    id: Annotated[str, Field(min_length=1, max_length=500)]
    max_model_len: Count | None = None
    meta: ModelMeta | None = None
    parent: str | None = None

    @property
    def context_tokens(self) -> int | None:
        return self.max_model_len or (self.meta.n_ctx if self.meta else None) or None


class ModelList(Loose):
    data: list[ModelCard]


class Fault(Loose):
    """What a server said of a failure."""

    message: str = ""
    kind: str = ""
    param: str = ""


def fault_of(content: object) -> Fault:
    """From either envelope, `error` or `detail`; from anything else nothing."""
    if not isinstance(content, dict):
        return Fault()
    found = content.get("error") if content.get("error") is not None else content.get("detail")
    if isinstance(found, list) and found and isinstance(found[0], dict):  # a validation error of FastAPI
        return Fault(message=_text(found[0].get("msg")))
    if not isinstance(found, dict):
        return Fault(message=_text(found))
    kind = " ".join(_text(found.get(name)) for name in ("type", "code"))
    return Fault(message=_text(found.get("message")), kind=kind, param=_text(found.get("param")))


def _text(value: object) -> str:
    return str(value)[:SAID_CHARS_MAX] if isinstance(value, str | int) else ""
