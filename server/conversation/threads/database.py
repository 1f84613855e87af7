"""The file of the history: made for this user alone, brought to the newest form, put aside when it is damaged.

Called by keeper and cli, from one thread. Knows tables, no frames.
"""

import itertools
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event

from server.conversation.threads.faults import FAULTS, Damaged, is_broken
from server.conversation.threads.salvage import salvage
from server.errors import ThreadError

FOLDER, FILE = "threads", "threads.db"
_MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_MS = 5_000
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}")


def open_database(
    user_dir: Path, *, stamp: str, aside: Callable[[Path, int], None], is_damaged: bool = False
) -> Engine:
    """The open file, made when it is not there. A damaged one gets `stamp` into its name, and a new one begins with
    what could be saved of it: `aside` hears of the damaged file and of how many threads that are.

    Raises ThreadError (`threads_newer`), and what `faults` knows.
    """
    file = user_dir / FOLDER / FILE
    try:
        if not is_damaged:
            return _open(file)
    except FAULTS as error:
        if not is_broken(error):
            raise
    damaged = _put_aside(file, stamp=stamp)
    engine = _open(file)
    aside(damaged, salvage(damaged, engine))
    return engine


def _put_aside(file: Path, *, stamp: str) -> Path:
    """The new name of a damaged file; its write-ahead log goes with it. Never over another one. Raises OSError."""
    names = (f"{file.stem}-damaged-{stamp}{n or ''}{file.suffix}" for n in itertools.count())
    target = next(target for name in names if not (target := file.with_name(name)).exists())
    for end in ("-wal", "-shm", ""):
        part = file.with_name(file.name + end)
        if part.exists():
            part.rename(target.with_name(target.name + end))
    return target


def _open(file: Path) -> Engine:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)  # before SQLite, whose own files take its mode
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    engine = create_engine(URL.create("sqlite", database=str(file)), poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    try:
        with engine.execution_options(write=True).begin() as connection:
            if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
                raise Damaged
            _migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions are begun below, so that a migration is all or nothing
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once: one that reads first could lose its turn to the command line."""
    writes = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise ThreadError(
            "The history was written by a newer Retinue. Update this one; until then nothing is kept.",
            code="threads_newer",
        )
    command.upgrade(config, "head")
