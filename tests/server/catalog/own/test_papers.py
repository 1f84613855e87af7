"""Documents of one's own copilot: pages, judged drafts, and examples that training reads."""

import json
from pathlib import Path

import pytest

from server.catalog.own import papers as files
from server.catalog.own.papers import Pair, Papers
from server.errors import CopilotError, RetinueError
from server.text.documents import Document
from training.dataset.examples import Examples
from training.dataset.leaks import refuse_leaks

TEXTS = {
    "Ferry": ["The first boat leaves at seven.", "Dogs travel free on a lead."],
    "Pool": ["The pool opens at nine on weekdays.", "Children under six pay nothing at all."],
    "Library": ["Books may be kept for four weeks.", "A lost card costs three euros."],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "copilots" / "town" / "clerk"
    made.mkdir(parents=True)
    return made


def accepted(names: list[str]) -> Papers:
    papers = Papers()
    for name in names:
        files.add(papers, Document(name, f"{name}.md", TEXTS[name]))
        paper = papers.papers[-1]
        for block, text in enumerate(TEXTS[name], start=1):
            answer = f'{text} "{text}" [{block}]'
            pair = Pair(
                id=f"{name}{block}", document=paper.id, place=0, unit=text, question=f"What of {name} {block}?",
                answer=answer, verdict="accepted",
            )  # fmt: skip
            papers.pairs.append(pair)
    return papers


def refused(code: str) -> "pytest.RaisesContext[RetinueError]":  # type: ignore[name-defined]
    return pytest.raises(RetinueError, check=lambda error: error.code == code)


def test_what_was_accepted_becomes_examples_that_training_takes(folder: Path) -> None:
    papers = accepted(list(TEXTS))
    train, heldout = files.teach(folder, papers)
    examples = Examples("town/clerk", data=folder.parents[1])
    refuse_leaks(examples)

    assert (train, heldout) == (4, 2)
    assert {row.page for row in examples.rows["train"]}.isdisjoint(row.page for row in examples.rows["heldout"])
    files.teach(folder, papers)
    assert len(Examples("town/clerk", data=folder.parents[1]).rows["train"]) == 4


def test_examples_that_were_written_by_hand_stay(folder: Path) -> None:
    (folder / "train.jsonl").write_text('{"page": "mine", "question": "q", "answer": "a"}\n')
    files.teach(folder, accepted(list(TEXTS)))

    lines = (folder / "train.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["page"] == "mine"
    assert len(lines) == 5


def test_a_page_that_was_held_out_stays_so(folder: Path) -> None:
    files.teach(folder, accepted(["Ferry", "Pool"]))
    before = {file.name for file in (folder.parent / "pages" / "heldout").iterdir()}
    files.teach(folder, accepted(list(TEXTS)))

    assert {file.name for file in (folder.parent / "pages" / "heldout").iterdir()} == before


def test_one_page_is_not_enough_and_two_alike_are_not_either(folder: Path) -> None:
    with refused("documents_few"):
        files.teach(folder, accepted(["Ferry"]))
    alike = Papers()
    text = " ".join(f"word{n}" for n in range(60))
    for name in ("One", "Two"):
        files.add(alike, Document(name, name, [text + "."]))
        pair = Pair(
            id=name, document=alike.papers[-1].id, place=0, unit="x", question="q?", answer="a", verdict="accepted"
        )
        alike.pairs.append(pair)
    with refused("documents_alike"):
        files.teach(folder, alike)
    assert not (folder / "train.jsonl").exists()


def test_pages_go_with_the_last_copilot_that_learned_from_them(folder: Path) -> None:
    files.teach(folder, accepted(list(TEXTS)))
    files.forget_pages(folder.parent)
    assert len(list(folder.parent.glob("pages/*/*.md"))) == 3
    for name in ("train.jsonl", "heldout.jsonl"):
        (folder / name).unlink()

    files.forget_pages(folder.parent)
    assert list(folder.parent.glob("pages/*/*.md")) == []


def test_a_long_document_becomes_several_pages_and_the_same_one_comes_once() -> None:
    papers = Papers()
    document = Document("Long", "long.txt", ["word " * 200] * 20)
    files.add(papers, document)
    files.add(papers, document)

    [paper] = papers.papers
    assert [page.title for page in paper.pages] == ["Long, part 1", "Long, part 2", "Long, part 3", "Long, part 4"]
    assert all(sum(map(len, page.blocks)) <= files.PAGE_CHARS for page in paper.pages)


def test_documents_have_a_limit() -> None:
    papers = Papers()
    with refused("documents_many"):
        files.add(papers, Document("Huge", "huge.txt", [f"{n} " + "x" * 5_900 for n in range(201)]))
    with refused("page_empty"):
        files.add(papers, Document("Empty", "empty.txt", ["\u200b"]))


@pytest.mark.parametrize(
    "answer",
    [
        "No quotation.",
        '"The boat sinks." [1]',
        '"Dogs travel free on a lead." [1]',
        '"Dogs travel free on a lead."',
        "",
    ],
)
def test_an_answer_without_its_evidence_is_refused(answer: str) -> None:
    papers = accepted(["Ferry"])
    with refused("pair_unproven"):
        files.judge(papers, "Ferry1", "accepted", question=None, answer=answer)
    assert papers.pairs[0].answer.startswith("The first boat")


def test_an_edited_draft_keeps_its_words() -> None:
    papers = accepted(["Ferry"])
    files.judge(
        papers, "Ferry2", "dropped", question=" May  dogs come? ", answer='Yes. "Dogs travel free on a lead." [2]'
    )

    assert (papers.pairs[1].question, papers.pairs[1].verdict) == ("May dogs come?", "dropped")
    with refused("pair_unknown"):
        files.judge(papers, "none", "accepted", question=None, answer=None)


def test_what_was_kept_is_read_again_and_garbage_is_refused(folder: Path) -> None:
    papers = accepted(["Ferry"])
    files.write(folder, papers)
    assert files.read(folder) == papers
    (folder / files.FILE).write_text('{"papers": 7}')
    with pytest.raises(CopilotError):
        files.read(folder)
