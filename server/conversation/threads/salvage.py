"""What can still be read of a damaged history, copied into the new one. Called by database.

Row by row, so that one damaged page of the file costs only what stands on it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, insert, select, text

from server.conversation.threads.faults import FAULTS
from server.conversation.threads.tables import Base, ThreadRow, TurnRow
from server.protocol.threads import KeptTurn

Row = dict[str, Any]


def salvage(damaged: Path, into: Engine) -> int:
    """How many threads could be saved. The damaged file is only read. Raises what `faults` knows of `into`."""
    address = URL.create("sqlite", database=f"file:{quote(str(damaged))}", query={"mode": "ro", "uri": "true"})
    source = create_engine(address, poolclass=StaticPool, hide_parameters=True)
    try:
        with source.connect() as connection:
            threads = {row["id"]: row for row in _rows(connection, ThreadRow)}
            turns = [row for row in _rows(connection, TurnRow) if row["thread"] in threads and _is_sound(row)]
    except FAULTS:  # it cannot even be opened
        return 0
    finally:
        source.dispose()
    return _copy(threads, turns, into)


def _rows(connection: Connection, kind: type[Base]) -> Iterator[Row]:
    """Every row that can be read."""
    table = kind.__table__
    try:
        last = connection.execute(text(f"SELECT max(rowid) FROM {kind.__tablename__}")).scalar() or 0  # noqa: S608
        there = {row[1] for row in connection.execute(text(f"PRAGMA table_info({kind.__tablename__})"))}
    except FAULTS:
        return
    columns = {name: column for name, column in table.columns.items() if name in there}  # an older file lacks some
    missing = dict.fromkeys(set(table.columns.keys()) - columns.keys())
    wanted = select(*columns.values()).where(text("rowid = :rowid"))
    for rowid in range(1, last + 1):
        try:
            row = connection.execute(wanted, {"rowid": rowid}).mappings().first()
        except (*FAULTS, ValueError):
            continue
        if row is not None:
            yield missing | dict(row)


def _is_sound(row: Row) -> bool:
    try:
        KeptTurn.model_validate({name: row[name] for name in KeptTurn.model_fields})
    except ValidationError:
        return False
    return True


def _copy(threads: dict[str, Row], turns: list[Row], into: Engine) -> int:
    """Threads that have turns left, which are counted anew."""
    counts: dict[str, int] = {}
    for turn in sorted(turns, key=lambda one: (one["thread"], one["position"])):
        turn["position"] = counts.get(turn["thread"], 0)
        counts[turn["thread"]] = turn["position"] + 1
    if not counts:
        return 0
    with into.execution_options(write=True).begin() as connection:
        connection.execute(insert(ThreadRow), [threads[name] | {"turns": count} for name, count in counts.items()])
        connection.execute(insert(TurnRow), turns)
    return len(counts)
