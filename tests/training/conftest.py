"""The tiny random base, and a copilot with a handful of examples."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from server.catalog.copilots import Copilot
from server.catalog.layout import adapter_folder
from server.text.checks.quotes import CitesBlock, QuotesVerbatim
from server.text.prompt import PromptLayout
from tests import tiny
from training.dataset.examples import Examples
from training.dataset.render import Rendered, Renderer
from training.job import Job
from training.recipe import Recipe

INSTRUCTIONS = "Shop review: quote the page. End with: Ask the seller."
CHECKS = (QuotesVerbatim(), CitesBlock())
RECIPE = Recipe(rank=4, alpha=8, lr=5e-3, batch=3, epochs=2, dtype="float32")
_PAGES = {
    "train/kettle": "# Kettle\n\nThe kettle holds 1.7 litres.\n\nReturns are free for 30 days after delivery.",
    "train/lamp": "# Lamp\n\nThe lamp is made of oak and brass. It weighs two kilograms.\n\nThe bulb is not included.",
    "general/boat": "# Boat\n\nThe boat leaves at nine. A ticket costs four euros.",
    "heldout/chair": "# Chair\n\nThe chair folds flat. It carries 120 kilograms.\n\nThe seat is woven from paper cord.",
}
_TRAIN = [
    ("kettle", "How much fits?", '"The kettle holds 1.7 litres." [1] Ask the seller.', "answer"),
    ("kettle", "Can I send it back?", '"Returns are free for 30 days" [2] Ask the seller.', "answer"),
    ("kettle", "Is it red?", "The page does not say.", "abstain"),
    ("lamp", "What is it made of?", '"made of oak and brass" [1] Ask the seller.', "answer"),
    ("lamp", "Is there a bulb?", '"The bulb is not included." [2] Ask the seller.', "answer"),
    ("lamp", "Who designed it?", "The page does not say.", "abstain"),
    ("lamp", "How heavy?", '"It weighs two kilograms." [1] Ask the seller.', "answer"),
]
_GENERAL = [
    ("boat", "When does it leave?", 'At nine. "The boat leaves at nine." [1]', "answer"),
    ("boat", "Who steers?", "The page does not say.", "abstain"),
]
_HELD_OUT = [
    ("chair", "What does it carry?", '"It carries 120 kilograms." [1] Ask the seller.', "answer"),
    ("chair", "Which colours?", "The page does not say.", "abstain"),
    ("chair", "What is the seat?", '"woven from paper cord" [2] Ask the seller.', "answer"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    return tiny.tokenizer()


@pytest.fixture(scope="session")
def layout(tokenizer: PreTrainedTokenizerBase) -> PromptLayout:
    return PromptLayout(tokenizer)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny base."""
    return tiny.make_base(tmp_path_factory.mktemp("bases") / "tiny", context=512)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples of shop/review (its second one about the lamp has an earlier turn) and a general set of two."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "shop" / "review"
    folder.mkdir(parents=True)
    for name, text in _PAGES.items():
        file = folder.parent / "pages" / f"{name}.md"
        if name.startswith("general/"):
            file = root / "general" / "pages" / "heldout" / f"{file.stem}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for split, rows in (("train", _TRAIN), ("heldout", _HELD_OUT)):
        lines = [dict(zip(("page", "question", "answer", "kind"), row, strict=True)) for row in rows]
        if split == "train":
            lines[4]["history"] = [{"question": "Oak?", "answer": '"oak and brass" [1]'}]  # type: ignore[assignment]
        (folder / f"{split}.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    keys = ("page", "question", "answer", "kind")
    lines = [dict(zip(keys, row, strict=True)) for row in _GENERAL]
    (root / "general" / "heldout.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


@pytest.fixture(scope="session")
def rows(layout: PromptLayout, data: Path) -> list[Rendered]:
    """The rendered training examples."""
    examples = Examples("shop/review", data=data)
    renderer = Renderer(layout, instructions=INSTRUCTIONS, context=512)
    return renderer.rows([(example, examples.pages["train"][example.page]) for example in examples.rows["train"]])


@pytest.fixture
def job(base: Path, data: Path, tmp_path: Path) -> Job:
    copilot = Copilot("shop/review", "Review", "shop", "Shop", instructions=INSTRUCTIONS, checks=CHECKS)
    out = adapter_folder(tmp_path / "adapters", "shop/review", "tiny")
    return Job(copilots=(copilot,), base=base, recipe=RECIPE, out=out, work=tmp_path / "work", data=data)
