"""The catalogue that ships: every copilot's files and examples, held to what the project promises of them."""

from collections import Counter
from functools import cache

import pytest
from transformers import AutoTokenizer

from server.catalog.copilot_files import CATEGORY_FILE, CategoryFile, read_file
from server.catalog.copilots import Copilot, read_texts
from server.catalog.layout import copilot_folders
from server.catalog.panels import unknown_members
from server.settings import load_settings
from server.text.checks.form import HasForm
from tests.real_base import REAL_BASES
from training.dataset.copilot_check import faults
from training.dataset.examples import SPLITS, Examples, Pages

pytestmark = pytest.mark.usefixtures("untraced")
SETTINGS = load_settings(bases_dir=REAL_BASES)
ADAPTERS_DIR = SETTINGS.adapters_dir
IDS = [f"{folder.parent.name}/{folder.name}" for folder in copilot_folders(ADAPTERS_DIR)]
CATEGORIES = sorted({copilot_id.partition("/")[0] for copilot_id in IDS})
FLAGSHIPS = {
    "legal/contract-review", "legal/terms-of-service", "health/evidence-check", "health/symptom-page",
    "finance/earnings-report", "marketing/ad-copy", "sales/support-reply", "research/paper-digest",
    "writing/plain-language", "coding/api-docs", "security/phishing-check", "education/quiz-maker",
}  # fmt: skip
EXAMPLES_MIN = {"train": 36, "heldout": 12}
FLAGSHIP_EXAMPLES_MIN = {"train": 200, "heldout": 60}
PAGES_MIN = {"train": 36, "heldout": 12}
ASKED_PAGES_MIN = {"train": 12, "heldout": 4}
ABSTAIN_SHARE_MIN = 0.12
INSTRUCTION_TOKENS_MAX = 90


@cache
def texts(copilot_id: str) -> Copilot:
    return read_texts(copilot_id, [ADAPTERS_DIR])


@cache
def examples(copilot_id: str) -> Examples:
    return Examples(copilot_id, pages=pages(copilot_id.partition("/")[0]))


@cache
def pages(category: str) -> Pages:
    return Examples(next(one for one in IDS if one.startswith(f"{category}/"))).pages


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_proposes_a_panel_of_copilots_that_are_there(category: str) -> None:
    file = read_file(CategoryFile, ADAPTERS_DIR / category / CATEGORY_FILE, root=ADAPTERS_DIR, owner=category)

    assert file.panel
    assert unknown_members(category, [ADAPTERS_DIR], known=IDS) == []


@pytest.mark.parametrize("copilot_id", IDS)
def test_a_copilots_files_and_examples_have_no_fault(copilot_id: str) -> None:
    assert faults(copilot_id, [ADAPTERS_DIR], examples=ADAPTERS_DIR) == []


@pytest.mark.parametrize("copilot_id", IDS)
def test_a_copilot_has_a_form_starters_hints_and_enough_examples(copilot_id: str) -> None:
    copilot, found = texts(copilot_id), examples(copilot_id)

    assert [len(check.one_of) <= 2 for check in copilot.checks if isinstance(check, HasForm)] == [True]
    assert 2 <= len(copilot.starters) <= 4
    assert len(copilot.hints) >= 5
    least = FLAGSHIP_EXAMPLES_MIN if copilot_id in FLAGSHIPS else EXAMPLES_MIN
    for split in SPLITS:
        rows = found.rows[split]
        assert len(rows) >= least[split]
        assert len({row.page for row in rows}) >= ASKED_PAGES_MIN[split]
        assert sum(row.kind == "abstain" for row in rows) >= ABSTAIN_SHARE_MIN * len(rows)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_has_an_icon_and_enough_pages(category: str) -> None:
    shared = read_file(CategoryFile, ADAPTERS_DIR / category / CATEGORY_FILE, root=ADAPTERS_DIR, owner=category)

    assert shared.icon
    assert {split: len(found) >= PAGES_MIN[split] for split, found in pages(category).items()} == dict.fromkeys(
        SPLITS, True
    )


def test_no_two_copilots_have_the_same_name_or_promise() -> None:
    names = Counter(texts(copilot_id).name for copilot_id in IDS)
    promises = Counter(texts(copilot_id).promise for copilot_id in IDS)

    assert [name for name, times in (names + promises).items() if times > 1] == []


def test_instructions_are_short_enough_for_a_small_model() -> None:
    tokenizer = AutoTokenizer.from_pretrained(SETTINGS.bases_dir / SETTINGS.base, local_files_only=True)
    sizes = {copilot_id: len(tokenizer(texts(copilot_id).instructions)["input_ids"]) for copilot_id in IDS}

    assert {copilot_id: size for copilot_id, size in sizes.items() if size > INSTRUCTION_TOKENS_MAX} == {}


def test_the_catalogue_is_as_large_as_promised() -> None:
    assert len(IDS) >= 170
    assert len(CATEGORIES) == 16
