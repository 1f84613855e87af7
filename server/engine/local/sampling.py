"""Logits -> token. Greedy: a grounded answer should be the same every time; who asks for another one gets a sample.
Loops are cut while they begin.
"""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from server.errors import RunError

REPEATED_TOKENS = 6
TEMPERATURE = 0.8
SAMPLED_LEAST = 0.1  # of the likeliest token's probability: what has less never comes (min-p): at most ten can


@dataclass(frozen=True, slots=True)
class Draw:
    """Names one random choice: the token at `place` of the answer, in the `attempt`th answer to the question."""

    attempt: int
    place: int

    def noise(self, token: int) -> float:
        """Gumbel noise. It belongs to place and token, so that a drafted token is judged as a decoded one is."""
        uniform = random.Random(f"{self.attempt} {self.place} {token}").random()  # noqa: S311 - no secret
        return -math.log(-math.log(max(uniform, 1e-12)))


def pick(
    logits: Tensor, *, allowed: Iterable[int] | None = None, banned: Iterable[int] = (), draw: Draw | None = None
) -> int:
    """The likeliest token of logits [vocabulary], or with `draw` a sampled one; among `allowed` when given.

    Raises RunError (`run_nan`).
    """
    top, likeliest = logits.max(dim=-1)
    if not math.isfinite(float(top)):  # a maximum over values that hold a NaN is NaN
        raise RunError(
            "The model computed values that are no numbers. Ask again, or choose another copilot.", code="run_nan"
        )
    if allowed is None:
        blocked = set(banned)
        if draw is None and int(likeliest) not in blocked:
            return int(likeliest)
        logits = logits.clone()
        logits[list(blocked)] = float("-inf")
        choices = torch.arange(len(logits), device=logits.device)
    else:
        choices = torch.tensor(sorted(allowed), device=logits.device)
        logits = logits[choices]
    return int(choices[logits.argmax()]) if draw is None else _sample(logits.float(), choices, draw)


def _sample(logits: Tensor, choices: Tensor, draw: Draw) -> int:
    """One of `choices` [n], with the probabilities of logits [n] at TEMPERATURE (Gumbel-max)."""
    likely = (logits >= logits.max() + math.log(SAMPLED_LEAST)).nonzero().flatten()
    scored = zip((logits[likely] / TEMPERATURE).tolist(), choices[likely].tolist(), strict=True)
    return int(max(scored, key=lambda one: one[0] + draw.noise(one[1]))[1])


def looping(answer: Sequence[int], *, size: int = REPEATED_TOKENS) -> set[int]:
    """Tokens that would write `size` tokens in a row which the answer holds already (no-repeat n-gram)."""
    head = tuple(answer[-(size - 1) :])
    if len(answer) < size:
        return set()
    starts = range(len(answer) - size + 1)
    return {answer[at + size - 1] for at in starts if tuple(answer[at : at + size - 1]) == head}
