"""The finder's adapter: its questions, its loss, and the command's files, on a tiny encoder."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertModel

from server.engine.local.encoder import SentenceEncoder
from server.errors import DataError
from server.settings import load_settings
from server.text.finder import Finder, Vectors
from tests import tiny
from training.dataset.examples import parse_page
from training.finder.fit import FinderFit
from training.finder.questions import AskedPage, Question, example_questions, own_questions
from training.finder.run import FinderJob, figures, finish

ADAPTERS_DIR = load_settings().adapters_dir
KETTLE = parse_page("# Kettle\n\nThe kettle holds 1.7 litres. It weighs one kilogram.\n\nReturns are free for 30 days.")


def write(data: Path, *rows: dict[str, object]) -> Path:
    pages = data / "shop/pages/train"
    pages.mkdir(parents=True)
    pages.joinpath("kettle.md").write_text("# Kettle\n\nThe kettle holds 1.7 litres. It weighs one kilogram.")
    (data / "finder").mkdir()
    (data / "finder/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return data


def row(**changed: object) -> dict[str, object]:
    plain = {
        "copilot": "shop/kettle",
        "page": "kettle",
        "question": "how heavy is it",
        "evidence": ["It weighs one kilogram."],
    }
    return plain | changed


def test_a_question_knows_the_units_that_answer_it(tmp_path: Path) -> None:
    (page,) = own_questions(write(tmp_path, row(), row(question="is it red", evidence=[])))

    assert page.questions == (Question("how heavy is it", (1,)), Question("is it red", ()))


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"evidence": ["It is red."]}, "line 1: the evidence is no unit"), ({"page": "pan"}, "line 1: there is no page"),
     ({"question": ""}, "line 1"), ({"more": 1}, "line 1")],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        own_questions(write(tmp_path, row(**changed)))


def test_the_questions_that_ship_can_be_read_and_none_is_on_a_held_out_page() -> None:
    own, held_out = own_questions(ADAPTERS_DIR), example_questions(ADAPTERS_DIR, "heldout")

    assert sum(len(page.questions) for page in own) >= 3_000
    assert sum(len(page.questions) for page in held_out) >= 200
    assert len({page.finder.page.title for page in held_out}) >= 40
    assert not {page.finder.page.title for page in own} & {page.finder.page.title for page in held_out}


def nothing() -> Iterator[AskedPage]:
    while True:
        yield AskedPage(Finder(KETTLE), ())


def test_training_puts_the_unit_that_answers_first(tmp_path: Path) -> None:
    folder = tiny.make_encoder(tmp_path / "encoder")
    page = AskedPage(Finder(KETTLE), (Question("may i send back", (2,)), Question("what is the volume", (0,))))
    torch.manual_seed(0)
    model = BertModel.from_pretrained(folder, dtype=torch.float32)
    fit = FinderFit(model, tiny.tokenizer(), [page], nothing(), seed=1)
    before = fit.loss(page)[0].item()
    for group in fit._optimiser.param_groups:
        group["lr"] = 0.003  # the weights are random and few; at 0.01 they diverge on some processors
    for _ in range(40):
        fit._step()

    assert fit.loss(page)[0].item() < before / 2


class ByHand:
    """Vectors that say which unit is alike which question."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.array(
            [[1.0, 0.0] if "back" in text or "30 days" in text else [0.0, 1.0] for text in texts], np.float32
        )


def test_figures_count_the_place_of_the_first_unit_that_answers() -> None:
    asked = (Question("can it go back", (2,)), Question("does it go back", (0, 1)))

    assert figures([AskedPage(Finder(KETTLE), asked)], ByHand()) == {
        "first_1": 0.5,
        "first_4": 1,
        "first_5": 1,
        "first_8": 1,
    }


def test_an_adapter_comes_with_lock_report_and_card_that_name_no_path(tmp_path: Path) -> None:
    folder = tiny.make_encoder(tmp_path / "encoder")
    job = FinderJob(encoder=folder, corpus=tmp_path, data=ADAPTERS_DIR, out=tmp_path / "out", minutes=1)
    model = BertModel.from_pretrained(folder, dtype=torch.float32)
    fit = FinderFit(model, tiny.tokenizer(), [], nothing(), seed=1)
    made = tmp_path / "made"
    fit.model.save_pretrained(str(made))

    report = finish(job, made, steps=3, trainable=10)

    assert report["before"] == report["heldout"]  # an adapter begins as nothing
    assert {file.name for file in made.iterdir()} >= {"lock.json", "report.json", "README.md", "adapter_config.json"}
    texts = [file.read_text(encoding="utf-8") for file in made.iterdir() if file.suffix in (".json", ".md")]
    assert not [text for text in texts if str(tmp_path) in text]
    SentenceEncoder(folder, adapter=made)
