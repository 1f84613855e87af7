"""A person's words as a full-text query: ranked, marked, and never an error of syntax."""

import time
from pathlib import Path

import pytest

from server.conversation.threads.search import match_query
from tests.server.conversation.threads.history import fill, new_turn, open_store

SEARCH_S_MAX = 1.0


def found(tmp_path: Path, words: str) -> list[tuple[str, int]]:
    store = open_store(tmp_path)
    store.append(new_turn("title", title="Notice periods", question="A?", answer="B."))
    store.append(new_turn("answer", question="A?", answer="Nothing here."))
    store.append(new_turn("answer", question="A?", answer="The notice period is three months, naïve as it sounds."))
    store.append(new_turn("question", question="Who pays the deposit?", answer="The tenant."))
    hits = [(hit.thread.id, hit.position) for hit in store.search(words)]
    store.close()
    return hits


@pytest.mark.parametrize(
    ("words", "hits"),
    [
        ("deposit", [("question", 0)]),
        ("DEPOS", [("question", 0)]),
        ("naive", [("answer", 1)]),
        ("notice period", [("title", 0), ("answer", 1)]),
        ("notice deposit", []),
        ("lease", [("question", 0), ("answer", 0)]),
        ("", []),
        ("_ … \u202e", []),
    ],
)
def test_words_are_found_where_they_stand(tmp_path: Path, words: str, hits: list[tuple[str, int]]) -> None:
    assert sorted(found(tmp_path, words)) == sorted(hits)


def test_a_title_counts_more_than_an_answer(tmp_path: Path) -> None:
    assert found(tmp_path, "notice")[0] == ("title", 0)


@pytest.mark.parametrize(
    "words", ['"', "a AND", "NEAR(a b", "*", "name:x", "-x", "a OR NOT b", "(((", "'; DROP TABLE turns"]
)
def test_no_words_are_an_error(tmp_path: Path, words: str) -> None:
    found(tmp_path, words)

    assert match_query('lease" OR (x*') == '"lease"* "OR"* "x"*'


def test_the_words_that_were_found_are_marked(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(new_turn(answer="The notice period is three months."))

    [hit] = store.search("period notice")
    assert "".join(hit.excerpt) == "The notice period is three months."
    assert hit.excerpt[1::2] == ["notice", "period"]
    store.close()


def test_a_large_history_is_searched_quickly(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for thread in ("t0", "t1"):
        answers = [f"The notice period of contract {thread}{n} is three months. " * 8 for n in range(2_000)]
        fill(store, new_turn(thread), answers)

    started = time.perf_counter()
    [hit] = store.search("notice contract t11799")
    assert time.perf_counter() - started < SEARCH_S_MAX
    assert (hit.thread.id, hit.position) == ("t1", 1_800)
    assert len(store.search("notice")) == 2
    assert time.perf_counter() - started < 2 * SEARCH_S_MAX
    store.close()
