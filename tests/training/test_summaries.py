"""ROUGE-L and lead-3 by hand; which held-out pages are summarised."""

from dataclasses import asdict
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from server.page import read_page
from training.base.card import card
from training.base.corpus import Document, Question
from training.base.presets import preset
from training.base.summaries import held_out_summaries, lead, rouge_l, summaries

FACTS = {
    "preset": "tiny", "minutes": 5.0, "tokens": 0, "hours": 0, "machine": "two cores", "earlier": [], "parameters": 0,
    "recipe": asdict(preset("tiny")),
}  # fmt: skip
SENTENCES = "The kettle boils a litre in three minutes. It keeps warm for an hour. Descale it. It is made of steel. "


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("police kill the gunman", "Police killed the gunman.", 3 / 4),  # both from Lin 2004, section 3.1
        ("the gunman kill police", "Police killed the gunman.", 2 / 4),
        ("a b c d", "a x c", 2 * 2 / (4 + 3)),
        ("a a b", "b a a b", 2 * 3 / (3 + 4)),
        ("word", "", 0.0),
        ("", "word", 0.0),
    ],
)
def test_rouge_l_is_what_is_counted_by_hand(answer: str, gold: str, expected: float) -> None:
    assert rouge_l(answer, gold) == pytest.approx(expected)


def test_the_lead_is_whole_sentences_across_blocks_without_headings() -> None:
    blocks = ["About kettles", "They boil water. They whistle!", "- steel", "Are they safe? Yes."]
    page = read_page(title="", url="", blocks=blocks, chars_max=1_000)
    assert lead(page, count=3) == "They boil water. They whistle! Are they safe?"


def test_summaries_are_asked_evenly_and_only_of_held_out_pages() -> None:
    def document(number: int, *, held_out: bool = True, task: str = "summarise") -> Document:
        asked = [Question(task, "In short?", f"It is about {number}.")]
        return Document("a", "", (SENTENCES * 2,), asked, held_out=held_out)

    documents = [document(number) for number in range(10)]
    documents += [document(10, held_out=False), document(11, task="title")]
    asked = held_out_summaries(documents, count=5, chars=1_000, seed=1)
    assert [question.turn.answer for question in asked] == [f"It is about {number}." for number in (0, 2, 4, 6, 8)]
    assert len(held_out_summaries(documents, count=40, chars=1_000, seed=1)) == 10


def test_the_base_and_the_lead_are_measured_on_the_same_pages(base: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    gold = SENTENCES.partition(". ")[0]
    document = Document("a", "", (SENTENCES * 2,), [Question("summarise", "In short?", gold)], held_out=True)
    questions = held_out_summaries([document] * 2, count=2, chars=1_000, seed=1)
    figures = summaries(Qwen3ForCausalLM.from_pretrained(base).eval(), tokenizer, questions)
    assert figures["summaries"] == 2
    assert 0 <= figures["summary_rouge_l"] < 0.5  # its weights are random
    assert figures["lead3_rouge_l"] == pytest.approx(2 * 8 / (8 + 16))  # the summary is the first of three sentences
    assert summaries(Qwen3ForCausalLM.from_pretrained(base), tokenizer, []) == {}
    text = card("tiny", {**FACTS, "held_out": figures})
    assert "| page summaries, ROUGE-L |" in text
    assert "--minutes 5\n" in text
