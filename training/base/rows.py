"""Conversations -> packed token rows on disk, rendered through `server.prompt` exactly as served."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.errors import PageError
from server.page import Page
from server.prompt import PromptLayout, Turn

PAGE, ANSWER = 1, 2  # what a token belongs to: text that is read, text that is answered; 0 is layout


@dataclass(frozen=True, slots=True)
class Row:
    ids: list[int]
    kinds: list[int]  # 0, PAGE or ANSWER for each token, as a target


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows end to end: `ids` [tokens] uint16, `kinds` [tokens] uint8, `starts` [rows + 1] int64."""

    ids: NDArray[np.uint16]
    kinds: NDArray[np.uint8]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.ids.tobytes() + self.kinds.tobytes()).hexdigest()[:16]

    def save(self, path: Path) -> None:
        np.savez(path, ids=self.ids, kinds=self.kinds, starts=self.starts)

    @classmethod
    def load(cls, path: Path) -> "Rows":
        with np.load(path) as file:
            return cls(file["ids"], file["kinds"], file["starts"])


def render(layout: PromptLayout, page: Page, turns: Iterable[Turn], *, context: int) -> Row | None:
    """One conversation as tokens; turns that do not fit into `context` are left out."""
    try:
        prefix = layout.page(page, tokens_max=context - 64)
    except PageError:
        return None
    ids = list(prefix.ids)
    kinds = [0] * len(ids)
    for start, end in prefix.spans.values():
        kinds[start:end] = [PAGE] * (end - start)
    for turn in turns:
        asked, answer = layout.ask(turn.question, norms=""), layout.text(turn.answer)
        closing = layout.answer_end
        if len(ids) + len(asked) + len(answer) + len(closing) > context:
            continue
        ids += asked + answer + closing
        kinds += [0] * len(asked) + [ANSWER] * (len(answer) + 1) + [0] * (len(closing) - 1)
    return Row(ids, kinds)


def collect(rows: Iterator[Row]) -> Rows:
    ids: list[NDArray[np.uint16]] = []
    kinds: list[NDArray[np.uint8]] = []
    starts = [0]
    for row in rows:
        ids.append(np.array(row.ids, dtype=np.uint16))
        kinds.append(np.array(row.kinds, dtype=np.uint8))
        starts.append(starts[-1] + len(row.ids))
    return Rows(np.concatenate(ids), np.concatenate(kinds), np.array(starts, dtype=np.int64))
