"""OpenAI's form of requests, answers and errors, with our additions `page` and `retinue`. Called by routes and answers.

A parameter that is not named here is refused by its name: nothing that a client asks for is dropped in silence.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from server.errors import RetinueError
from server.protocol.run import CheckResult, PassageCard, Quote

STATUS_BY_CODE = {
    "api_off": 401, "api_key_wrong": 401, "api_key_missing": 401, "origin_refused": 403, "copilot_forbidden": 403,
    "copilot_unknown": 404, "url_unknown": 404, "request_too_slow": 408, "request_too_large": 413, "busy": 429,
    "run_timeout": 504,
}  # fmt: skip
_CLIENTS_FAULT = ("page_", "question_", "history_", "answer_", "messages_", "copilot_", "request_", "parameter_")
_OPENAI_CODES = {"copilot_unknown": "model_not_found"}  # names that clients of OpenAI's API look for


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextPart(_Strict):
    type: Literal["text"]
    text: str


class Message(_Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class PageInput(_Strict):
    """The page that is asked about: its `blocks` in reading order, or `text`, whose paragraphs become the blocks."""

    title: str = Field("", max_length=2_000)
    url: str = Field("", max_length=8_000)
    blocks: list[str] | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "PageInput":
        if (self.blocks is None) == (self.text is None):
            raise ValueError("give either blocks or text")
        return self


class StreamOptions(_Strict):
    include_usage: bool = False
    include_obfuscation: bool = False


class TextFormat(_Strict):
    type: Literal["text"]


class ChatRequest(_Strict):
    """`model`: a copilot's id or short name, `generalist`, or the base model's name. Answers are always the likeliest
    ones, so the parameters of sampling are accepted and change nothing.
    """

    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[Message], Field(min_length=1, max_length=512)]
    page: PageInput | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=100_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=100_000)
    n: Literal[1] | None = None
    response_format: TextFormat | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = None
    user: str | None = Field(None, max_length=512)
    store: Literal[False] | None = None

    @property
    def tokens_max(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


class PromptDetails(BaseModel):
    cached_tokens: int


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


class Evidence(BaseModel):
    """What only Retinue has to say of an answer. Offsets as in the socket's protocol."""

    copilot: str
    mode: str
    quotes: list[Quote]
    passages: list[PassageCard]
    checks: list[CheckResult]
    blocks_read: int | None
    blocks_total: int | None


def error_body(error: RetinueError, *, param: str | None = None) -> dict[str, Any]:
    """`{"error": {"message", "type", "param", "code"}}`"""
    status = status_of(error)
    kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
    if status == 429:
        kind = "rate_limit_error"
    code = _OPENAI_CODES.get(error.code, error.code)
    return {"error": {"message": error.message, "type": kind, "param": param, "code": code}}


def status_of(error: RetinueError) -> int:
    """The HTTP status that fits an error's code."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    return 400 if error.code.startswith(_CLIENTS_FAULT) else 500
