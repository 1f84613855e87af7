"""What is kept: a thread belongs to a page's address and has turns. Read by store; `migrations` makes the tables.

Never the page's text, only what was quoted from it.
"""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID_CHARS_MAX = 64


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s"})


class ThreadRow(Base):
    """`turns` and `bytes` are those of its turns; `deleted_ms` is set while a deletion can be undone."""

    __tablename__ = "threads"
    __table_args__ = (Index(None, "address"), Index(None, "pinned", "updated_ms"))

    id: Mapped[str] = mapped_column(String(ID_CHARS_MAX), primary_key=True)
    address: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    copilot: Mapped[str] = mapped_column(Text)
    pinned: Mapped[bool]
    turns: Mapped[int]
    bytes: Mapped[int]
    created_ms: Mapped[int]
    updated_ms: Mapped[int]
    deleted_ms: Mapped[int | None]


class TurnRow(Base):
    """One question and its answer. But for its thumb a turn is never changed."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("thread", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    thread: Mapped[str] = mapped_column(ForeignKey("threads.id"))
    position: Mapped[int]
    run: Mapped[str] = mapped_column(Text)
    copilot: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    quotes: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    asked_ms: Mapped[int]
    ended_ms: Mapped[int]
    panel: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    thumb: Mapped[str | None] = mapped_column(Text)
