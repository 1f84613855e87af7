"""THIRD_PARTY.md names everything that a release needs, with a licence."""

import importlib
import json
from pathlib import Path

third_party = importlib.import_module("scripts.third_party")
ROOT = Path(__file__).parents[2]


def test_the_page_is_what_is_installed() -> None:
    assert third_party.PAGE.read_text(encoding="utf-8") == third_party.page()


def test_every_direct_dependency_is_named_with_a_licence() -> None:
    rows = [line.split(" | ") for line in third_party.page().splitlines() if line.startswith("| ")]
    named = {row[0].removeprefix("| "): row[2].removesuffix(" |") for row in rows}
    package = json.loads((ROOT / "extension" / "package.json").read_text(encoding="utf-8"))

    assert {"torch", "transformers", "fastapi", "rich", *package["dependencies"]} <= set(named)
    assert all(named.values())
    assert "pytest" not in named


def test_a_page_that_is_old_is_told(tmp_path: Path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(third_party, "PAGE", tmp_path / "THIRD_PARTY.md")

    assert third_party.main(["--check"]) == 1
    assert "make protocol" in capsys.readouterr().err
    assert third_party.main([]) == 0
    assert third_party.main(["--check"]) == 0
