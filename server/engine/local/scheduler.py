"""Which row computes which tokens in the next step: admission, fairness, chunked prefill, mixed batches.

A row is one sequence: a page being read, or an answer. Every step packs one token of each decoding row and a
chunk of the prompts that are still being read, shared evenly, so that a long page never stalls an answer.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from server.engine import AdapterRef, ChooseQuote, Finished, Opening, PageInfo, Tokens
from server.engine.local.base.adapter import AdapterWeights
from server.engine.local.forward.tails import Tail
from server.engine.local.kvcache import NoRoom, Segment
from server.engine.local.lookup import Lookup
from server.engine.local.quoting import QuoteGuard
from server.errors import Busy, RetinueError

DRAFTED_MAX = 32  # guessed tokens in one step, shared by the rows that decode

RowEvent = Tokens | Finished | PageInfo | RetinueError | tuple[int, int]


@dataclass(eq=False, slots=True, kw_only=True)
class Row:
    """`ids` is the whole sequence so far; tokens before `done` have KV in `segment` or `tail`.

    The adapter acts from token `activation` on. `emit` hands events to the caller; the last one is terminal.
    """

    ids: list[int]
    activation: int
    emit: Callable[[RowEvent], None]
    client: str = ""
    adapter_ref: AdapterRef | None = None
    prompt_tokens: int = 0
    tokens_max: int = 0
    stop_ids: frozenset[int] = frozenset()
    deadline: float = float("inf")
    reads_page: bool = False
    holds_page: bool = False  # the page was read and its segment is leased for the caller
    guard: QuoteGuard | None = None
    choose_quote: ChooseQuote | None = None
    unless_sure: Opening | None = None
    attempt: int = 0  # as Request.attempt
    opening_log_p: float = 0.0  # of the part of `unless_sure` that the answer began with
    lookup: Lookup | None = None
    adapter: AdapterWeights | None = None
    segment: Segment | None = None  # the last shared segment; its path is asked for anew each step, as segments split
    tail: Tail | None = None
    done: int = 0
    cached: int = 0
    answer_tokens: int = 0
    cancelled: bool = False
    ended: bool = False

    @property
    def pending(self) -> int:
        return len(self.ids) - self.done

    def advance(self, tokens: int) -> None:
        """Count in KV that a step has written."""
        assert self.tail is not None  # noqa: S101 - rows that take part in a step have a tail
        self.tail.length += tokens
        self.done += tokens

    def end(self, event: RowEvent) -> None:
        """Emit the terminal event, once."""
        if not self.ended:
            self.ended = True
            self.emit(event)

    def finished(self, reason: Literal["stop", "length", "cancelled"]) -> Finished:
        return Finished(reason, self.prompt_tokens, self.cached, self.answer_tokens)


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens [row.done, row.done + count) of a row, to be computed in this step, and guesses of those after them."""

    row: Row
    count: int
    draft: tuple[int, ...] = ()


class Scheduler:
    """Holds the rows. `admit` and `release` open and close a row's hold on the KV cache."""

    def __init__(
        self,
        *,
        rows_max: int,
        waiting_max: int,
        chunk_tokens: int,
        admit: Callable[[Row], None],
        release: Callable[[Row], None],
    ) -> None:
        self._rows_max, self._waiting_max, self._chunk = rows_max, waiting_max, chunk_tokens
        self._admit, self._release = admit, release
        self.waiting: deque[Row] = deque()
        self.running: list[Row] = []

    def submit(self, row: Row) -> None:
        """Queue the row. When too many wait, the latest of the client with the most of them ends with Busy."""
        self.waiting.append(row)
        if len(self.waiting) > self._waiting_max:
            waiting = Counter(one.client for one in self.waiting)
            most = max(waiting.values())
            latest = next(one for one in reversed(self.waiting) if waiting[one.client] == most)
            self.waiting.remove(latest)
            latest.end(Busy("Too many answers are waiting. Try again in a moment.", retry_after_ms=2_000))

    def plan(self) -> list[Work]:
        """Drop what is cancelled or late, admit what fits, and share the step out."""
        self._drop_ended()
        while self.waiting and len(self.running) < self._rows_max:
            if not self._start(self._next()):
                break
        decoding = [row for row in self.running if row.pending == 1]
        reading = [row for row in self.running if row.pending > 1]
        work = [self._decode(row, room=DRAFTED_MAX // len(decoding)) for row in decoding]
        return work + self._share_out(reading)

    def _share_out(self, reading: list[Row]) -> list[Work]:
        """The step's prompt tokens: the same for each client, and then for each of its rows."""
        rows, work, room = Counter(row.client for row in reading), [], self._chunk
        clients = Fraction(len(rows))
        for row in reading:
            part = Fraction(1, rows[row.client])
            count = min(row.pending, max(1, int(room * part / clients)))
            clients -= part
            room -= count
            work.append(Work(row, count))
        return work

    def finish(self, row: Row, event: RowEvent) -> None:
        """Take the row out and tell its caller."""
        try:
            if row in self.running:
                self.running.remove(row)
                self._release(row)
        finally:
            row.end(event)

    def fail_all(self, error: RetinueError) -> None:
        for row in [*self.running, *self.waiting]:
            self.finish(row, error)
        self.waiting.clear()

    @staticmethod
    def _decode(row: Row, *, room: int) -> Work:
        """One token, and the guesses of those after it that the row and the step have room for."""
        if row.lookup is None or row.answer_tokens == 0:
            return Work(row, 1)
        left = row.tokens_max - row.answer_tokens - 1
        return Work(row, 1, row.lookup.draft(room=min(room, left)))

    def _next(self) -> Row:
        """The first in line of the client that has the fewest rows running."""
        running = Counter(row.client for row in self.running)
        row = min(self.waiting, key=lambda one: running[one.client])  # the first of equals
        self.waiting.remove(row)
        return row

    def _start(self, row: Row) -> bool:
        """False when the row has to wait for the memory of those that run."""
        self.running.append(row)
        try:
            self._admit(row)
        except NoRoom as error:
            self.running.remove(row)
            if self.running:
                self.waiting.appendleft(row)
                return False
            row.end(error)
        except RetinueError as error:
            self.finish(row, error)
        return True

    def _drop_ended(self) -> None:
        now = time.monotonic()
        for row in [*self.running, *self.waiting]:
            if row.cancelled or now > row.deadline:
                if row in self.waiting:
                    self.waiting.remove(row)
                self.finish(row, row.finished("cancelled" if row.cancelled else "length"))
