"""What can be done with the kept threads, each in one transaction. Called by keeper and cli, in one thread.

Knows rows and frames' parts; no sockets and no event loop. Every method may raise what `faults` knows.
"""

from collections.abc import Callable

from sqlalchemy import Engine, Select, delete, func, select
from sqlalchemy.orm import Session

from server.conversation.threads.record import NewTurn, new_thread
from server.conversation.threads.search import find
from server.conversation.threads.tables import ThreadRow, TurnRow
from server.errors import LimitExceeded, ThreadError
from server.protocol.threads import FoundThread, KeptTurn, ThreadCard
from server.settings import Settings

_DAY_MS = 24 * 3600 * 1000


class Store:
    def __init__(self, engine: Engine, settings: Settings, *, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._engine = engine
        self._writing = engine.execution_options(write=True)

    def close(self) -> None:
        self._engine.dispose()

    # --- reading --------------------------------------------------------------------------------

    def cards(self, *, skip: int = 0, address: str | None = None) -> tuple[list[ThreadCard], int]:
        """A page of threads, pinned ones first, then the newest; and how many there are in all."""
        there = ThreadRow.deleted_ms.is_(None)
        wanted = there if address is None else there & (ThreadRow.address == address)
        order = (ThreadRow.pinned.desc(), ThreadRow.updated_ms.desc(), ThreadRow.id)
        page = select(ThreadRow).where(wanted).order_by(*order).offset(skip).limit(self._settings.kept_rows_max)
        with Session(self._engine) as session:
            total = session.scalar(select(func.count()).select_from(ThreadRow).where(wanted)) or 0
            return [_card(row) for row in session.scalars(page)], total

    def card(self, thread: str) -> ThreadCard:
        """Raises ThreadError (`thread_unknown`)."""
        with Session(self._engine) as session:
            return _card(_there(session, thread))

    def turns(self, thread: str, *, before: int | None = None, whole: bool = False) -> list[KeptTurn]:
        """The last turns, before turn `before` where it is given, as many as `kept_rows_max`; in order.

        Raises ThreadError (`thread_unknown`).
        """
        wanted = select(TurnRow).where(TurnRow.thread == thread).order_by(TurnRow.position.desc())
        if before is not None:
            wanted = wanted.where(TurnRow.position < before)
        if not whole:
            wanted = wanted.limit(self._settings.kept_rows_max)
        with Session(self._engine) as session:
            _there(session, thread)
            return [_turn(row) for row in session.scalars(wanted)][::-1]

    def search(self, words: str) -> list[FoundThread]:
        """The best threads first, as many as `kept_rows_max`."""
        with Session(self._engine) as session:
            hits = find(session.connection(), words, limit=self._settings.kept_rows_max)
            rows = session.scalars(select(ThreadRow).where(ThreadRow.id.in_([hit.thread for hit in hits])))
            cards = {row.id: _card(row) for row in rows}
        return [FoundThread(thread=cards[hit.thread], position=hit.position, excerpt=list(hit.excerpt)) for hit in hits]

    # --- writing --------------------------------------------------------------------------------

    def append(self, new: NewTurn) -> str:
        """The thread that it was kept in: another one when that is full, deleted, or of another page.

        Raises LimitExceeded (`threads_full`).
        """
        with Session(self._writing) as session, session.begin():
            row = session.get(ThreadRow, new.thread)
            if row is not None and not self._takes(row, new):
                new, row = NewTurn(new_thread(), new.address, new.title, new.turn), None
            self._check_room(session, new, begins=row is None)
            if row is None:
                row = _begun(new)
                session.add(row)
                session.flush()
            session.add(_turn_row(new, thread=row.id, position=row.turns))
            row.turns, row.bytes = row.turns + 1, row.bytes + new.bytes
            row.copilot, row.updated_ms = new.turn.copilot, new.turn.ended_ms
            return row.id

    def rename(self, thread: str, name: str) -> None:
        """Raises ThreadError (`thread_unknown`)."""
        with Session(self._writing) as session, session.begin():
            _there(session, thread).name = name.strip()

    def pin(self, thread: str, pinned: bool) -> None:
        """Raises ThreadError (`thread_unknown`)."""
        with Session(self._writing) as session, session.begin():
            _there(session, thread).pinned = pinned

    def rate(self, thread: str, run: str, thumb: str | None) -> None:
        """Raises ThreadError (`thread_unknown`)."""
        with Session(self._writing) as session, session.begin():
            _there(session, thread)
            wanted = select(TurnRow).where(TurnRow.thread == thread, TurnRow.run == run)
            turn = session.scalars(wanted.order_by(TurnRow.position.desc()).limit(1)).first()
            if turn is None:
                raise ThreadError("This answer is not kept.", code="thread_unknown")
            turn.thumb = thumb

    def delete(self, thread: str) -> None:
        """Until `purge` it can be restored. Raises ThreadError (`thread_unknown`)."""
        with Session(self._writing) as session, session.begin():
            _there(session, thread).deleted_ms = self._now_ms()

    def restore(self, thread: str) -> None:
        """Raises ThreadError (`thread_unknown`) when it is too late."""
        with Session(self._writing) as session, session.begin():
            row = session.get(ThreadRow, thread)
            if row is None:
                raise _unknown()
            row.deleted_ms = None

    def delete_now(self, thread: str) -> None:
        """For good, without the time to undo it. Raises ThreadError (`thread_unknown`)."""
        self.card(thread)
        self._remove(select(ThreadRow.id).where(ThreadRow.id == thread))

    def purge(self, *, deleted_before_ms: int) -> int:
        """Overwrite the threads that were deleted before. Returns how many."""
        return self._remove(select(ThreadRow.id).where(ThreadRow.deleted_ms <= deleted_before_ms))

    def forget_old(self) -> int:
        """Remove what is older than `kept_days`, pinned threads excepted. Returns how many."""
        if not self._settings.kept_days:
            return 0
        oldest_ms = self._now_ms() - self._settings.kept_days * _DAY_MS
        return self._remove(select(ThreadRow.id).where(~ThreadRow.pinned, ThreadRow.updated_ms < oldest_ms))

    def delete_all(self) -> int:
        """Every thread, for good. Returns how many there were."""
        return self._remove(select(ThreadRow.id))

    def _takes(self, row: ThreadRow, new: NewTurn) -> bool:
        is_full = row.turns >= self._settings.kept_turns_max
        is_here = new.address in ("", row.address)  # a question without a page belongs to any conversation
        return row.deleted_ms is None and is_here and not is_full

    def _check_room(self, session: Session, new: NewTurn, *, begins: bool) -> None:
        limits = self._settings
        threads, used = session.execute(select(func.count(), func.coalesce(func.sum(ThreadRow.bytes), 0))).one()
        if begins and threads >= limits.kept_threads_max:
            raise LimitExceeded(
                f"The history is full: it has {threads:,} conversations. Delete some, or set kept_threads_max.",
                code="threads_full",
            )
        if used + new.bytes > limits.kept_bytes_max:
            raise LimitExceeded(
                "The history is full, so this was not kept. Delete some conversations, or set kept_bytes_max.",
                code="threads_full",
            )

    def _remove(self, wanted: Select[str]) -> int:
        """Rows, words of the index and the write-ahead log: nothing of it stays in the files."""
        with Session(self._writing) as session, session.begin():
            ids = list(session.scalars(wanted))
            if not ids:
                return 0
            for thread in ids:  # turns first: the index reads the thread's names while it forgets them
                session.execute(delete(TurnRow).where(TurnRow.thread == thread))
                session.execute(delete(ThreadRow).where(ThreadRow.id == thread))
            session.connection().exec_driver_sql("INSERT INTO search(search) VALUES ('optimize')")
        with self._engine.connect() as connection:  # outside a transaction
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(ids)


def _there(session: Session, thread: str) -> ThreadRow:
    row = session.get(ThreadRow, thread)
    if row is None or row.deleted_ms is not None:
        raise _unknown()
    return row


def _unknown() -> ThreadError:
    return ThreadError("This conversation is not there any more.", code="thread_unknown")


def _begun(new: NewTurn) -> ThreadRow:
    return ThreadRow(
        id=new.thread, address=new.address, title=new.title, name="", copilot=new.turn.copilot, pinned=False, turns=0,
        bytes=0, created_ms=new.turn.asked_ms, updated_ms=new.turn.ended_ms, deleted_ms=None,
    )  # fmt: skip


def _turn_row(new: NewTurn, *, thread: str, position: int) -> TurnRow:
    values = new.turn.model_dump(exclude={"position", "quotes"})
    quotes = [quote.model_dump() for quote in new.turn.quotes]
    return TurnRow(thread=thread, position=position, quotes=quotes, **values)


def _card(row: ThreadRow) -> ThreadCard:
    return ThreadCard(
        id=row.id, name=row.name, title=row.title, address=row.address, copilot=row.copilot, turns=row.turns,
        pinned=row.pinned, created_ms=row.created_ms, updated_ms=row.updated_ms,
    )  # fmt: skip


def _turn(row: TurnRow) -> KeptTurn:
    return KeptTurn.model_validate({name: getattr(row, name) for name in KeptTurn.model_fields})
