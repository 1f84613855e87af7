"""The release's checks end with a sentence: what they found, or that the registry is not to be reached."""

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

supply_chain: ModuleType = importlib.import_module("scripts.supply_chain")
PROGRAM = "#!/bin/sh\necho {says}\nexit {status}\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that stand for those of `.venv/release`; python's place is there too."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


def put(programs: Path, name: str, *, says: str, status: int) -> None:
    file = programs / name
    file.write_text(PROGRAM.format(says=says, status=status))
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        ("Failed to resolve api.osv.dev", "cannot reach its registry"), ("405 Method Not Allowed", "cannot reach"),
        ("rich 1.0 PYSEC-2026-1", "rich 1.0 PYSEC-2026-1"),
    ],
)  # fmt: skip
def test_an_audit_that_fails_says_why(programs: Path, says: str, sentence: str) -> None:
    put(programs, "pip-audit", says=says, status=1)

    with pytest.raises(SystemExit, match=sentence) as ended:
        supply_chain.audit()
    assert isinstance(ended.value.code, str)  # printed, and the status is 1


def test_a_package_that_is_too_young_is_named(programs: Path) -> None:
    put(programs, "uv", says="no version of rich==99", status=1)

    with pytest.raises(SystemExit, match="rich==99"):
        supply_chain.ages()


def test_the_cut_is_a_week_ago(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(programs, "uv", says='"$@" > "$(dirname "$0")/asked"', status=0)
    supply_chain.ages()

    asked = (programs / "asked").read_text()
    assert "--exclude-newer" in asked
    assert asked.partition("--exclude-newer ")[2][:10] in capsys.readouterr().out


def test_a_program_that_is_not_there_is_named(programs: Path) -> None:
    with pytest.raises(SystemExit, match="no-such-program is not installed"):
        supply_chain.run("no-such-program")


def test_the_commands_are_those_that_make_names() -> None:
    makefile = (supply_chain.ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"supply_chain\.py (\w+)", makefile))

    assert named == {"ages", "audit", "lock", "sboms"}
    assert all(callable(getattr(supply_chain, name)) for name in named)
