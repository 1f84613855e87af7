"""What rows hold of the KV cache: found when they are admitted, kept when they end; pages until they are closed.

Called by worker, in its thread. Knows the tree, the adapters and the runner's tails; no scheduler, no events.
"""

from server.engine import PageInfo, PageTokens
from server.engine.local.forward.runner import Runner
from server.engine.local.kvcache import BASE_KIND, Segment, SegmentTree
from server.engine.local.lora import ResidentAdapters
from server.engine.local.scheduler import Row


class RowCache:
    def __init__(self, tree: SegmentTree, adapters: ResidentAdapters, runner: Runner) -> None:
        self._tree, self._adapters, self._runner = tree, adapters, runner
        self._leases: dict[tuple[int, ...], list[Segment]] = {}

    def admit(self, row: Row) -> None:
        """Find the row's KV and hold it; read its adapter."""
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

    def release(self, row: Row) -> None:
        if row.segment is not None:
            self._tree.release(row.segment)
        if row.tail is not None:
            row.tail.free()
        row.segment, row.tail = None, None
        self._tree.evict()

    def keep(self, row: Row) -> None:
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

    def hold_page(self, row: Row) -> PageInfo:
        """Hang the page that the row has read into the tree, and hold it until it is closed."""
        assert row.tail is not None  # noqa: S101 - called for admitted rows only
        segment = row.segment
        if row.tail.length:
            segment = self._tree.add(BASE_KIND, segment, row.ids[row.cached :], row.tail)
        assert segment is not None  # noqa: S101 - a page has tokens
        self._tree.lease(segment)
        self._leases.setdefault(tuple(row.ids), []).append(segment)
        row.holds_page = True
        return PageInfo(len(row.ids), row.cached)

    def close_page(self, page: PageTokens) -> None:
        held = self._leases.get(page.ids)
        if held:
            self._tree.release(held.pop())
            if not held:
                del self._leases[page.ids]
        self._tree.evict()
