"""Logits -> token. Greedy: a grounded answer should be the same every time. Loops are cut while they begin."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from server.errors import RunError

REPEATED_TOKENS = 6


def pick(logits: Tensor, *, allowed: Iterable[int] | None = None, banned: Iterable[int] = ()) -> int:
    """The likeliest token of logits [vocabulary], among `allowed` when given. Raises RunError (`run_nan`)."""
    top, likeliest = logits.max(dim=-1)
    if not math.isfinite(float(top)):  # a maximum over values that hold a NaN is NaN
        raise RunError(
            "The model computed values that are no numbers. Ask again, or choose another copilot.", code="run_nan"
        )
    if allowed is None:
        blocked = set(banned)
        if int(likeliest) not in blocked:
            return int(likeliest)
        logits = logits.clone()
        logits[list(blocked)] = float("-inf")
        return int(logits.argmax())
    choices = torch.tensor(sorted(allowed), device=logits.device)
    return int(choices[logits[choices].argmax()])


def looping(answer: Sequence[int], *, size: int = REPEATED_TOKENS) -> set[int]:
    """Tokens that would write `size` tokens in a row which the answer holds already (no-repeat n-gram)."""
    head = tuple(answer[-(size - 1) :])
    if len(answer) < size:
        return set()
    starts = range(len(answer) - size + 1)
    return {answer[at + size - 1] for at in starts if tuple(answer[at : at + size - 1]) == head}
