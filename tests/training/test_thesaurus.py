"""Near words and typed questions: other words than the page's, and still one sentence that is meant."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest

from server.grounding import citations
from training.base import thesaurus as module
from training.base.corpus import Document
from training.base.tasks import ABSTAIN, Conversation, TaskMaker
from training.base.thesaurus import Thesaurus
from training.base.typed import TypedQuestions

BLOCKS = (
    "The tenant pays rent before noon. The landlord mends broken windows.",
    "Either party ends the lease by letter. A broken lock is changed within days.",
    "The garden belongs to everybody who lives here.",
)


def thesaurus(similar: dict[str, str], *others: str) -> Thesaurus:
    """Each word of a pair is near the other one and to nothing else."""
    words = [*similar, *similar.values(), *others]
    directions = np.eye(len(words), dtype=np.float32)
    for word, near in similar.items():
        directions[words.index(near)] = 0.9 * directions[words.index(word)] + 0.1 * directions[words.index(near)]
    return Thesaurus(words, directions / np.linalg.norm(directions, axis=1, keepdims=True))


def test_words_that_keep_the_same_company_are_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMES_MIN", 5)
    choose = random.Random(1)
    texts = [
        f"The {choose.choice(['doctor', 'physician'])} treats a patient in the ward. "
        f"The {choose.choice(['car', 'lorry'])} drives along a road to the city."
        for _ in range(400)
    ]
    learnt = Thesaurus.learn(texts)
    assert learnt.stand_ins("doctor", ["doctor", "lorry"])[:1] == ["physician"]
    learnt.save(tmp_path / "thesaurus.npz")
    again = Thesaurus.load(tmp_path / "thesaurus.npz")
    assert again.stand_ins("car", ["car", "doctor"])[:1] == ["lorry"]


def test_a_stand_in_is_not_on_the_page_and_means_no_other_word_of_it() -> None:
    near = thesaurus({"rent": "fee", "lease": "contract"}, "garden")
    assert near.stand_ins("rent", {"rent", "garden"}) == ["fee"]
    assert near.stand_ins("rent", {"rent", "fee"}) == []
    assert near.stand_ins("fee", {"rent", "fee"}) == []
    assert near.stand_ins("window", {"window"}) == []
    one_direction = np.array([[1.0, 0.0], [0.8, 0.6], [0.9, 0.43]], dtype=np.float32)
    assert Thesaurus(["rent", "price", "fee"], one_direction).stand_ins("rent", {"rent", "price"}) == []


@pytest.mark.parametrize("near", [None, thesaurus({"rent": "fee", "lease": "contract", "garden": "yard"}, "tenant")])
def test_a_typed_question_has_most_words_of_the_sentence_that_answers_it(near: Thesaurus | None) -> None:
    maker = TaskMaker(2, typed_share=1.0, pointer_share=0.0, thesaurus=near)
    page = maker.page(Document("test", "House", BLOCKS), chars=2_000)
    assert page is not None
    meant = {"fee": "rent", "contract": "lease", "yard": "garden"}
    sentences = [part for block in BLOCKS for part in block.lower().split(". ")]
    checked, stood_in = 0, 0
    for _ in range(200):
        turn = maker.turns(page, [], made=1)[0]
        asked = set(turn.question.lower().strip("?").split())
        stood_in += bool(asked & set(meant))
        words = {meant.get(word, word) for word in asked if len(word) > 3}
        if '"' not in turn.answer or turn.question.startswith(("Quote", "How does block", "What does block")):
            continue
        quote = turn.answer.split('"')[1].lower().strip(".")
        shared = [len(words & set(part.strip(".").split())) for part in sentences]
        if max(shared) < 2:
            continue  # a phrase: the sentence left no typed question
        checked += 1
        assert quote.startswith(sentences[int(np.argmax(shared))].strip("."))
        assert citations(turn.answer)
    assert checked > 60
    assert (stood_in > 20) == (near is not None)


def test_typed_questions_are_the_same_for_the_same_seed() -> None:
    made = []
    for _ in range(2):
        maker = TaskMaker(7, typed_share=1.0)
        page = maker.page(Document("test", "House", BLOCKS), chars=2_000)
        assert page is not None
        branches = maker.branches(page, ())
        made.append([branch for branch, _ in zip(branches, range(30), strict=False)])
    assert made[0] == made[1]
    assert any(isinstance(branch, Conversation) for branch in made[0])


def test_a_question_beside_the_page_is_about_words_that_the_page_has_in_no_form() -> None:
    maker = TaskMaker(2)
    page = maker.page(Document("test", "House", BLOCKS), chars=2_000)
    assert page is not None
    typed = TypedQuestions(page, random.Random(3), thesaurus({"rent": "wage"}, "boiler"))
    asked = [typed.beside("The gardener asks the landlord for wage and repairs the copper boiler.") for _ in range(100)]
    words = [set(question.lower().strip("?").split()) for question in asked if question]
    lacking = {"asks", "repairs", "copper", "boiler"}
    assert len(words) > 80
    assert all(lacking & own for own in words)
    assert not any({"gardener", "wage"} & own for own in words)  # "garden" and "rent" are on the page
    assert any("landlord" in own for own in words)
    assert typed.beside("The gardener pays the rent.") is None


def test_a_part_of_the_questions_is_about_what_the_document_says_off_the_page() -> None:
    beyond = tuple(f"Copper boiler number {n} vibrates under pressure." for n in range(9))
    maker = TaskMaker(4, typed_share=1.0)
    page = maker.page(Document("test", "House", (*BLOCKS, *beyond)), chars=160)
    assert page is not None
    assert not any("boiler" in block.text for block in page.blocks)
    made = itertools.islice(maker.branches(page, []), 400)
    turns = [branch.turns[-1] for branch in made if isinstance(branch, Conversation)]
    missed = [turn for turn in turns if ABSTAIN in turn.answer]
    boilers = [
        turn for turn in turns if {"copper", "boiler", "vibrates"} & set(turn.question.lower().strip("?").split())
    ]
    assert 10 < len(boilers) <= len(missed) < 100
    assert all(turn in missed for turn in boilers)
