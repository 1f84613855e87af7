"""Full-text search over the kept turns: a person's words as an FTS5 query, the best turn of each thread.

Called by store.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text

_EXCERPT_WORDS = 16
_OPEN, _CLOSE = "\x02", "\x03"

# min() makes SQLite take the other columns from the row that has the least rank, which is the best.
_BEST = text("""
    SELECT turns.thread, turns.position, turns.id, min(search.rank) AS best
    FROM search JOIN turns ON turns.id = search.rowid JOIN threads ON threads.id = turns.thread
    WHERE search MATCH :query AND rank MATCH 'bm25(8.0, 4.0, 2.0, 1.0)' AND threads.deleted_ms IS NULL
    GROUP BY turns.thread ORDER BY best LIMIT :limit
""")
_EXCERPTS = text("""
    SELECT rowid, snippet(search, -1, :open, :close, '…', :words) FROM search
    WHERE search MATCH :query AND rowid IN :ids
""").bindparams(bindparam("ids", expanding=True), open=_OPEN, close=_CLOSE, words=_EXCERPT_WORDS)


@dataclass(frozen=True, slots=True)
class Hit:
    """`excerpt`: pieces of the turn; the 2nd, 4th … are the words that were found."""

    thread: str
    position: int
    excerpt: tuple[str, ...]


def match_query(words: str) -> str:
    """Every word must be there, as the beginning of one. Empty when there is no word; never an error of syntax."""
    return " ".join(f'"{word}"*' for word in re.findall(r"\w+", words) if any(map(str.isalnum, word)))


def find(connection: Connection, words: str, *, limit: int) -> list[Hit]:
    """The best turn of each thread, the best threads first."""
    query = match_query(words)
    if not query:
        return []
    best = connection.execute(_BEST, {"query": query, "limit": limit}).all()
    found = connection.execute(_EXCERPTS, {"query": query, "ids": [row.id for row in best]})
    excerpts = {rowid: tuple(re.split(f"[{_OPEN}{_CLOSE}]", excerpt)) for rowid, excerpt in found}
    return [Hit(row.thread, row.position, excerpts[row.id]) for row in best]
