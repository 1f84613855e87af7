"""vLLM's server, and `ray.serve.llm` on it: `/v1/completions` takes and gives ids, adapters are loaded by their folder.

Called by ids. It refuses activated adapters: a plain variant is called `<copilot or category>-<digest>` there. Unknown
fields are accepted in silence, so only those of 0.32 are sent.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from server.engine import AdapterRef, Capabilities
from server.engine.remote import faults
from server.engine.remote.address import Address
from server.engine.remote.client import Client
from server.engine.remote.dialects import DIGEST_CHARS, SAMPLED, Piece, Stretch, adapter_name
from server.engine.remote.wire import Chunk, Ids, Loose
from server.errors import EngineError

_REASONS = {None: "", "": "", "stop": "stop", "length": "length"}
_NEVER = -100  # the least bias there is


class _Tokenized(Loose):
    tokens: Ids


class Vllm:
    """Implements server.engine.remote.dialects.Dialect."""

    event = Chunk

    def __init__(self, client: Client, address: Address) -> None:
        self._client, self._address = client, address
        self._names: set[str] = set()

    @staticmethod
    def capabilities(address: Address) -> Capabilities:
        return Capabilities(
            adapters="plain", shares_page=False, counts_cached=False, changes_adapters=False, host=address.host
        )

    @property
    def url(self) -> str:
        return f"{self._address.api}/completions"

    def body(self, asked: Stretch) -> Mapping[str, Any]:
        return {
            "model": self.echoes(asked), "prompt": list(asked.ids), "max_tokens": asked.tokens_max, "stream": True,
            "stream_options": {"include_usage": True}, "return_token_ids": True, "add_special_tokens": False,
            "stop_token_ids": sorted(asked.stop_ids), "temperature": SAMPLED if asked.attempt else 0,
            "seed": asked.attempt,
            **({"logit_bias": {str(token): _NEVER for token in sorted(asked.banned)}} if asked.banned else {}),
            **({"logprobs": 1} if asked.tells_first else {}),
        }  # fmt: skip

    def echoes(self, asked: Stretch) -> str:
        return asked.adapter or asked.model

    def piece(self, event: Chunk) -> Piece:
        choice = next(iter(event.choices), None)
        if choice is None:  # the figures come last, by themselves
            return Piece(model=event.model, cached_tokens=event.usage.cached_tokens if event.usage else None)
        return Piece(
            ids=tuple(choice.token_ids or ()), model=event.model, log_p=choice.first_log_p,
            reason=_REASONS.get(choice.finish_reason, "broken"),  # type: ignore[arg-type]
            cached_tokens=event.usage.cached_tokens if event.usage else None,
        )  # fmt: skip

    async def tokenize(self, text: str, *, model: str) -> list[int]:
        body = {"model": model, "prompt": text, "add_special_tokens": False}
        return (await self._client.fetch(_Tokenized, "POST", f"{self._address.root}/tokenize", body)).tokens

    async def find_adapters(self) -> None:
        self._names = {card.id for card in await self._client.models()}

    def has(self, adapter: AdapterRef) -> bool:
        """On this machine it can read the folder too."""
        return not self._address.host or self._listed(adapter) is not None

    async def name_of(self, adapter: AdapterRef) -> str:
        listed = self._listed(adapter)
        if listed is not None:
            return listed
        name = adapter_name(adapter.id, adapter)
        body = {"lora_name": name, "lora_path": str(adapter.folder.absolute())}
        try:
            await self._client.send(f"{self._address.api}/load_lora_adapter", body)
        except EngineError as error:
            with contextlib.suppress(EngineError):
                await self.find_adapters()  # loaded by another server of ours meanwhile
            if self._listed(adapter) is None:
                raise faults.adapter_refused(self._client.who, name, error) from None
        self._names.add(name)
        return name

    def _listed(self, adapter: AdapterRef) -> str | None:
        end = f"-{adapter.digest[:DIGEST_CHARS]}"
        return next((name for name in sorted(self._names) if name.endswith(end)), None)
