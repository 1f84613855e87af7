"""Threads, turns, and the full-text index over them. Run by alembic.

The index holds no text of its own: it reads the view `searchable`, and triggers keep it in step.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INDEX = """
CREATE VIRTUAL TABLE search USING fts5(
    name, title, question, answer, content='searchable', content_rowid='id',
    tokenize='unicode61 remove_diacritics 2'
)
"""
_VIEW = """
CREATE VIEW searchable AS
SELECT turns.id AS id, threads.name AS name, threads.title AS title, question, answer
FROM turns JOIN threads ON threads.id = turns.thread
"""
_TRIGGERS = (
    """CREATE TRIGGER turn_added AFTER INSERT ON turns BEGIN
        INSERT INTO search(rowid, name, title, question, answer) SELECT * FROM searchable WHERE id = new.id;
    END""",
    """CREATE TRIGGER turn_removed BEFORE DELETE ON turns BEGIN
        INSERT INTO search(search, rowid, name, title, question, answer)
        SELECT 'delete', * FROM searchable WHERE id = old.id;
    END""",
    """CREATE TRIGGER thread_renamed AFTER UPDATE OF name ON threads BEGIN
        INSERT INTO search(search, rowid, name, title, question, answer)
        SELECT 'delete', id, old.name, old.title, question, answer FROM turns WHERE thread = old.id;
        INSERT INTO search(rowid, name, title, question, answer)
        SELECT id, new.name, new.title, question, answer FROM turns WHERE thread = old.id;
    END""",
)


def upgrade() -> None:
    op.create_table(
        "threads",
        sa.Column("id", sa.String(64), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("address", "title", "name", "copilot")),
        sa.Column("pinned", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("turns", "bytes", "created_ms", "updated_ms")),
        sa.Column("deleted_ms", sa.Integer),
    )
    op.create_index("ix_threads_address", "threads", ["address"])
    op.create_index("ix_threads_pinned_updated_ms", "threads", ["pinned", "updated_ms"])
    op.create_table(
        "turns",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("thread", sa.String(64), sa.ForeignKey("threads.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("run", "copilot", "mode", "question", "answer")),
        sa.Column("quotes", sa.JSON, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("reason", "code", "message")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("asked_ms", "ended_ms")),
        sa.UniqueConstraint("thread", "position", name="uq_turns"),
    )
    for statement in (_VIEW, _INDEX, *_TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Nothing goes back: an older program refuses a newer history.")
