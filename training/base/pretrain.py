"""Pretrains the embedded base: one loop, checkpointed, resumable across runs.

Weight matrices learn by Muon, embeddings and norms by AdamW (Jordan et al. 2024); the rate follows
warm-up, stable, decay. Until the decay every page token counts; in the decay only answers do.
"""

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Qwen3Config, Qwen3ForCausalLM

from training.base.presets import Preset
from training.base.rows import ANSWER, PAGE, Rows

WARM_UP_SHARE = 0.02
PAGE_TOKENS_COUNTED = 0.4  # share of page tokens that the loss looks at: the softmax is a third of a step
CHECKPOINT_EVERY_S = 240
LOG_EVERY_STEPS = 20


def new_model(preset: Preset, *, vocabulary: int) -> Qwen3ForCausalLM:
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=vocabulary,
            hidden_size=preset.hidden,
            num_hidden_layers=preset.layers,
            num_attention_heads=preset.heads,
            num_key_value_heads=preset.kv_heads,
            head_dim=preset.head_dim,
            intermediate_size=preset.intermediate,
            max_position_embeddings=preset.context,
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=2,
            pad_token_id=0,
        )
    )


class Pretraining:
    """State of a run: bf16 working weights, fp32 master copies, two optimisers, tokens seen."""

    def __init__(self, preset: Preset, model: Qwen3ForCausalLM, folder: Path, *, device: str) -> None:
        self.preset, self.folder, self.device = preset, folder, device
        self.model = model.to(device=device, dtype=torch.bfloat16)
        self.tokens, self.elapsed_s, self.step = 0, 0.0, 0
        self.log: list[dict[str, float]] = []
        self.masters = {
            name: nn.Parameter(weight.detach().float().clone()) for name, weight in model.named_parameters()
        }
        matrices = [p for n, p in self.masters.items() if p.ndim == 2 and "embed" not in n]
        others = [p for n, p in self.masters.items() if p.ndim != 2 or "embed" in n]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=preset.matrix_lr, weight_decay=0.01),
            torch.optim.AdamW(others, lr=preset.other_lr, betas=(0.9, 0.95), weight_decay=0.0),
        ]

    def run(self, short: Rows, rows: Rows, *, seed: int, minutes: float | None) -> None:
        """Train to the token budget, or until `minutes` of this and earlier runs are used.

        The first part of the run takes short rows: a page of a few sentences and many questions on it.
        """
        saved_at = started = time.monotonic()
        before_s = self.elapsed_s
        sources = [(part, batches(part, self.preset.batch_tokens, seed=seed + self.step)) for part in (short, rows)]
        while True:
            self.elapsed_s = before_s + time.monotonic() - started
            done = max(self.tokens / self.preset.tokens, self.elapsed_s / 60 / minutes if minutes else 0)
            if done >= 1:
                break
            part, stream = sources[done >= self.preset.short_share]
            loss = self._train(part, next(stream), done=done)
            self.step += 1
            if self.step % LOG_EVERY_STEPS == 0:
                self._report(loss, done, started, before_s)
            if time.monotonic() - saved_at > CHECKPOINT_EVERY_S:
                self.save()
                saved_at = time.monotonic()
        self.save()

    def _train(self, rows: Rows, batch: NDArray[np.int64], *, done: float) -> float:
        decay = self.preset.decay_share
        rate = min(1.0, done / WARM_UP_SHARE + 0.01, (1 - done) / decay)
        ids, kinds = (tensor.to(self.device) for tensor in pad(rows, batch))
        loss = batch_loss(self.model, ids, kinds, page_share=0.0 if done > 1 - decay else PAGE_TOKENS_COUNTED)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser, lr in zip(self.optimisers, (self.preset.matrix_lr, self.preset.other_lr), strict=True):
            optimiser.param_groups[0]["lr"] = lr * rate
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                assert weight.grad is not None  # noqa: S101 - every weight takes part in the loss
                self.masters[name].grad = weight.grad.float()
                weight.grad = None
            torch.nn.utils.clip_grad_norm_(self.masters.values(), 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
            for name, weight in self.model.named_parameters():
                weight.copy_(self.masters[name])
        self.tokens += int(rows.lengths[batch].sum())
        return float(loss.detach())

    def _report(self, loss: float, done: float, started: float, before_s: float) -> None:
        speed = self.tokens / max(1.0, self.elapsed_s)
        self.log.append({"step": self.step, "tokens": self.tokens, "loss": round(loss, 4)})
        print(
            f"step {self.step}  {done:6.1%}  {self.tokens / 1e6:.2f} M tokens  loss {loss:.3f}  {speed:.0f} tok/s",
            flush=True,
        )

    def save(self) -> None:
        """Atomic: a killed run loses at most the time since the last checkpoint."""
        state = {
            "masters": {name: weight.detach() for name, weight in self.masters.items()},
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        temporary = self.folder / "checkpoint.pt.new"
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "checkpoint.pt")
        progress = {
            "step": self.step,
            "tokens": self.tokens,
            "elapsed_s": self.elapsed_s,
            "preset": asdict(self.preset),
        }
        temporary = self.folder / "progress.json.new"
        temporary.write_text(json.dumps({**progress, "log": self.log}), encoding="utf-8")
        os.replace(temporary, self.folder / "progress.json")

    def resume(self) -> bool:
        """Go on from the folder's checkpoint; False when there is none."""
        if not (self.folder / "progress.json").exists():
            return False
        state = torch.load(self.folder / "checkpoint.pt", weights_only=True, map_location=self.device)
        progress = json.loads((self.folder / "progress.json").read_text(encoding="utf-8"))
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                self.masters[name].copy_(state["masters"][name])
                weight.copy_(self.masters[name])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.tokens = progress["step"], progress["tokens"]
        self.elapsed_s, self.log = progress["elapsed_s"], progress["log"]
        return True


def batch_loss(model: Qwen3ForCausalLM, ids: Tensor, kinds: Tensor, *, page_share: float) -> Tensor:
    """Mean cross-entropy of the next token over answers and a random `page_share` of the page.

    ids, kinds: [batch, tokens]. Rows are padded on the right, so causal attention needs no mask.
    """
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    targets, kind = ids[:, 1:], kinds[:, 1:]
    counted = (kind == ANSWER) | ((kind == PAGE) & (torch.rand(kind.shape, device=kind.device) < page_share))
    logits = F.linear(hidden[counted], model.lm_head.weight)
    return F.cross_entropy(logits.float(), targets[counted])


def batches(rows: Rows, batch_tokens: int, *, seed: int) -> Iterator[NDArray[np.int64]]:
    """Endless epochs of row numbers; rows of like length go together, batches in random order."""
    epoch = 0
    while True:
        generator = np.random.default_rng((seed, epoch))
        jittered = rows.lengths * generator.uniform(0.9, 1.1, len(rows))
        order = np.argsort(jittered, kind="stable")
        cuts = [0]
        for at in range(len(order)):
            longest = int(rows.lengths[order[cuts[-1] : at + 1]].max()) if at - cuts[-1] < 64 else batch_tokens
            if longest * (at + 1 - cuts[-1]) > batch_tokens and at > cuts[-1]:
                cuts.append(at)
        groups = np.split(order, cuts[1:])
        for number in generator.permutation(len(groups)):
            yield groups[number]
        epoch += 1


def pad(rows: Rows, batch: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Token ids and kinds [rows, longest row], padded on the right with zeros."""
    longest = math.ceil(int(rows.lengths[batch].max()) / 32) * 32
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    kinds = torch.zeros(len(batch), longest, dtype=torch.uint8)
    for place, row in enumerate(batch):
        start, end = rows.starts[row], rows.starts[row + 1]
        ids[place, : end - start] = torch.from_numpy(rows.ids[start:end].astype(np.int64))
        kinds[place, : end - start] = torch.from_numpy(rows.kinds[start:end].copy())
    return ids, kinds
