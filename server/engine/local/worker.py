"""The engine's thread: owns the tensors and does one step after another. Asked through `inbox` by local.

Every row gets exactly one terminal event, also when a step fails: the step is then repeated row by row, and only
the row that fails again is ended with its error.
"""

import gc
import logging
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch

from server.engine import BaseInfo, PageTokens, Request
from server.engine.local.allocator import give_back, keep_freed_memory
from server.engine.local.base.adapter import read_adapter
from server.engine.local.base.loader import load_base
from server.engine.local.decoding import Decoding
from server.engine.local.faults import as_base_error, as_run_error
from server.engine.local.forward.precision import runner_for
from server.engine.local.kvcache import SegmentTree
from server.engine.local.lookup import Lookup
from server.engine.local.lora import ResidentAdapters
from server.engine.local.quoting import PageIndex, QuoteGuard
from server.engine.local.rowcache import RowCache
from server.engine.local.scheduler import Row, Scheduler, Work
from server.engine.local.vocabulary import Vocabulary
from server.errors import RetinueError, RunError
from server.settings import Settings

_log = logging.getLogger(__name__)
IDLE_S = 0.5
IDLES_UNTIL_GIVEN_BACK, PAGES_UNTIL_GIVEN_BACK = 10, 8
PAGE_INDEXES_HELD = 32

Command = Callable[[], None]


class Worker:
    """All methods but `run` are called in the thread that runs it, as commands out of `inbox`; None there ends it."""

    def __init__(self, settings: Settings, folder: Path, *, dtype: torch.dtype | None, device: str) -> None:
        self._settings, self._folder, self._dtype, self._device = settings, folder, dtype, device
        self.inbox: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self.info: BaseInfo | None = None  # set once the base is loaded
        self._repeated = 0
        self._idles = 0  # in a row
        self._pages_read = 0
        self._last: dict[str, int] | None = None  # its figures once it has stopped
        self._indexes: dict[tuple[int, ...], PageIndex] = {}

    def run(self, settle: Callable[[RetinueError | None], None]) -> None:
        """Load the base, tell how that went, then step until `inbox` ends."""
        try:
            self._load()
        except BaseException as error:  # whoever waits for the start hears of every end
            settle(as_base_error(error, self._folder.name))
            return
        settle(None)
        while True:
            try:
                if not self._drain(wait=not (self._scheduler.running or self._scheduler.waiting)):
                    message = "This model stops: another one takes over, or the server ends. Ask again."
                    self._scheduler.fail_all(RunError(message, code="going_away"))
                    self._let_go()
                    return
                self._step()
            except BaseException as error:  # a panic in a library is none of Exception; without this thread all waits
                _log.error("engine step failed error=%s", type(error).__name__)
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
        self._cache = RowCache(self._tree, self._adapters, self._runner)
        self._decoding = Decoding(self._finish)
        self._scheduler = Scheduler(
            rows_max=self._settings.rows_max,
            waiting_max=self._settings.runs_waiting_max,
            chunk_tokens=self._settings.prefill_chunk_tokens,
            admit=self._admit,
            release=self._cache.release,
        )
        self._weight_bytes = sum(weight.numel() * weight.element_size() for weight in base.model.parameters())
        self.info = base.info  # the model itself may go: the runner holds what it needs
        del base
        gc.collect()
        give_back()

    def _let_go(self) -> None:
        """Weights and KV go with the thread, also while an answer that has ended still holds the engine."""
        self._last = self.stats()
        del self._runner, self._cache, self._tree, self._adapters, self._scheduler, self._decoding, self._vocabulary
        self._indexes.clear()

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
            self._idles += wait
            if self._idles == IDLES_UNTIL_GIVEN_BACK:
                give_back()  # also on a laptop where the server runs all day and is asked twice
            return True

    def stats(self) -> dict[str, int]:
        """As `Engine.stats`; read from any thread, so the numbers may be of neighbouring steps."""
        if self._last is not None:
            return self._last
        return {
            "rows_running": len(self._scheduler.running),
            "rows_waiting": len(self._scheduler.waiting),
            "kv_bytes": self._tree.bytes,
            "kv_segments": sum(1 for _ in self._tree.segments()),
            "adapters_resident": len(self._adapters),
            "adapter_bytes": self._adapters.bytes,
            "tails": self._runner.tails.rows,
            "tokens_drafted": self._decoding.drafted,
            "tokens_accepted": self._decoding.accepted,
            "steps_repeated": self._repeated,
            "weight_bytes": self._weight_bytes,
            "weight_bits": self._runner.weight_bits,
        }

    def read_page(self, row: Row, page: PageTokens) -> None:
        """Queue a row that reads a page, and index its text so that no question waits for that."""
        try:
            self._index(page)
        except Exception as error:
            row.end(as_run_error(error))
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
            row.end(as_run_error(error))
            return
        self._scheduler.submit(row)

    def _index(self, page: PageTokens) -> PageIndex:
        index = self._indexes.pop(page.ids, None) or PageIndex.build(page, self._vocabulary)
        self._indexes[page.ids] = index
        while len(self._indexes) > PAGE_INDEXES_HELD:
            self._indexes.pop(next(iter(self._indexes)))
        return index

    def _admit(self, row: Row) -> None:
        """Raises CopilotError and RunError."""
        try:
            self._cache.admit(row)
            if row.reads_page and not row.pending:
                self._page_read(row)
        except RetinueError:
            raise
        except Exception as error:
            raise as_run_error(error) from error

    def _step(self) -> None:
        work = [item for item in self._scheduler.plan() if not item.row.ended]
        if not work:
            return
        self._idles = 0
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
            self._scheduler.finish(item.row, as_run_error(error))

    def _advance(self, work: list[Work]) -> None:
        logits = self._runner.step(work)
        for item, row_logits in zip(work, logits, strict=True):
            try:
                self._commit(item, row_logits)
            except RetinueError as error:
                self._scheduler.finish(item.row, error)
            except Exception as error:  # the other rows have moved on: only this one can be given up
                self._scheduler.finish(item.row, as_run_error(error))

    def _commit(self, item: Work, logits: torch.Tensor) -> None:
        """Count the step's KV in and hand on what the row got. logits: [1 + drafted, vocabulary]."""
        row = item.row
        row.advance(item.count)
        if row.reads_page:
            self._page_progress(row)
        elif not row.pending:
            self._decoding.decode(row, item.draft, logits)

    def _page_progress(self, row: Row) -> None:
        row.emit((row.done, len(row.ids)))
        if row.pending == 0:
            self._page_read(row)

    def _page_read(self, row: Row) -> None:
        self._scheduler.finish(row, self._cache.hold_page(row))
        self._pages_read += 1
        if self._pages_read % PAGES_UNTIL_GIVEN_BACK == 0:
            give_back()  # pages of all lengths leave holes, 0.3 GiB in half an hour; it takes some 0.05 s

    def close_page(self, page: PageTokens) -> None:
        self._cache.close_page(page)

    def _finish(self, row: Row, reason: Literal["stop", "length"]) -> None:
        self._cache.keep(row)
        self._scheduler.finish(row, row.finished(reason))
