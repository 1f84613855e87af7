"""Trains one adapter: our own loop on torch and PEFT, resumable after any kill. Called by make.

The page is frozen base computation, so a step runs the adapter over turn and answer only and reads the
page's KV from `training.fit.prefix`: same loss and gradients as the full pass, several times cheaper.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import PreTrainedModel

from training.dataset.render import Rendered
from training.fit import checkpoint
from training.fit.memory import checkpointed
from training.fit.prefix import PrefixCache, adapter_off, answer_nll, collate
from training.recipe import Recipe

EVALUATION_BATCH = 16

Event = dict[str, object]
OnEvent = Callable[[Event], None]


@dataclass
class Progress:
    """What a resumed run must know. `best` is the lowest held-out loss, reached in epoch `best_epoch`."""

    epoch: int = 0
    step: int = 0
    best: float = math.inf
    best_epoch: int = 0
    epochs: list[dict[str, float]] = field(default_factory=list)


def new_adapter(base: PreTrainedModel, recipe: Recipe, *, user_header: Sequence[int]) -> PeftModel:
    """A fresh LoRA on `base`, which it leaves as it is: activated by `user_header`, or plain without one. Seeded before
    the first random number.
    """
    torch.manual_seed(recipe.seed)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=sorted(recipe.targets),
        task_type=TaskType.CAUSAL_LM,
        alora_invocation_tokens=list(user_header) or None,
    )
    model = get_peft_model(base, config)
    assert isinstance(model, PeftModel)  # noqa: S101 - the other kind is made for mixed adapters only
    return model


def trainable(model: PeftModel) -> dict[str, torch.nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def held_out_nll(
    model: PeftModel, prefixes: PrefixCache, rows: Sequence[Rendered], *, off: bool = False
) -> NDArray[np.float64]:
    """Sum of the answer's NLL and number of answer tokens for each row, [rows, 2]; `off` is the base alone."""
    model.eval()
    found = np.zeros((len(rows), 2))
    with torch.no_grad(), adapter_off(model, off=off):
        for start in range(0, len(rows), EVALUATION_BATCH):
            batch = collate(rows[start : start + EVALUATION_BATCH], prefixes)
            places, losses = batch.row_of.cpu().numpy() + start, answer_nll(model, batch).cpu().double().numpy()
            np.add.at(found[:, 0], places, losses)
            np.add.at(found[:, 1], places, 1)
    return found


def mean_nll(found: NDArray[np.float64]) -> float:
    """Mean NLL per answer token."""
    return float(found[:, 0].sum() / found[:, 1].sum())


class Fit:
    """One training run. `key` names data, base and recipe: a checkpoint of another key is not resumed."""

    def __init__(
        self, model: PeftModel, recipe: Recipe, *, train: Sequence[Rendered], heldout: Sequence[Rendered],
        file: Path, key: str, on_event: OnEvent = lambda event: None,
    ) -> None:  # fmt: skip
        self.model, self.recipe, self.train, self.heldout = model, recipe, list(train), list(heldout)
        self.file, self.key, self.on_event = file, key, on_event
        self.weights = trainable(model)
        self.prefixes = PrefixCache(model)
        self.progress = Progress()
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=recipe.lr, weight_decay=0.0)
        self.best = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self.steps = recipe.epochs * math.ceil(len(train) / recipe.batch)

    def run(self) -> Progress:
        """Train to the last epoch or until held-out loss rose `patience` times; ends with the best weights in place."""
        if checkpoint.load(self):
            place = {"epoch": self.progress.epoch, "step": self.progress.step, "of": self.recipe.epochs}
            epochs = [entry | {"epoch": int(entry["epoch"])} for entry in self.progress.epochs]
            self.on_event({"event": "resumed", **place, "epochs": epochs})
        else:
            before = mean_nll(held_out_nll(self.model, self.prefixes, self.heldout))
            self.progress.best = before
            self._log(epoch=0, heldout_loss=before)
        while self.progress.epoch < self.recipe.epochs and not self._patience_over():
            self._epoch()
            checkpoint.save(self)
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(self.best[name])
        return self.progress

    def _patience_over(self) -> bool:
        return self.progress.epoch - self.progress.best_epoch >= self.recipe.patience

    def _epoch(self) -> None:
        started, epoch = time.monotonic(), self.progress.epoch + 1
        torch.manual_seed(self.recipe.seed + epoch)  # dropout: the same after a resume
        self.model.train()
        losses, tokens = 0.0, 0
        for group in batches(self.train, self.recipe.batch, seed=self.recipe.seed, epoch=epoch):
            loss, count = self._step(group)
            losses, tokens = losses + loss * count, tokens + count
            place = {"epoch": epoch, "step": self.progress.step, "steps": self.steps}
            self.on_event({"event": "step", **place, "loss": round(loss, 4)})
        heldout = mean_nll(held_out_nll(self.model, self.prefixes, self.heldout))
        self.progress.epoch = epoch
        if heldout < self.progress.best:
            self.progress.best, self.progress.best_epoch = heldout, epoch
            self.best = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self._log(epoch=epoch, train_loss=losses / tokens, heldout_loss=heldout, seconds=time.monotonic() - started)

    def _step(self, rows: Sequence[Rendered]) -> tuple[float, int]:
        """One optimiser step. Returns the weighted NLL per answer token and the number of answer tokens."""
        count = sum(row.answer_tokens for row in rows)
        batch = collate(rows, self.prefixes)
        weights = [self.recipe.abstain_weight if row.example.kind == "abstain" else 1.0 for row in rows]
        with checkpointed(self.model, on=self.recipe.checkpointing):
            nll = answer_nll(self.model, batch)
            loss = (nll * nll.new_tensor(weights)[batch.row_of]).sum() / count
            loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.recipe.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.lr * rate(self.progress.step, self.steps, warmup_share=self.recipe.warmup_share)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.progress.step += 1
        return float(loss.detach()), count

    def _log(self, **numbers: float) -> None:
        entry = {name: round(value, 4) for name, value in numbers.items()}
        self.progress.epochs.append(entry)
        self.on_event({"event": "epoch", "of": self.recipe.epochs, **entry})


def rate(step: int, steps: int, *, warmup_share: float) -> float:
    """Share of the learning rate at `step` of `steps`: linear warm-up, then cosine to zero."""
    warmup = max(1, round(steps * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def batches(rows: Sequence[Rendered], size: int, *, seed: int, epoch: int) -> list[list[Rendered]]:
    """One epoch in an order that depends on seed and epoch only."""
    order = np.random.default_rng((seed, epoch)).permutation(len(rows)).tolist()
    return [[rows[place] for place in order[start : start + size]] for start in range(0, len(order), size)]
