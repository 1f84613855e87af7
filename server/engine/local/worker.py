"""The engine's thread: owns the tensors and does one step after another. Asked through `inbox` by local.

Every row gets exactly one terminal event, also when a step fails: the step is then repeated row by row, and only
the row that fails again is ended with its error.
"""

import logging
import math
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch

from server.engine import BaseInfo, ChooseQuote, PageInfo, PageTokens, Request, Tokens
from server.engine.local.allocator import keep_freed_memory
from server.engine.local.base.loader import load_base, read_adapter
from server.engine.local.forward.precision import runner_for
from server.engine.local.kvcache import BASE_KIND, Segment, SegmentTree
from server.engine.local.lookup import Lookup
from server.engine.local.lora import ResidentAdapters
from server.engine.local.quoting import PageIndex, QuoteGuard, Vocabulary
from server.engine.local.sampling import pick
from server.engine.local.scheduler import Row, Scheduler, Work
from server.errors import BaseError, RetinueError, RunError
from server.settings import Settings

_log = logging.getLogger(__name__)
IDLE_S = 0.5
PAGE_INDEXES_HELD = 32
REASON_CHARS_MAX = 300

Command = Callable[[], None]


class Worker:
    """All methods but `run` are called in the thread that runs it, as commands out of `inbox`; None there ends it."""

    def __init__(self, settings: Settings, folder: Path, *, dtype: torch.dtype | None, device: str) -> None:
        self._settings, self._folder, self._dtype, self._device = settings, folder, dtype, device
        self.inbox: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self.info: BaseInfo | None = None  # set once the base is loaded
        self._drafted = self._accepted = self._repeated = 0
        self._leases: dict[tuple[int, ...], list[Segment]] = {}
        self._indexes: dict[tuple[int, ...], PageIndex] = {}

    def run(self, settle: Callable[[RetinueError | None], None]) -> None:
        """Load the base, tell how that went, then step until `inbox` ends."""
        try:
            self._load()
        except BaseException as error:  # whoever waits for the start hears of every end
            settle(_as_base_error(error, self._folder.name))
            return
        settle(None)
        while True:
            try:
                if not self._drain(wait=not (self._scheduler.running or self._scheduler.waiting)):
                    self._scheduler.fail_all(RunError("The server is shutting down.", code="going_away"))
                    return
                self._step()
            except Exception:
                _log.exception("engine step failed")
                message = "The engine had to start over. Ask again."
                self._scheduler.fail_all(RunError(message, code="engine_restarted", retry_after_ms=500))

    def _load(self) -> None:
        keep_freed_memory()
        torch.set_num_threads(self._settings.threads)
        base = load_base(self._folder, dtype=self._dtype, device=self._device)
        self._runner, linears = runner_for(base, self._folder, settings=self._settings), base.linears
        self._vocabulary = Vocabulary.load(self._folder)
        self._tree = SegmentTree(self._settings.kv_bytes_max)
        self._adapters = ResidentAdapters(
            lambda ref: read_adapter(ref, linears), bytes_max=self._settings.adapters_resident_bytes_max
        )
        self._scheduler = Scheduler(
            rows_max=self._settings.rows_max,
            waiting_max=self._settings.runs_waiting_max,
            chunk_tokens=self._settings.prefill_chunk_tokens,
            admit=self._admit,
            release=self._release,
        )
        self.info = base.info  # the model itself may go: the runner holds what it needs

    def _drain(self, *, wait: bool) -> bool:
        """Do what asyncio asked for; False when it asked to stop."""
        try:
            command = self.inbox.get(timeout=IDLE_S) if wait else self.inbox.get_nowait()
            while True:
                if command is None:
                    return False
                command()
                command = self.inbox.get_nowait()
        except queue.Empty:
            return True

    def stats(self) -> dict[str, int]:
        """As `Engine.stats`; read from any thread, so the numbers may be of neighbouring steps."""
        return {
            "rows_running": len(self._scheduler.running),
            "rows_waiting": len(self._scheduler.waiting),
            "kv_bytes": self._tree.bytes,
            "kv_segments": sum(1 for _ in self._tree.segments()),
            "adapters_resident": len(self._adapters),
            "adapter_bytes": self._adapters.bytes,
            "tails": self._runner.tails.rows,
            "tokens_drafted": self._drafted,
            "tokens_accepted": self._accepted,
            "steps_repeated": self._repeated,
        }

    def read_page(self, row: Row, page: PageTokens) -> None:
        """Queue a row that reads a page, and index its text so that no question waits for that."""
        try:
            self._index(page)
        except Exception as error:
            row.end(_as_run_error(error))
            return
        self._scheduler.submit(row)

    def submit(self, row: Row, request: Request) -> None:
        """Queue a row that answers."""
        if row.tokens_max < 1:
            message = "Page, history and question fill the base model's context. Ask a shorter question."
            row.end(RunError(message, code="run_too_long"))
            return
        try:
            index = self._index(request.page)
            if request.constrain_quotes and request.page.spans:
                row.guard = QuoteGuard(index, self._vocabulary)
                row.choose_quote = request.choose_quote
            row.unless_sure = request.unless_sure
            if self._settings.prompt_lookup:
                row.lookup = Lookup(index.repeats, row.ids[len(request.page.ids) :])
        except Exception as error:  # the row is nowhere yet: nobody else could end it
            row.end(_as_run_error(error))
            return
        self._scheduler.submit(row)

    def _index(self, page: PageTokens) -> PageIndex:
        index = self._indexes.pop(page.ids, None) or PageIndex.build(page, self._vocabulary)
        self._indexes[page.ids] = index
        while len(self._indexes) > PAGE_INDEXES_HELD:
            self._indexes.pop(next(iter(self._indexes)))
        return index

    def _admit(self, row: Row) -> None:
        """Find the row's KV and hold it; read its adapter. Raises CopilotError and RunError."""
        try:
            self._take_in(row)
        except RetinueError:
            raise
        except Exception as error:
            raise _as_run_error(error) from error

    def _take_in(self, row: Row) -> None:
        if row.adapter_ref is not None:
            row.adapter = self._adapters.get(row.adapter_ref)
            if not row.adapter.activated:
                row.activation = 0
        shared, kind = row.ids[: row.activation], BASE_KIND
        if row.adapter is not None and not row.adapter.activated:
            shared, kind = row.ids, row.adapter.digest
        keep_one = shared if row.reads_page else shared[: len(row.ids) - 1]
        segment, row.done = self._tree.match(kind, keep_one)
        row.cached = row.done
        if segment is not None:
            row.segment = segment
            self._tree.lease(segment)
        row.tail = self._runner.new_tail(row.pending + min(row.tokens_max, 128))
        if row.reads_page and not row.pending:
            self._page_read(row)

    def _release(self, row: Row) -> None:
        if row.segment is not None:
            self._tree.release(row.segment)
        if row.tail is not None:
            row.tail.free()
        row.segment, row.tail = None, None
        self._tree.evict()

    def _step(self) -> None:
        work = [item for item in self._scheduler.plan() if not item.row.ended]
        if not work:
            return
        try:
            self._advance(work)
        except Exception as error:  # its text may hold page text
            self._repeated += 1
            _log.warning(
                "a step of %d rows failed and is repeated row by row error=%s", len(work), type(error).__name__
            )
            for item in work:
                self._advance_alone(item)

    def _advance_alone(self, item: Work) -> None:
        if item.row.ended:
            return
        try:
            self._advance([item])
        except RetinueError as error:
            self._scheduler.finish(item.row, error)
        except Exception as error:
            self._scheduler.finish(item.row, _as_run_error(error))

    def _advance(self, work: list[Work]) -> None:
        logits = self._runner.step(work)
        for item, row_logits in zip(work, logits, strict=True):
            try:
                self._commit(item, row_logits)
            except RetinueError as error:
                self._scheduler.finish(item.row, error)
            except Exception as error:  # the other rows have moved on: only this one can be given up
                self._scheduler.finish(item.row, _as_run_error(error))

    def _commit(self, item: Work, logits: torch.Tensor) -> None:
        """Count the step's KV in and hand on what the row got. logits: [1 + drafted, vocabulary]."""
        row = item.row
        row.advance(item.count)
        if row.reads_page:
            self._page_progress(row)
        elif not row.pending:
            self._decode(row, item.draft, logits)

    def _decode(self, row: Row, draft: tuple[int, ...], logits: torch.Tensor) -> None:
        """Take the token that the model picks, and as many drafted ones as it would have picked."""
        accepted = 0
        for place in range(len(logits)):
            token = self._pick(row, logits[place])
            self._take(row, token)
            if row.ended or place == len(draft) or token != draft[place]:
                break
            quoted = row.pending > 1  # a chosen quotation follows the token: the other guesses are void
            row.advance(1)
            accepted += 1
            if quoted:
                break
        self._drafted, self._accepted = self._drafted + len(draft), self._accepted + accepted
        if row.lookup is not None:
            row.lookup.learn(drafted=len(draft), accepted=accepted)

    def _pick(self, row: Row, logits: torch.Tensor) -> int:
        unsure = self._unsure(row, logits)
        if row.guard is None:
            return pick(logits, banned=unsure)
        return pick(logits, allowed=row.guard.allowed(), banned=row.guard.banned | unsure)

    @staticmethod
    def _unsure(row: Row, logits: torch.Tensor) -> set[int]:
        """The last token of an opening that the model is not sure enough of. logits: [vocabulary]."""
        opening, written = row.unless_sure, row.answer_tokens
        if opening is None or written >= len(opening.ids):
            return set()
        if tuple(row.ids[len(row.ids) - written :]) != opening.ids[:written]:
            row.unless_sure = None
            return set()
        token = opening.ids[written]
        row.opening_log_p += float(logits.float().log_softmax(-1)[token])
        is_last = written == len(opening.ids) - 1
        return {token, *opening.alike} if is_last and row.opening_log_p < math.log(opening.least) else set()

    def _take(self, row: Row, token: int) -> None:
        if token in row.stop_ids:
            self._finish(row, "stop")
            return
        row.ids.append(token)
        row.answer_tokens += 1
        if row.guard is not None:
            row.guard.accept(token)
        if row.lookup is not None:
            row.lookup.extend((token,))
        row.emit(Tokens((token,)))
        if row.guard is not None and row.choose_quote is not None and row.guard.opened:
            self._quote(row, row.guard, row.choose_quote)
        if row.answer_tokens >= row.tokens_max:
            self._finish(row, "length")

    def _quote(self, row: Row, guard: QuoteGuard, choose: ChooseQuote) -> None:
        """Append the chosen quotation in one piece: its KV is computed in the next step, and nothing is decoded."""
        chosen = choose(row.ids[-row.answer_tokens :])
        if not chosen or row.answer_tokens + len(chosen) >= row.tokens_max:
            return  # the token guard goes on
        row.ids.extend(chosen)
        row.answer_tokens += len(chosen)
        guard.skip(chosen)
        if row.lookup is not None:
            row.lookup.extend(chosen)
        row.emit(Tokens(tuple(chosen)))

    def _finish(self, row: Row, reason: Literal["stop", "length"]) -> None:
        self._keep(row)
        self._scheduler.finish(row, row.finished(reason))

    def _keep(self, row: Row) -> None:
        """Hang what the row computed into the tree, for the next turn of its thread.

        What an activated adapter wrote is left out: PEFT computes a thread's earlier turns with the base.
        """
        assert row.tail is not None  # noqa: S101 - called for running rows only
        kind, until = BASE_KIND, row.done
        if row.adapter is not None and row.adapter.activated:
            until = min(until, row.activation)
        elif row.adapter is not None:
            kind = row.adapter.digest
        segment, known = self._tree.match(kind, row.ids[:until])
        if row.cached <= known < until:
            self._tree.add(kind, segment, row.ids[known:until], row.tail, start=known - row.cached)

    def _page_progress(self, row: Row) -> None:
        row.emit((row.done, len(row.ids)))
        if row.pending == 0:
            self._page_read(row)

    def _page_read(self, row: Row) -> None:
        """Hang the page into the tree and hold it until it is closed."""
        assert row.tail is not None  # noqa: S101 - called for admitted rows only
        segment = row.segment
        if row.tail.length:
            segment = self._tree.add(BASE_KIND, segment, row.ids[row.cached :], row.tail)
        assert segment is not None  # noqa: S101 - a page has tokens
        self._tree.lease(segment)
        self._leases.setdefault(tuple(row.ids), []).append(segment)
        row.holds_page = True
        self._scheduler.finish(row, PageInfo(len(row.ids), row.cached))

    def close_page(self, page: PageTokens) -> None:
        held = self._leases.get(page.ids)
        if held:
            self._tree.release(held.pop())
            if not held:
                del self._leases[page.ids]
        self._tree.evict()


def _as_base_error(error: BaseException, base: str) -> RetinueError:
    """Why the base cannot be used; at a start the text of the error holds no page text."""
    if isinstance(error, RetinueError):
        return error
    if _is_memory(error):
        message = f"There is not enough memory to load {base}. Close other programs, or choose a smaller base model."
        return BaseError(message, code="base_memory")
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:REASON_CHARS_MAX]
    return BaseError(f"{base} cannot be loaded ({reason}). `retinue doctor` checks its files.", code="base_load_failed")


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "memory" in str(error).lower()


def _as_run_error(error: Exception) -> RunError:
    if _is_memory(error):
        return RunError("There is not enough memory for this answer. Close a page and ask again.", code="run_memory")
    return RunError(f"The engine failed on this answer ({type(error).__name__}). Ask again.", code="run_failed")
