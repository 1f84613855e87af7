"""Pretrains the embedded base: one loop, checkpointed, resumable across runs.

Weight matrices learn by Muon, embeddings and norms by AdamW (Jordan et al. 2024); the rate follows
warm-up, stable, decay. Every row is a page with many separate questions about it (`rows`).
"""

import bisect
import itertools
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from training.base import attention
from training.base.batches import Batch, ahead, blank, packed, padded
from training.base.loss import weighted_cross_entropy
from training.base.places import WEIGHT as PLACE_WEIGHT
from training.base.places import PlaceHeads
from training.base.presets import Preset
from training.base.rows import ANSWER, PAGE, Rows

WARM_UP_SHARE = 0.02
PLACES_LR = 1e-3
CHECKPOINT_EVERY_S = 240
LOG_EVERY_STEPS = 20
CHECKPOINT, STABLE = "checkpoint.pt", "stable.pt"  # the second from before the decay


def new_model(preset: Preset, *, vocabulary: int) -> Qwen3ForCausalLM:
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=vocabulary,
            **preset.shape,
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=2,
            pad_token_id=0,
        )
    )


@dataclass(slots=True)
class State:
    """How far a run is. `taken` counts the batches of each stage; `decaying` says that the rate falls."""

    taken: list[int]
    step: int = 0
    tokens: int = 0
    elapsed_s: float = 0.0
    decaying: bool = False
    log: list[dict[str, float]] = field(default_factory=list)


class Pretraining:
    """A run: bf16 working weights, fp32 master copies, three optimisers, and how far it is."""

    def __init__(
        self, preset: Preset, model: Qwen3ForCausalLM, places: PlaceHeads, folder: Path, *, device: str
    ) -> None:
        self.preset, self.folder, self.device = preset, folder, device
        self.places = places.to(device)
        self.model = model.to(device=device, dtype=torch.bfloat16)
        self.state = State(taken=[0] * len(preset.stages))
        self.masters = {
            name: nn.Parameter(weight.detach().float().clone()) for name, weight in model.named_parameters()
        }
        matrices = [p for n, p in self.masters.items() if p.ndim == 2 and "embed" not in n]
        others = [p for n, p in self.masters.items() if p.ndim != 2 or "embed" in n]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=preset.matrix_lr, weight_decay=0.01),
            torch.optim.AdamW(others, lr=preset.other_lr, betas=(0.9, 0.95), weight_decay=0.0),
            torch.optim.AdamW(self.places.parameters(), lr=PLACES_LR, weight_decay=0.0),
        ]
        self._rates = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]

    def run(self, stages: Sequence[Sequence[Rows]], *, seed: int, minutes: float | None) -> None:
        """Train through the preset's stages to the token budget, or until `minutes`, those of earlier runs included.

        On a CPU minutes are processor time: a run that is paused or crowded out loses nothing.
        """
        on_gpu = self.device != "cpu"
        clock, batches = (time.monotonic, packed) if on_gpu else (time.thread_time, padded)
        streams = [
            ahead(itertools.islice(batches(parts, self.preset.batch_tokens, seed=seed), taken, None))
            for parts, taken in zip(stages, self.state.taken, strict=True)
        ]
        ends = list(itertools.accumulate(stage.share for stage in self.preset.stages))[:-1]
        with attention.fast(self.model, on_gpu=on_gpu):
            if on_gpu:
                self._compile(blank(self.preset.batch_tokens))
            saved_at, started, before_s = time.monotonic(), clock(), self.state.elapsed_s
            while True:
                self.state.elapsed_s = before_s + clock() - started
                done = self._done(minutes)
                if done >= 1:
                    break
                if done > 1 - self.preset.decay_share and not self.state.decaying:
                    self.save(STABLE)
                    self.state.decaying = True
                stage = bisect.bisect(ends, done)
                loss = self._train(next(streams[stage]), done=done, page_weight=self.preset.stages[stage].page_weight)
                self.state.step += 1
                self.state.taken[stage] += 1
                if self.state.step % LOG_EVERY_STEPS == 0:
                    self._report(float(loss), done)
                if time.monotonic() - saved_at > CHECKPOINT_EVERY_S:
                    self.save(CHECKPOINT)
                    saved_at = time.monotonic()
            self.save(CHECKPOINT)

    def _compile(self, batch: Batch) -> None:
        """A step whose gradients are thrown away: kernels are built before the clock starts, while rows are made."""
        batch_loss(self.model, self.places, batch.to(self.device), page_weight=1.0).backward()  # type: ignore[no-untyped-call]
        self.model.zero_grad()
        self.places.zero_grad()

    def _done(self, minutes: float | None) -> float:
        """Share of the run that is behind us."""
        of_tokens = self.state.tokens / self.preset.tokens
        return max(of_tokens, self.state.elapsed_s / 60 / minutes) if minutes else of_tokens

    def _train(self, batch: Batch, *, done: float, page_weight: float) -> Tensor:
        rate = min(1.0, done / WARM_UP_SHARE + 0.01, (1 - done) / self.preset.decay_share)
        loss = batch_loss(self.model, self.places, batch.to(self.device), page_weight=page_weight)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser, lr in zip(self.optimisers, self._rates, strict=True):
            optimiser.param_groups[0]["lr"] = lr * rate
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                assert weight.grad is not None  # noqa: S101 - every weight takes part in the loss
                self.masters[name].grad = weight.grad.float()
                weight.grad = None
            for parameters in (self.masters.values(), self.places.parameters()):
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
            self.places.zero_grad()
            for name, weight in self.model.named_parameters():
                weight.copy_(self.masters[name])
        self.state.tokens += int((batch.owners > 0).sum())
        return loss.detach()

    def _report(self, loss: float, done: float) -> None:
        state = self.state
        speed = state.tokens / max(1.0, state.elapsed_s)
        state.log.append({"step": state.step, "tokens": state.tokens, "loss": round(loss, 4)})
        print(
            f"step {state.step}  {done:6.1%}  {state.tokens / 1e6:.2f} M tokens  loss {loss:.3f}  {speed:.0f} tok/s",
            flush=True,
        )

    def save(self, name: str) -> None:
        """Atomic: a killed run loses at most the time since the last checkpoint."""
        content = {
            "masters": {name: weight.detach() for name, weight in self.masters.items()},
            "places": self.places.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "state": asdict(self.state),
        }
        beside = self.folder / f"{name}.new"
        torch.save(content, beside)
        beside.replace(self.folder / name)

    def resume(self, *, minutes: float | None) -> bool:
        """Go on from the folder's checkpoint; False when there is none.

        When the budget has grown, so that a run in its decay is not that far any more, from before the decay.
        """
        if not self._load(CHECKPOINT):
            return False
        if self.state.decaying and self._done(minutes) <= 1 - self.preset.decay_share:
            self._load(STABLE)
        return True

    def _load(self, name: str) -> bool:
        file = self.folder / name
        if not file.exists():
            return False
        content = torch.load(file, weights_only=True, map_location=self.device)
        with torch.no_grad():
            for parameter, weight in self.model.named_parameters():
                self.masters[parameter].copy_(content["masters"][parameter])
                weight.copy_(self.masters[parameter])
        self.places.load_state_dict(content["places"])
        for optimiser, saved in zip(self.optimisers, content["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.state = State(**content["state"])
        return True


def batch_loss(model: Qwen3ForCausalLM, places: PlaceHeads, batch: Batch, *, page_weight: float) -> Tensor:
    """Mean cross-entropy of answer tokens, and parts of that of page tokens and of the place heads."""
    middle: list[Tensor] = []
    with model.model.layers[places.layer - 1].register_forward_hook(lambda _layer, _given, out: middle.append(out)):
        last = model.model(
            input_ids=batch.ids, attention_mask=attention.mask(model, batch), position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state  # fmt: skip
    targets, kinds = batch.ids[:, 1:], batch.kinds[:, 1:]
    answer, page = kinds == ANSWER, kinds == PAGE
    weights = answer / answer.sum().clamp(min=1) + page_weight * page / page.sum().clamp(min=1)
    counted = answer | page
    read = weighted_cross_entropy(last[:, :-1][counted], model.lm_head.weight, targets[counted], weights[counted])
    placed: Tensor = places(middle[0], batch.ids, batch.kinds, model.lm_head.weight)
    return read + PLACE_WEIGHT * placed
