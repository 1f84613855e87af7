"""Logits -> token. Greedy: a grounded answer should be the same every time."""

from collections.abc import Iterable

import torch
from torch import Tensor

from server.errors import RunError


def pick(logits: Tensor, *, allowed: Iterable[int] | None = None, banned: Iterable[int] = ()) -> int:
    """The likeliest token of logits [vocabulary], among `allowed` when given. Raises RunError (`run_nan`)."""
    if not bool(torch.isfinite(logits).all()):
        raise RunError(
            "The model computed values that are no numbers. Ask again, or choose another copilot.", code="run_nan"
        )
    if allowed is None:
        blocked = list(banned)
        if blocked:
            logits = logits.clone()
            logits[blocked] = float("-inf")
        return int(logits.argmax())
    choices = torch.tensor(sorted(allowed), device=logits.device)
    return int(choices[logits[choices].argmax()])
