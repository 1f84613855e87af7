"""`retinue copilots new|check|show|list`, as a person types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli.copilots import copilots_app
from server.errors import CopilotError


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETINUE_ADAPTERS_DIR", str(tmp_path / "adapters"))
    monkeypatch.setenv("RETINUE_USER_DIR", str(tmp_path / "user"))
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(copilots_app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.output


def write_rows(folder: Path, *answers: str) -> None:
    rows = [{"page": "lease", "question": f"Question {n}?", "answer": text} for n, text in enumerate(answers)]
    for split in ("train", "heldout"):
        page = folder.parent / "pages" / split / "lease.md"
        page.write_text(
            f"# {split}\n\nThe {split} rent is 900 euros a month. " + " ".join(f"{split}{n}" for n in range(20))
        )
        lines = (json.dumps(row).replace("SPLIT", split) for row in rows)
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def test_a_new_copilot_is_whole_listed_and_shown(tmp_path: Path) -> None:
    run("new", "legal/lease-reader")
    folder = tmp_path / "user" / "copilots" / "legal" / "lease-reader"

    assert "legal/lease-reader: no fault" in run("check")
    assert "What it does for its user" in run("list")
    shown = run("show", "lease-reader")
    assert "Lease reader" in shown and str(folder) in shown and "cites_block" in shown
    with pytest.raises(CopilotError) as refusal:
        run("new", "legal/lease-reader")
    assert refusal.value.code == "copilot_exists"


@pytest.mark.parametrize("name", ["lease", "legal/", "Legal/x", "legal/../x", "general/x", "legal/pages", "a/b/c"])
def test_a_bad_name_makes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(CopilotError):
        run("new", name)
    assert not (tmp_path / "user").exists()


def test_a_fault_is_named_with_file_and_line(tmp_path: Path) -> None:
    folder = tmp_path / "adapters" / "legal" / "lease-reader"
    run("new", "legal/lease-reader", "--in", str(tmp_path / "adapters"))
    good = (folder / "copilot.toml").read_text()

    (folder / "copilot.toml").write_text(good.replace("hints = []", "hints = 7"))
    assert "copilot.toml, line 7: hints: Input should be a valid list" in run("check", status=1)
    (folder / "copilot.toml").write_text(good + "x = nope\n")
    assert "line 10, column" in run("check", status=1)
    (folder / "copilot.toml").write_text(good.replace('check = "form"', 'check = "from"'))
    assert "copilot.toml, line 9: checks.0" in run("check", status=1)


def test_examples_are_checked_too(tmp_path: Path) -> None:
    folder = tmp_path / "adapters" / "legal" / "lease-reader"
    run("new", "legal/lease-reader", "--in", str(tmp_path / "adapters"))

    write_rows(folder, '900 euros. "The SPLIT rent is 900 euros a month." [1]')
    assert "no fault" in run("check", "lease-reader")
    write_rows(folder, '900 euros. "The SPLIT rent is 800 euros a month." [1]')
    assert "legal/lease-reader/train.jsonl, line 1: the quote" in run("check", status=1)
    write_rows(folder, "900 euros, as the page has it [1].", "A month [1].")
    assert "answers that pass form: 0%" in run("check", status=1)
    with pytest.raises(CopilotError):
        run("check", "no-such-copilot")


def test_a_panel_that_names_nobody_is_a_fault_of_its_category(tmp_path: Path) -> None:
    run("new", "legal/lease-reader")
    run("new", "shop/review", "--in", str(tmp_path / "adapters"))
    shared = tmp_path / "user" / "copilots" / "legal" / "category.toml"
    panel = 'panel = ["legal/lease-reader", "shop/review", "generalist"]\n'
    shared.write_text('name = "Legal"\n' + panel)
    assert "legal: " not in run("check", "--in", str(shared.parent.parent))  # it may name what is installed

    shared.write_text('name = "Legal"\n\n' + panel.replace("shop/review", "shop/gone"))

    said = run("check", "legal/lease-reader", status=1)
    assert "legal: category.toml, line 3: panel: there is no copilot 'shop/gone'." in said
