"""Reading a corpus folder: neighbours joined to long pages, sources held apart, broken files named."""

import json
import lzma
from dataclasses import replace
from pathlib import Path

import pytest

from server.errors import DataError
from training.base.corpus import Document, Question, joined, read_prose, read_questions
from training.base.evaluate import held_out_questions
from training.base.prepare import prepare
from training.base.presets import preset


def page(source: str, number: int, *questions: Question) -> Document:
    blocks = (f"Town {number} has a bridge over the river.", f"Its market number {number} is held on Fridays.")
    return Document(source, f"Town {number}", blocks, list(questions))


def test_neighbours_of_one_source_make_one_page_with_the_questions_of_both() -> None:
    asked = [Question("answer", f"Where is market {n}?", f"number {n}") for n in range(3)]
    pages = [page("a", n, asked[n]) for n in range(3)] + [page("b", 3)]
    first, second = joined(pages, chars=1_000)
    assert first.questions == asked
    assert first.blocks == (*pages[0].blocks, "Town 1", *pages[1].blocks, "Town 2", *pages[2].blocks)
    assert second.blocks == pages[3].blocks
    assert len(pages[0].blocks) == 2  # the documents themselves stay as they are
    assert len(list(joined(pages, chars=100))) == 3


def test_a_joined_page_keeps_no_question_that_a_neighbour_may_answer() -> None:
    asked = Question("answer", "Where is the market?", "Fridays")
    pages = [page("a", 0, Question("not-on-page", "Who built it?", "")), page("a", 1, asked)]
    assert [each.questions for each in joined(pages, chars=1_000)] == [[asked]]
    summary = page("a", 2, Question("summarise", "In short?", "A town."))
    assert len(list(joined([*pages, summary], chars=1_000))) == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"source": "a"', "line 2: JSON: Invalid JSON"),
        ('{"source": "a", "task": "t", "page": 3, "question": "q", "answer": "a"}', "line 2: page: Input should be"),
        ('{"source": "a", "task": "t", "page": "p", "question": "q"}', "line 2: answer: Field required"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, line: str, says: str) -> None:
    good = json.dumps({"source": "a", "task": "t", "page": "p", "question": "q", "answer": "a"})
    (tmp_path / "qa-x.jsonl").write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=says) as refused:
        list(read_questions(tmp_path))
    assert refused.value.code == "data_json"


def test_a_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"source": "a", "title": "t", "text": f"text {n}"}) + "\n" for n in range(500))
    (tmp_path / "pretrain-x.jsonl.xz").write_bytes(lzma.compress(rows.encode())[:-40])
    with pytest.raises(DataError, match=r"pretrain-x\.jsonl\.xz, after line"):
        list(read_prose(tmp_path, chars=100))
    with pytest.raises(DataError, match="No qa-"):
        list(read_questions(tmp_path))


def test_a_corpus_needs_sources_of_both_kinds(tmp_path: Path) -> None:
    row = {"source": "a", "task": "answer", "page": "# P\n\nOne.\n\nTwo.", "question": "q", "answer": "One"}
    (tmp_path / "qa-x.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (tmp_path / "pretrain-x.jsonl").write_text(
        json.dumps({"source": "a", "title": "", "text": "One.\n\nTwo."}) + "\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match="held out") as refused:
        prepare(preset("tiny"), tmp_path, tmp_path / "work", seed=1)
    assert refused.value.code == "data_missing"


def test_a_corpus_says_which_of_its_sources_are_held_out(tmp_path: Path) -> None:
    sources = ("basecamp/policies", "our/handbook", "our/blog")
    rows = [
        {"source": source, "task": "answer", "page": f"# P\n\n{source}.", "question": "q", "answer": "One",
         "title": "P", "text": f"{source}."}
        for source in sources
    ]  # fmt: skip
    for name in ("qa-x", "pretrain-x"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")

    def held_out() -> list[list[str]]:
        documents = (read_questions(tmp_path), read_prose(tmp_path, chars=100))
        return [[each.source for each in found if each.held_out] for found in documents]

    assert held_out() == [["basecamp/policies"]] * 2
    (tmp_path / "held-out.txt").write_text("our/handbook\n\n our/blog \n", encoding="utf-8")
    assert held_out() == [["our/handbook", "our/blog"]] * 2
    (tmp_path / "held-out.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"held-out\.txt"):
        held_out()


def test_held_out_questions_are_spread_over_all_held_out_pages() -> None:
    sources = ["basecamp/policies"] * 20 + ["google/eng-practices"] * 20 + ["kept"] * 20
    long = [
        Document(
            source,
            f"Page {n}",
            tuple(f"Rule {n}-{k} names gate {k * 7 + n} of town {k}." for k in range(9)),
            held_out=source != "kept",
        )
        for n, source in enumerate(sources)
    ]
    found = held_out_questions(long, count=30, stage=replace(preset("tiny").stages[-1], chars=(100, 700)), seed=1)
    assert len(found) == 30
    assert not any(question.own for question in found)
    assert {int(question.page.title.split()[1]) // 20 for question in found} == {0, 1}
    lengths = [question.page.chars for question in found]
    assert min(lengths) < 250 < max(lengths)
    assert found == held_out_questions(
        long, count=30, stage=replace(preset("tiny").stages[-1], chars=(100, 700)), seed=1
    )
