"""Trains all weights of a base on rows of questions and answers, resumable after any kill. Called by job.

AdamW for every weight: the bases were made with AdamW, and then Muon gains nothing in fine-tuning (Liu et al. 2025,
Muon is Scalable for LLM Training). Weights in bf16 have fp32 masters. Knows nothing of folders and cards.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from server.errors import TrainError
from training.dataset.render import Rendered
from training.fit import checkpoint
from training.fit.memory import checkpointed
from training.tune.lines import Group, collate, grouped, lines_of, plain_line, steps_of, token_nll

WARMUP_STEPS = 10
CLIP = 1.0
BETAS = (0.9, 0.95)
CHECKPOINT_EVERY_S = 300.0
OnEvent = Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneRecipe:
    """`batch` counts questions a step; `minutes` of training end a run before its epochs do."""

    lr: float = 1e-4
    batch: int = 16
    epochs: int = 2
    seed: int = 1
    minutes: float | None = None


@dataclass(slots=True)
class Progress:
    """What a resumed run must know: `taken` steps of epoch `epoch` are done, `step` in all; seconds of training."""

    epoch: int = 0
    taken: int = 0
    step: int = 0
    rows: int = 0
    tokens: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # of each step, nats per answer token


class Masters:
    """fp32 weights that the optimiser moves. Gradients of the model go there as they come, in fp32, so that those of
    several passes add up without rounding; weights that are fp32 already are their own masters.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = dict(model.named_parameters())
        self.weights: dict[str, nn.Parameter] = {}
        for name, weight in self._model.items():
            weight.requires_grad_(True)
            self.weights[name] = weight
            if weight.dtype != torch.float32:
                master = self.weights[name] = nn.Parameter(weight.detach().float())
                weight.register_post_accumulate_grad_hook(partial(_hand_over, master=master))

    @torch.no_grad()
    def write_back(self) -> None:
        """Round the masters into the model's weights."""
        for name, weight in self._model.items():
            if weight is not self.weights[name]:
                weight.copy_(self.weights[name])


def _hand_over(weight: Tensor, *, master: Tensor) -> None:
    assert weight.grad is not None  # noqa: S101 - torch calls it when there is one
    grad = weight.grad.float()
    master.grad = grad if master.grad is None else master.grad.add_(grad)
    weight.grad = None


class Tuning:
    """One run. `key` names rows, base and recipe: a checkpoint of another key is not resumed.

    With `recompute` layers are computed again in the backward pass: less memory, a third slower.
    """

    def __init__(
        self, model: PreTrainedModel, recipe: TuneRecipe, rows: Sequence[Rendered], *,
        file: Path, key: str, recompute: bool = False, on_event: OnEvent = lambda event: None,
    ) -> None:  # fmt: skip
        self.model, self.recipe, self.rows = model, recipe, list(rows)
        self.file, self.key, self.recompute, self.on_event = file, key, recompute, on_event
        self.masters = Masters(model)
        self.weights, self.best = self.masters.weights, dict[str, Tensor]()  # the last weights are kept, no best ones
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=recipe.lr, betas=BETAS, weight_decay=0.0)
        self.progress = Progress()

    def run(self) -> Progress:
        """Train through the epochs or until the minutes are over. Raises TrainError (`train_diverged`)."""
        if checkpoint.load(self):
            self.masters.write_back()
            self.on_event({"event": "resumed", "step": self.progress.step})
        self.model.train()
        saved_at = time.monotonic()
        while self.progress.epoch < self.recipe.epochs:
            planned = steps_of(self.rows, self.recipe.batch, seed=self.recipe.seed, epoch=self.progress.epoch)
            while self.progress.taken < len(planned):
                done = self._done(len(planned))
                if done >= 1:
                    return self._end()
                self._train(planned[self.progress.taken], done=done)
                if time.monotonic() - saved_at > CHECKPOINT_EVERY_S:
                    checkpoint.save(self)
                    saved_at = time.monotonic()
            self.progress.epoch, self.progress.taken = self.progress.epoch + 1, 0
        return self._end()

    def _end(self) -> Progress:
        checkpoint.save(self)  # a run that is killed while it is measured need not train again
        self.model.eval()
        return self.progress

    def _done(self, steps: int) -> float:
        """Share of the run that is done; `steps` are those of this epoch."""
        share = (self.progress.epoch + self.progress.taken / steps) / self.recipe.epochs
        minutes = self.recipe.minutes
        return max(share, self.progress.seconds / 60 / minutes) if minutes else share

    def _train(self, groups: Sequence[Group], *, done: float) -> None:
        """One optimiser step, the gradients of several passes added up."""
        started = time.monotonic()
        count = sum(group.answer_tokens for group in groups)
        total = torch.zeros((), device=self.model.device)
        for passed in lines_of(groups):
            with checkpointed(self.model, on=self.recompute):
                loss = token_nll(self.model, collate(passed, device=self.model.device)).sum() / count
                loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), CLIP)
        if not math.isfinite(float(norm)):
            raise TrainError(
                "The loss is no number any more, so the run was ended. Start it again with a smaller --lr.",
                code="train_diverged",
            )
        self.optimiser.param_groups[0]["lr"] = self.recipe.lr * rate(self.progress.step, done=done)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.masters.write_back()
        self._note(groups, loss=float(total), seconds=time.monotonic() - started, done=done)

    def _note(self, groups: Sequence[Group], *, loss: float, seconds: float, done: float) -> None:
        progress = self.progress
        progress.step, progress.taken = progress.step + 1, progress.taken + 1
        progress.rows += sum(len(group.rows) for group in groups)
        progress.tokens += sum(group.tokens for group in groups)
        progress.seconds += seconds
        progress.losses.append(round(loss, 4))
        steps = max(progress.step, round((progress.step - 1) / done) if done else progress.step)
        place = {"epoch": progress.epoch + 1, "step": progress.step, "steps": steps}
        speed = round(progress.tokens / max(progress.seconds, 1e-9))
        self.on_event({"event": "step", **place, "loss": round(loss, 4), "tokens_a_second": speed})


def rate(step: int, *, done: float) -> float:
    """Share of the learning rate: linear warm-up over the first steps, linear to zero as `done` goes to 1."""
    return min(1.0, (step + 1) / WARMUP_STEPS) * (1 - done)


@torch.no_grad()
def answer_loss(model: PreTrainedModel, rows: Sequence[Rendered]) -> float:
    """Mean NLL per answer token."""
    model.eval()
    nats, count = 0.0, 0
    for passed in lines_of(grouped(rows)):
        nll = token_nll(model, collate(passed, device=model.device))
        nats, count = nats + float(nll.double().sum()), count + len(nll)
    return nats / count


@torch.no_grad()
def text_loss(model: PreTrainedModel, ids: Sequence[int]) -> float:
    """Mean NLL per token of a text without a page or a turn."""
    model.eval()
    return float(token_nll(model, plain_line(ids, device=model.device)).double().mean())
