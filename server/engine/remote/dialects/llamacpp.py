"""llama.cpp's own server: `/completion` takes and gives ids, `/tokenize`, and adapters that it was started with.

Called by ids. Its `/v1/completions` gives no ids. An adapter is a file named `<copilot or category>-<digest>.gguf`
(`retinue engine adapters`); an unknown number would be answered by the base in silence, so only listed ones are sent.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import Field, RootModel

from server.engine import AdapterRef, Capabilities
from server.engine.remote.address import Address
from server.engine.remote.client import Client
from server.engine.remote.dialects import DIGEST_CHARS, SAMPLED, Piece, Stretch
from server.engine.remote.wire import Count, Event, Ids, Loose, list_or_nothing

_REASONS = {"limit": "length", "eos": "stop", "word": "stop"}


class _Probability(Loose):
    logprob: float | None = None


class _Timings(Loose):
    cache_n: Count | None = None


class Completion(Event):
    """One event of `/completion`."""

    model: str | None = None
    tokens: Ids = Field(default=[])
    stop: bool = False
    stop_type: str = ""
    timings: _Timings | None = None
    completion_probabilities: Annotated[list[_Probability], list_or_nothing] = Field(default=[])

    @property
    def is_end(self) -> bool:
        return self.stop


class _Tokenized(Loose):
    tokens: Ids


class _Adapter(Loose):
    id: Count
    path: Annotated[str, Field(max_length=4_096)] = ""


class _Adapters(RootModel[list[_Adapter]]):
    pass


class LlamaCpp:
    """Implements server.engine.remote.dialects.Dialect."""

    event = Completion

    def __init__(self, client: Client, address: Address) -> None:
        self._client, self._address = client, address
        self._numbers: dict[str, int] = {}  # by what follows the last dash of the file's name: the digest

    @staticmethod
    def capabilities(address: Address) -> Capabilities:
        return Capabilities(adapters="activated", shares_page=False, changes_adapters=False, host=address.host)

    @property
    def url(self) -> str:
        return f"{self._address.root}/completion"

    def body(self, asked: Stretch) -> Mapping[str, Any]:
        """Every adapter is named: without one, what the server was started with would speak, also for an empty list."""
        return {
            "prompt": list(asked.ids), "n_predict": asked.tokens_max, "stream": True, "return_tokens": True,
            "cache_prompt": True, "temperature": SAMPLED if asked.attempt else 0, "seed": asked.attempt,
            "n_probs": 1 if asked.tells_first else 0, "logit_bias": [[token, False] for token in sorted(asked.banned)],
            "lora": [{"id": n, "scale": float(str(n) == asked.adapter)} for n in sorted(self._numbers.values())],
            "timings_per_token": True,
        }  # fmt: skip

    def echoes(self, asked: Stretch) -> str:
        return asked.model

    def piece(self, event: Completion) -> Piece:
        probable = event.completion_probabilities
        return Piece(
            ids=() if event.stop else tuple(event.tokens), model=event.model,
            reason=_REASONS.get(event.stop_type, "broken") if event.stop else "",  # type: ignore[arg-type]
            cached_tokens=event.timings.cache_n if event.timings else None,
            log_p=probable[0].logprob if probable else None,
        )  # fmt: skip

    async def tokenize(self, text: str, *, model: str) -> list[int]:
        body = {"content": text, "add_special": False, "parse_special": False}
        return (await self._client.fetch(_Tokenized, "POST", f"{self._address.root}/tokenize", body)).tokens

    async def find_adapters(self) -> None:
        found = await self._client.fetch(_Adapters, "GET", f"{self._address.root}/lora-adapters")
        self._numbers = {PurePath(one.path).stem.rpartition("-")[2] or str(one.id): one.id for one in found.root}

    def has(self, adapter: AdapterRef) -> bool:
        return adapter.digest[:DIGEST_CHARS] in self._numbers

    async def name_of(self, adapter: AdapterRef) -> str:
        return str(self._numbers[adapter.digest[:DIGEST_CHARS]])
