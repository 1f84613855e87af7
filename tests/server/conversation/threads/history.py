"""Turns and stores for the tests of kept threads."""

from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from server.conversation.threads.database import FILE, FOLDER, open_database
from server.conversation.threads.record import NewTurn
from server.conversation.threads.store import Store, _turn_row
from server.protocol.run import Quote
from server.protocol.threads import KeptTurn
from server.settings import Settings

ADDRESS = "https://a.example/lease"
DAY_MS = 24 * 3600 * 1000
QUOTE = Quote(text="two years", verified=True, at=12, block=2, start=8, end=17)


class Clock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


def new_turn(thread: str = "t1", *, address: str = ADDRESS, title: str = "Lease", **fields: Any) -> NewTurn:
    values: dict[str, Any] = {
        "position": 0, "run": "r1", "copilot": "legal/lease", "mode": "tuned", "question": "How long?",
        "answer": 'It runs for "two years" [2].', "quotes": [QUOTE], "reason": "stop", "code": None, "message": None,
        "asked_ms": 1_800_000_000_000, "ended_ms": 1_800_000_001_000,
    }  # fmt: skip
    return NewTurn(thread, address, title, KeptTurn(**values | fields))


def open_store(tmp_path: Path, *, clock: Clock | None = None, **limits: Any) -> Store:
    settings = Settings(user_dir=tmp_path / "user", config_dir=tmp_path / "config", **limits)
    engine = open_database(settings.user_dir, stamp="now", aside=lambda file, saved: None)
    return Store(engine, settings, now_ms=clock or Clock())


def fill(store: Store, new: NewTurn, answers: list[str]) -> None:
    """More turns of a thread, in one transaction: as if they had been appended one after the other."""
    thread = store.append(new)
    with Session(store._writing) as session, session.begin():
        for n, answer in enumerate(answers, 1):
            turn = new.turn.model_copy(update={"question": f"Question {n}?", "answer": answer, "run": f"f{n}"})
            session.add(_turn_row(NewTurn(thread, new.address, new.title, turn), thread=thread, position=n))
        counted = {"turns": len(answers) + 1, "thread": thread}
        session.execute(text("UPDATE threads SET turns = :turns WHERE id = :thread"), counted)


def database(tmp_path: Path) -> Path:
    return tmp_path / "user" / FOLDER / FILE


def bytes_of(folder: Path) -> bytes:
    """Every byte of every file under a folder."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
