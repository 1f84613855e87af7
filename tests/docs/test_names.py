"""Whatever the documentation names is there: files, links, commands with their options, settings, checks."""

import re
from pathlib import Path

import pytest

from server.settings import Settings
from server.text.checks import CHECKS
from tests.docs.commands import fault
from tests.docs.pages import PAGES, ROOT, blocks, links, spans

README_LINES_MAX = 150
TOPS = ("server", "training", "adapters", "extension", "tests", "bench", "docs", "scripts", ".github", ".ci")
MADE = ("extension/.output/", "training/data/")  # by a build; in older reports
A_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, TOPS))})/[\w./*-]*")
A_COMMAND = re.compile(r"(?:\.venv/bin/)?(?:retinue|make|python -m (?:training|bench)) [\w-].*")
NO_COMMAND = ("make it",)
IN_A_GUIDE = {block.into for page in PAGES for block in blocks(page) if block.into}
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def exists(path: str, page: Path) -> bool:
    if path.startswith(MADE) or path in IN_A_GUIDE:
        return True
    return any(True for root in (ROOT, page.parent) for _ in root.glob(path.rstrip("/")))


def parts_of(command: str) -> list[str]:
    """The words up to what stands for something else, with what may be chosen from: `a | b` gives up there."""
    words = command.split()
    end = next((place for place, word in enumerate(words) if word in ("|", "…")), len(words))
    return words[:end]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_files_that_are_named_exist(page: Path) -> None:
    named = [span for span in spans(page) if A_PATH.fullmatch(span)]

    assert [path for path in named if not exists(path, page)] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_in_running_text_exist_with_their_options(page: Path) -> None:
    named = [span for span in spans(page) if A_COMMAND.fullmatch(span) and not span.startswith(NO_COMMAND)]

    assert {command: found for command in named if (found := fault(parts_of(command), whole=False))} == {}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_settings_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"\bRETINUE_([A-Z_]+)\b", page.read_text(encoding="utf-8")))

    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_the_table_of_checks_is_the_code_s() -> None:
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)`\*? \|.*\|(.*)\|$", text, re.MULTILINE))

    assert set(rows) == set(CHECKS)
    for name, parameters in rows.items():
        assert set(re.findall(r"`(\w+)`", parameters)) == set(CHECKS[name].model_fields) - {"check"}


def test_the_readme_s_tree_is_the_repository_s() -> None:
    [tree] = [block.text for block in blocks(ROOT / "README.md") if block.language == "text"]
    top = ""
    for line in tree.splitlines():
        names = [name for name in line.split("  ")[1 if line.startswith(" ") else 0].split() if name]
        top = top if line.startswith(" ") else names[0]
        paths = [ROOT / top / name if line.startswith(" ") else ROOT / name for name in names]
        assert all(path.exists() for path in paths), line


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < README_LINES_MAX
