"""Conversations -> token rows on disk, rendered through `server.prompt` exactly as served.

A row is one page and several conversations about it. Each of them is a branch: it sees the page and
itself, at the positions that it would have alone. So a page is read once for all of its questions.
"""

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.errors import DataError, PageError
from server.page import Page
from server.prompt import PromptLayout
from training.base.tasks import Conversation, Entry

PAGE, ANSWER = 1, 2  # what a token belongs to: text that is read, text that is answered; 0 is layout
TOKENS_MAX = 3_000  # of a page
BRANCHES_MAX = 255


@dataclass(frozen=True, slots=True)
class Row:
    ids: list[int]
    kinds: list[int]  # 0, PAGE or ANSWER for each token, as a target
    branches: list[int]  # 0 for the page, then the conversation's number


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows end to end: `ids` [tokens] uint16, `kinds` and `branches` [tokens] uint8, `starts` [rows + 1] int64."""

    ids: NDArray[np.uint16]
    kinds: NDArray[np.uint8]
    branches: NDArray[np.uint8]
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
        """Whole or not at all: a file that is there can be read."""
        beside = path.with_suffix(".new")
        with beside.open("wb") as file:
            np.savez(file, ids=self.ids, kinds=self.kinds, branches=self.branches, starts=self.starts)
        beside.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Rows":
        with np.load(path) as file:
            return cls(file["ids"], file["kinds"], file["branches"], file["starts"])


def render(layout: PromptLayout, page: Page, branches: Iterable[Conversation | Entry], *, room: int) -> Row | None:
    """The page and as many branches as fit into `room` tokens beside it; None when nothing fits."""
    try:
        prefix = layout.page(page, tokens_max=TOKENS_MAX)
    except PageError:
        return None
    ids = list(prefix.ids)
    kinds = [0] * len(ids)
    for start, end in prefix.spans.values():
        kinds[start:end] = [PAGE] * (end - start)
    owners = [0] * len(ids)
    for number, branch in enumerate(itertools.islice(branches, BRANCHES_MAX), start=1):
        tokens, targets = _entry(layout, branch) if isinstance(branch, Entry) else _conversation(layout, branch)
        if len(ids) + len(tokens) > len(prefix.ids) + room:
            break
        ids += tokens
        kinds += targets
        owners += [number] * len(tokens)
    return Row(ids, kinds, owners) if owners[-1] else None


def _conversation(layout: PromptLayout, conversation: Conversation) -> tuple[list[int], list[int]]:
    """Token ids and kinds of one conversation; an answer's kind covers the token that ends it."""
    ids: list[int] = []
    kinds: list[int] = []
    for turn in conversation.turns:
        norms = conversation.norms if turn is conversation.turns[-1] else ""
        asked, answer, closing = layout.ask(turn.question, norms=norms), layout.text(turn.answer), layout.answer_end
        ids += asked + answer + closing
        kinds += [0] * len(asked) + [ANSWER] * (len(answer) + 1) + [0] * (len(closing) - 1)
    return ids, kinds


def _entry(layout: PromptLayout, entry: Entry) -> tuple[list[int], list[int]]:
    """The word behind a user header, then its place; the bracket or quotation mark itself is no target."""
    asked, answer = layout.user_header + layout.text(entry.word), layout.text(f" {entry.answer}")
    return asked + answer, [0] * (len(asked) + 1) + [ANSWER] * (len(answer) - 1)


def collect(rows: Iterable[Row], *, tokens_max: int) -> Rows:
    """Rows until they hold `tokens_max` tokens, or all."""
    ids: list[NDArray[np.uint16]] = []
    kinds: list[NDArray[np.uint8]] = []
    branches: list[NDArray[np.uint8]] = []
    starts = [0]
    for row in rows:
        ids.append(np.array(row.ids, dtype=np.uint16))
        kinds.append(np.array(row.kinds, dtype=np.uint8))
        branches.append(np.array(row.branches, dtype=np.uint8))
        starts.append(starts[-1] + len(row.ids))
        if starts[-1] >= tokens_max:
            break
    if not ids:
        raise DataError("The corpus has no page with two blocks or more.", code="data_missing")
    return Rows(np.concatenate(ids), np.concatenate(kinds), np.concatenate(branches), np.array(starts, dtype=np.int64))
