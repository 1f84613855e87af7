import json
import shutil
from pathlib import Path

import pytest

from server.errors import DataError
from server.text.checks.quotes import QuotesVerbatim
from training.dataset.audit import audit, near_duplicates
from training.dataset.examples import Examples, number_citations, parse_page


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data, tmp_path / "data"))


def append(root: Path, line: dict[str, object] | str) -> None:
    with (root / "shop" / "review" / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 8"),
        ({"page": "kettle", "question": "?", "answer": "x", "note": 1}, "line 8: note"),
        ({"page": "chair", "question": "?", "answer": "x"}, "line 8: there is no page 'chair' in pages/train"),
        ({"page": "kettle", "question": "Is it red?", "answer": "No."}, "line 8: the same question stands above"),
        ({"page": "kettle", "question": "?", "answer": '"It boils fast." [1]'}, "line 8: the quote 'It boils"),
        ({"page": "kettle", "question": "?", "answer": '"The kettle holds 1.7 litres." [2]'}, "line 8: the quote"),
        ({"page": "kettle", "question": "?", "answer": '"The kettle holds 1.7 litres."'}, "line 8: .* cites no block"),
        ({"page": "kettle", "question": "?", "answer": "I do not know.", "kind": "abstain"}, "line 8: an abstaining"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_with_its_reason(copy: Path, line: dict[str, object] | str, said: str) -> None:
    append(copy, line)
    with pytest.raises(DataError, match=said):
        Examples("shop/review", data=copy)


def test_missing_examples_are_said_to_be_missing(data: Path) -> None:
    with pytest.raises(DataError, match="no examples for shop/none") as caught:
        Examples("shop/none", data=data)
    assert caught.value.code == "data_missing"


def test_numbering_finds_the_block_of_a_quote() -> None:
    page = parse_page("# T\n\nOne thing.\n\nAnother thing.")
    assert number_citations('"Another thing." [*]', page) == '"Another thing." [2]'
    with pytest.raises(DataError, match="not on the page"):
        number_citations('"A third." [*]', page)


def test_the_audit_passes_good_examples(data: Path) -> None:
    lines = audit(Examples("shop/review", data=data), checks=[QuotesVerbatim()])
    assert not [line for line in lines if line.wrong]
    assert {line.name: line.value for line in lines}["train: examples"] == "7 (answer 5, abstain 2)"


def test_the_audit_refuses_near_duplicates(copy: Path) -> None:
    answer = "It says: " + " ".join(f"word{n}" for n in range(30))
    for number in range(2):
        append(copy, {"page": "kettle", "question": f"Well, is it {number}?", "answer": answer})
    wrong = [line for line in audit(Examples("shop/review", data=copy), checks=[]) if line.wrong]
    assert [line.name for line in wrong] == ["near-duplicates"]
    assert "lines 8 and 9" in wrong[0].wrong


def test_the_audit_refuses_a_held_out_page_that_was_seen(copy: Path) -> None:
    pages = copy / "shop" / "pages"
    shutil.copy(pages / "heldout" / "chair.md", pages / "train" / "sofa.md")
    append(copy, {"page": "sofa", "question": "Folds?", "answer": '"folds flat" [1]'})
    wrong = [line for line in audit(Examples("shop/review", data=copy), checks=[]) if line.wrong]
    assert [(line.name, line.wrong) for line in wrong] == [("held-out pages seen in training", "chair and sofa")]


def test_near_duplicates_are_counted_once() -> None:
    text = "a b c d e f g h"
    assert near_duplicates([text, "quite another text of some length", text, text]) == [(0, 2), (0, 3)]


def test_the_audit_refuses_a_block_that_most_answers_of_a_page_name(copy: Path) -> None:
    file = copy / "shop" / "review" / "train.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    first = next(row for row in rows if row["kind"] == "answer")
    same = [first | {"question": f"{word} is it?"} for word in ("What", "How", "Who", "Where", "Why", "When")]
    file.write_text("".join(json.dumps(row) + "\n" for row in same))

    wrong = [line for line in audit(Examples("shop/review", data=copy), checks=[]) if "same block" in line.name]

    assert wrong[0].wrong.startswith(first["page"])


def test_the_audit_refuses_questions_that_all_begin_alike(copy: Path) -> None:
    file = copy / "shop" / "review" / "train.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row | {"question": f"Draft {n}"}) + "\n" for n, row in enumerate(rows)))

    wrong = [line for line in audit(Examples("shop/review", data=copy), checks=[]) if "first word" in line.name]

    assert [bool(line.wrong) for line in wrong] == [True, False]
