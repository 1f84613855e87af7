"""The finder's adapter that ships, on the real encoder: what its card promises is measured on half of the pages."""

import json

import pytest

from server.catalog.bases import find_encoder
from server.engine.local.encoder import SentenceEncoder
from server.settings import load_settings
from server.text.finder import Finder
from tests.conftest import not_measured
from tests.real_base import REAL_BASES
from training.dataset.examples import parse_page
from training.finder.questions import example_questions
from training.finder.run import figures

FIRST_MIN, FIVE_MIN = 0.55, 0.85
APART_MAX = 0.05  # six of the 120 questions
CAMP = parse_page(
    "# Camp\n\nWelcome to the camp.\n\nDogs are welcome on a lead, at 4 euros a night.\n\nThe gate closes at 22:00.\n\n"
    "Open fires are forbidden from May to September.\n\nHot water needs a token from the shop."
)


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    found = find_encoder(load_settings(bases_dir=REAL_BASES))
    assert found is not None and found.adapter is not None, "the adapter does not fit the encoder that set-up brings"
    return SentenceEncoder(found.folder, adapter=found.adapter)


def test_it_finds_what_answers_as_often_as_its_card_says(encoder: SentenceEncoder) -> None:
    settings = load_settings()
    with not_measured():
        found = figures(example_questions(settings.adapters_dir, "heldout")[1::2], encoder)
    report = json.loads((settings.adapters_dir / "finder/_adapters/all-MiniLM-L6-v2/report.json").read_text())

    assert found["first_1"] >= FIRST_MIN
    assert found["first_5"] >= FIVE_MIN
    assert found == pytest.approx(report["heldout"], abs=APART_MAX)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("may i bring my puppy", "Dogs"),
        ("can we barbecue in july", "Open fires"),
        ("how late may i arrive", "The gate"),
    ],
)
def test_it_finds_what_shares_no_word_with_the_question(encoder: SentenceEncoder, question: str, answer: str) -> None:
    finder = Finder(CAMP)
    finder.encode(encoder)

    assert finder.search(question, encoder)[0].unit.text.startswith(answer)
