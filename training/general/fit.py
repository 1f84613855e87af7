"""Trains the general adapter on an endless stream of rows, one pass, resumable after any kill. Called by run.

As in `training.fit.loop`, the page's KV is frozen base computation that all of a page's rows share. Quotations are
chosen when the adapter serves (server.conversation.evidence), so their tokens count little in the loss; where to open
one counts fully.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from training.dataset.render import Rendered
from training.fit import checkpoint
from training.fit.loop import held_out_nll, mean_nll, trainable
from training.fit.prefix import PrefixCache, answer_nll, collate
from training.general.rows import Rows
from training.recipe import Recipe

QUOTED_WEIGHT = 0.15
DECAY_FROM, WARMUP_ROWS = 0.3, 300
OnEvent = Callable[[dict[str, object]], None]
Weigh = Callable[[Rendered], Sequence[float]]  # one weight for each answer token


@dataclass
class Progress:
    """What a resumed run must know. Chunks before `chunk` are done; `best` is the lowest held-out loss."""

    chunk: int = 0
    step: int = 0
    rows: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    curve: list[dict[str, float]] = field(default_factory=list)


class GeneralFit:
    """`heldout` are sets of rows by name; the mean of their losses decides which weights are kept."""

    def __init__(
        self, model: PeftModel, recipe: Recipe, rows: Rows, *, rows_max: int,
        heldout: dict[str, list[Rendered]], weigh: Weigh, file: Path, key: str, every_rows: int = 2_000,
        on_event: OnEvent = lambda event: None,
    ) -> None:  # fmt: skip
        self.model, self.recipe, self.rows, self.rows_max = model, recipe, rows, rows_max
        self.heldout, self.weigh, self.every_rows = heldout, weigh, every_rows
        self.file, self.key, self.on_event = file, key, on_event
        self.weights = trainable(model)
        self.prefixes = PrefixCache(model)
        self.progress = Progress()
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=recipe.lr, weight_decay=0.0)
        self.best = {name: weight.detach().clone() for name, weight in self.weights.items()}

    def run(self, *, minutes: float | None = None) -> Progress:
        """Train until `rows_max` rows were seen or `minutes` are over; ends with the best weights in place."""
        if checkpoint.load(self):
            self.on_event({"event": "resumed", "rows": self.progress.rows})
        else:
            self._look()
        until = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
        while self.progress.rows < self.rows_max and time.monotonic() < until:
            self._chunk()
            if self.progress.rows >= len(self.progress.curve) * self.every_rows or self.progress.rows >= self.rows_max:
                self._look()
            checkpoint.save(self)
        if self.progress.curve[-1]["rows"] < self.progress.rows:  # the minutes ended between two looks
            self._look()
            checkpoint.save(self)
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(self.best[name])
        return self.progress

    def _chunk(self) -> None:
        started = time.monotonic()
        rows = self.rows.chunk(self.progress.chunk)
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(self.progress.chunk)).tolist()
        made = time.monotonic() - started
        self.model.train()
        losses = []
        for start in range(0, len(order), self.recipe.batch):
            losses.append(self._step([rows[place] for place in order[start : start + self.recipe.batch]]))
        self.progress.chunk += 1
        self.progress.seconds += time.monotonic() - started
        self.on_event({
            "event": "chunk", "rows": self.progress.rows, "of": self.rows_max,
            "loss": round(sum(losses) / len(losses), 4),
            "minutes": round(self.progress.seconds / 60, 1), "making_s": round(made, 1),
            "rows_a_minute": round(60 * len(rows) / (time.monotonic() - started)),
        })  # fmt: skip

    def _step(self, rows: Sequence[Rendered]) -> float:
        batch = collate(rows, self.prefixes)
        nll = answer_nll(self.model, batch)
        weights = nll.new_tensor([weight for row in rows for weight in self.weigh(row)])
        loss = (nll * weights).sum() / weights.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.recipe.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.lr * rate(self.progress.rows, self.rows_max)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.progress.rows += len(rows)
        return float(loss.detach())

    def _look(self) -> None:
        """Measure the held-out losses, and keep the weights when they are the best so far."""
        found = {name: mean_nll(held_out_nll(self.model, self.prefixes, rows)) for name, rows in self.heldout.items()}
        mean = sum(found.values()) / len(found)
        if mean < self.progress.best:
            self.progress.best = mean
            self.best = {name: weight.detach().clone() for name, weight in self.weights.items()}
        entry = {"rows": float(self.progress.rows), **{name: round(value, 4) for name, value in found.items()}}
        self.progress.curve.append(entry)
        self.on_event({"event": "heldout", **entry})


def rate(rows: int, rows_max: int) -> float:
    """Share of the learning rate after `rows`: linear warm-up, level, then linear to zero."""
    share = rows / rows_max
    decay = 1.0 if share < DECAY_FROM else max(0.0, (1 - share) / (1 - DECAY_FROM))
    return min(1.0, (rows + 1) / WARMUP_ROWS) * decay


def quoted_weights(tokenizer: Any) -> Weigh:
    """QUOTED_WEIGHT for the tokens that the server itself writes: a quotation's text, its end and its block number."""

    def weigh(row: Rendered) -> list[float]:
        answer = row.example.answer
        encoded = tokenizer(answer, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
        spans = _quoted_spans(answer)
        weights = [
            QUOTED_WEIGHT if any(start <= at and end <= stop for start, stop in spans) else 1.0
            for at, end in encoded["offset_mapping"]
        ]
        return [*weights, 1.0]  # the end of the answer

    return weigh


def _quoted_spans(answer: str) -> list[tuple[int, int]]:
    """From after each opening mark to after the block number, in characters."""
    spans, at = [], answer.find('"')
    while at >= 0:
        close = answer.find('"', at + 1)
        if close < 0:
            break
        end = answer.find("]", close)
        stop = end + 1 if answer[close + 1 : close + 3] == " [" and end > 0 else close + 1
        spans.append((at + 1, stop))
        at = answer.find('"', stop)
    return spans
