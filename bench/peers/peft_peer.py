"""The peer that everybody has: transformers' generate with PEFT's adapters, used in three ways.

`Peft` is the plain use (set_adapter, then generate reads the whole prompt), `PeftMixed` the mixed batch
(`adapter_names`), `PeftKept` a careful programmer who keeps the page's KV and copies it for every question.
"""

import asyncio
import copy
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, DynamicCache, StoppingCriteria

from bench.cases import Cases, PageCase, QuestionCase, Stamp


class _FirstToken(StoppingCriteria):  # type: ignore[misc]
    """Asked after each token: notes when the first one was there, and stops nothing."""

    def __init__(self, device: str) -> None:
        self.at_s, self._device = 0.0, device

    def __call__(self, input_ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:
        if not self.at_s:
            _wait(self._device)
            self.at_s = time.perf_counter()
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def load(base: Path, adapters: Sequence[Path], *, dtype: torch.dtype, device: str = "cpu") -> PeftModel:
    """The base with every adapter, named by its index."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, local_files_only=True).to(device)
    peft = PeftModel.from_pretrained(model, str(adapters[0]), adapter_name="0", autocast_adapter_dtype=False)
    for index, folder in enumerate(adapters[1:], start=1):
        peft.load_adapter(str(folder), adapter_name=str(index), autocast_adapter_dtype=False)
    peft.generation_config.eos_token_id = None
    return peft.eval()


class Peft:
    name = "transformers + PEFT"

    def __init__(self, model: Any, cases: Cases, folders: Sequence[Path], *, device: str = "cpu") -> None:
        """`folders`: the adapter of each copilot; one that `load` left out is loaded when it is first used."""
        self.model, self._cases, self._folders, self._device = model, cases, folders, device

    async def open(self, page: PageCase) -> None:
        """It keeps nothing between calls."""

    async def close(self, page: PageCase) -> None:
        """Nothing is held."""

    async def warm(self, asks: Sequence[QuestionCase]) -> None:
        """It keeps nothing between calls."""

    async def answer(self, ask: QuestionCase) -> Stamp:
        return (await asyncio.to_thread(self._one_by_one, [ask]))[0]

    async def together(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        """One batch where all ask the same copilot, else one after another. In a thread: sockets stay alive."""
        alike = len({ask.copilot for ask in asks}) == 1
        return await asyncio.to_thread(self._batch if alike else self._one_by_one, asks)

    def _batch(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        sent = time.perf_counter()
        self._use(asks[0].copilot)
        return self._generate(asks, sent)

    def _one_by_one(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        sent = time.perf_counter()
        return [self._answer(ask, sent) for ask in asks]

    def _answer(self, ask: QuestionCase, sent: float) -> Stamp:
        self._use(ask.copilot)
        return self._generate([ask], sent)[0]

    def _use(self, copilot: int) -> None:
        if str(copilot) not in self.model.peft_config:
            self.model.load_adapter(
                str(self._folders[copilot]), adapter_name=str(copilot), autocast_adapter_dtype=False
            )
        self.model.set_adapter(str(copilot))

    @torch.inference_mode()
    def _generate(self, asks: Sequence[QuestionCase], sent: float, **more: Any) -> list[Stamp]:
        """Prompts of unequal length are padded on the left."""
        prompts = [self._cases.prompt(ask) for ask in asks]
        width, tokens = max(map(len, prompts)), asks[0].tokens
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts], device=self._device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self._device)
        first = _FirstToken(self._device)
        out = self.model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=0,
            stopping_criteria=[first], **more,
        )  # fmt: skip
        _wait(self._device)
        ended = time.perf_counter()
        answers = [tuple(row) for row in out[:, width:].tolist()]
        return [Stamp(sent, first.at_s, ended, len(answer), answer) for answer in answers]


class PeftMixed(Peft):
    name = "PEFT mixed batch"

    async def together(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        names = [str(ask.copilot) for ask in asks]
        return await asyncio.to_thread(self._generate, asks, time.perf_counter(), adapter_names=names)


class PeftKept(Peft):
    name = "PEFT, page's KV kept by hand"

    def __init__(self, model: Any, cases: Cases, folders: Sequence[Path], *, device: str = "cpu") -> None:
        super().__init__(model, cases, folders, device=device)
        self._pages: dict[PageCase, DynamicCache] = {}

    async def open(self, page: PageCase) -> None:
        await asyncio.to_thread(self._read, page)

    async def close(self, page: PageCase) -> None:
        self._pages.pop(page, None)

    async def together(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        return await asyncio.to_thread(self._one_by_one, asks)

    def _answer(self, ask: QuestionCase, sent: float) -> Stamp:
        if ask.page not in self._pages:
            self._read(ask.page)
        self._use(ask.copilot)
        return self._generate([ask], sent, past_key_values=copy.deepcopy(self._pages[ask.page]))[0]

    @torch.inference_mode()
    def _read(self, page: PageCase) -> None:
        """With the base alone: an activated adapter leaves the page's KV as it is."""
        cache = DynamicCache()
        with self.model.disable_adapter():
            self.model(input_ids=torch.tensor([page.ids], device=self._device), past_key_values=cache, logits_to_keep=1)
        self._pages[page] = cache


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
