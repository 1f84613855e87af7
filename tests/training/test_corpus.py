"""Reading a corpus folder: questions with their pages, sources held apart, broken files named."""

import json
import lzma
from pathlib import Path

import pytest

from server.errors import DataError
from training.general.corpus import Question, read_prose, read_questions


def test_questions_of_one_page_stand_together(tmp_path: Path) -> None:
    page = "# P\n\nOne.\n\n## Two"
    rows = [
        {"source": "a", "task": "answer", "page": text, "question": question, "answer": "One"}
        for text, question in ((page, "q1"), ("Alone.", "q2"), (page, "q3"), ("", "q4"))
    ]
    (tmp_path / "qa-x.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    first, second = read_questions(tmp_path)
    assert (first.title, first.blocks) == ("P", ("One.", "Two"))
    assert first.questions == [Question("answer", "q1", "One"), Question("answer", "q3", "One")]
    assert (second.title, second.blocks) == ("", ("Alone.",))


def test_prose_is_cut_into_pages_between_its_paragraphs(tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {n} of forty characters or so, yes." for n in range(5)]
    row = {"source": "a", "title": "T", "text": "\n\n".join(paragraphs)}
    (tmp_path / "pretrain-x.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    pages = [page.blocks for page in read_prose(tmp_path, chars=100)]
    assert pages == [tuple(paragraphs[:2]), tuple(paragraphs[2:4]), tuple(paragraphs[4:])]


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
