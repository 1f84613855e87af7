"""Trains a LoRA on the sentence encoder so that the unit that answers ranks first on its page. Called by run.

The loss is the negative log-likelihood of the answering units under a softmax over all units of the page, of the very
score by which the finder ranks (cosine with neighbours, plus what words give).
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn import functional
from transformers import BertModel

from server.engine.local.base.loader import preferred_dtype
from server.text.finder import NEIGHBOUR_WEIGHT
from training.finder.questions import AskedPage

RANK, ALPHA = 16, 32
LR, WARMUP_STEPS, CLIP = 6e-4, 30, 5.0
TEMPERATURE = 0.05
PAGES_A_STEP, QUESTIONS_A_PAGE = 2, 8
OWN_SHARE = 0.6  # of pages
TOKENS_MAX, BATCH = 128, 64
OnEvent = Callable[[dict[str, object]], None]


class FinderFit:
    """`own` pages are drawn again and again, `corpus` is endless. `run` returns how many steps were taken."""

    def __init__(
        self, encoder: BertModel, tokenizer: Any, own: Sequence[AskedPage], corpus: Iterator[AskedPage], *, seed: int,
        on_event: OnEvent = lambda event: None,
    ) -> None:  # fmt: skip
        config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["query", "key", "value", "dense"])
        self.model: PeftModel = get_peft_model(encoder, config)
        self._tokenizer, self._own, self._corpus, self._on_event = tokenizer, own, corpus, on_event
        self._choose = random.Random(seed)  # noqa: S311
        self.weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        self._optimiser = torch.optim.AdamW(self.weights, lr=LR, weight_decay=0.01)

    def run(self, *, minutes: float) -> int:
        """Train for so long; the learning rate falls to zero with the time."""
        started, steps, losses = time.monotonic(), 0, list[float]()
        self.model.train()
        while (share := (time.monotonic() - started) / (60 * minutes)) < 1:
            for group in self._optimiser.param_groups:
                group["lr"] = LR * min(1.0, (steps + 1) / WARMUP_STEPS) * (1 - share)
            losses.append(self._step())
            steps += 1
            if steps % 50 == 0:
                self._on_event({"event": "steps", "steps": steps, "loss": round(sum(losses[-50:]) / 50, 4)})
        return steps

    def _step(self) -> float:
        total, count = 0.0, 0
        for _ in range(PAGES_A_STEP):
            own = self._choose.random() < OWN_SHARE
            page = self._choose.choice(self._own) if own else next(self._corpus)
            loss, asked = self.loss(page)
            if asked:
                loss.backward()  # type: ignore[no-untyped-call]
                total, count = total + float(loss.detach()), count + asked
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return total / max(1, count)

    def loss(self, page: AskedPage) -> tuple[torch.Tensor, int]:
        """Summed over some questions of the page that it answers, and their number."""
        answered = [question for question in page.questions if question.answers]
        asked = self._choose.sample(answered, min(QUESTIONS_A_PAGE, len(answered)))
        if not asked:
            return torch.zeros(()), 0
        finder = page.finder
        texts = [
            finder.headed[place] if self._choose.random() < 0.5 else unit.text
            for place, unit in enumerate(finder.units)
        ]  # a unit's vector is the mean of both: each is trained half of the time
        units = _with_neighbours(self._encode(texts))
        words = torch.stack([torch.from_numpy(finder.by_words(question.text)) for question in asked])
        scores = self._encode([question.text for question in asked]) @ units.T + words
        likely = functional.log_softmax(scores / TEMPERATURE, dim=-1)
        found = [torch.logsumexp(likely[row, list(one.answers)], 0) for row, one in enumerate(asked)]
        return -torch.stack(found).sum(), len(asked)

    def _encode(self, texts: Sequence[str]) -> torch.Tensor:
        """[texts, hidden size], of length 1, with gradients."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found: list[torch.Tensor] = []
        for start in range(0, len(order), BATCH):
            chosen = [texts[place] for place in order[start : start + BATCH]]
            batch = self._tokenizer(chosen, padding=True, truncation=True, max_length=TOKENS_MAX, return_tensors="pt")
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=preferred_dtype("cpu") == torch.bfloat16):
                hidden = self.model(**batch).last_hidden_state.float()
            kept = batch["attention_mask"][..., None].float()
            found.append(functional.normalize((hidden * kept).sum(1) / kept.sum(1), dim=-1))
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(order))
        return torch.cat(found)[back]


def _with_neighbours(vectors: torch.Tensor) -> torch.Tensor:
    """As the finder mixes them."""
    none = vectors.new_zeros(1, vectors.shape[1])
    neighbours = torch.cat([none, vectors[:-1]]) + torch.cat([vectors[1:], none])
    return (vectors + NEIGHBOUR_WEIGHT * neighbours) / (1 + 2 * NEIGHBOUR_WEIGHT)
