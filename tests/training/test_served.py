"""Answers for measuring are the server's own: the engine's tokens, quotations chosen from the page."""

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from server.engine.fingerprint import base_fingerprint
from server.text.grounding import quotations
from server.text.prompt import PromptLayout
from tests.training.conftest import RECIPE
from training.dataset.examples import Example, Examples
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search
from training.fit.adapter import load_adapter, load_base, write_weights
from training.fit.loop import new_adapter, trainable
from training.measure.served import answers

TOKENS = 5


@pytest.fixture
def folder(base: Path, layout: PromptLayout, tmp_path: Path) -> Path:
    """An adapter that is not zero, as training writes it."""
    model = new_adapter(load_base(base, dtype="float32"), RECIPE, user_header=layout.user_header)
    with torch.no_grad():
        for weight in trainable(model).values():
            weight.normal_(std=0.05)
    write_weights(model, tmp_path / "made", base_name=base.name)
    (tmp_path / "made" / "lock.json").write_text(json.dumps({"base_fingerprint": base_fingerprint(base)}))
    return tmp_path / "made"


def generated(model: PeftModel, tokenizer: PreTrainedTokenizerBase, row: Rendered) -> str:
    prompt = torch.tensor([row.prefix + row.suffix[: row.answer_at]])
    mask = torch.ones_like(prompt)
    output = model.generate(input_ids=prompt, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False)
    return str(tokenizer.decode(output[0, prompt.shape[1] :], skip_special_tokens=True)).strip()


def test_they_equal_what_plain_peft_generates(
    base: Path, folder: Path, rows: list[Rendered], tokenizer: PreTrainedTokenizerBase
) -> None:
    oracle = load_adapter(load_base(base, dtype="float32"), folder)
    wanted = [generated(oracle, tokenizer, row) for row in rows[:4]]

    found = answers(base, rows[:4], adapter=folder, tokens_max=TOKENS, dtype=torch.float32)

    free = [place for place, text in enumerate(wanted) if '"' not in text and not _circles(text)]
    assert free  # quotations and circles are where the server decides otherwise
    assert [found[place] for place in free] == [wanted[place] for place in free]


def _circles(text: str) -> bool:
    return len(text) > 8 and text[:4] == text[4:8]


def test_an_answer_without_an_adapter_is_the_bases(base: Path, folder: Path, rows: list[Rendered]) -> None:
    alone, tuned = (
        answers(base, rows[:4], adapter=adapter, tokens_max=TOKENS, dtype=torch.float32) for adapter in (None, folder)
    )

    assert len(alone) == len(tuned) == 4
    assert alone != tuned


def test_every_quotation_is_a_unit_of_the_page(base: Path, layout: PromptLayout, data: Path) -> None:
    examples = Examples("shop/review", data=data)
    page = examples.pages["train"]["kettle"]
    row = Renderer(layout, instructions="", context=512, search=Search(None)).row(
        Example(page="kettle", question="How much fits? Quote it.", answer="x y"), page
    )
    assert row is not None
    assert row.ranked

    (answer,) = answers(base, [row], adapter=None, tokens_max=64, dtype=torch.float32)

    units = {passage.unit.text for passage in row.ranked}
    assert all(quote.text in units for quote in quotations(answer, page) if quote.verified)
