"""`make help` names every target, and constraints.txt holds what is installed."""

import os
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def make(*arguments: str) -> str:
    """What make prints, also when make runs this test: it must not know of the outer one."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    line = ["make", *arguments]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def test_help_lists_every_target_with_what_it_does() -> None:
    listed = dict(line.split(maxsplit=1) for line in make("help").splitlines())
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    assert phony is not None
    assert set(listed) == set(phony[1].split())
    assert set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE)) == set(listed)


def test_constraints_are_the_versions_that_are_installed() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    other = []
    for name, pinned in pins.items():
        try:
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:  # an extra that is not installed here
            continue
        if installed != pinned:
            other.append((name, pinned, installed))

    assert other == []
    assert len(pins) > 50
    assert "torch" in pins


def test_the_head_of_constraints_names_the_command_that_writes_it() -> None:
    head = (ROOT / "constraints.txt").read_text(encoding="utf-8").partition("\n")[0]

    assert "`make constraints`" in head
    assert "pip freeze --exclude-editable" in make("-n", "-o", ".venv/.dev", "constraints")


def test_the_lock_has_the_versions_of_constraints_and_a_hash_for_each() -> None:
    pins = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line]
    parts = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    locked = {part.split()[0]: part.split()[1:] for part in parts if not part.startswith("#")}

    assert {canonical(pin) for pin in locked} == {canonical(pin) for pin in pins if not pin.startswith("#")}
    assert all(
        hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes) for hashes in locked.values()
    )


def canonical(pin: str) -> str:
    name, _, version = pin.partition("==")
    return f"{canonicalize_name(name)}=={version}"


def test_with_locked_all_but_torch_is_installed_by_hash() -> None:
    printed = make("-n", "-B", ".venv/.ready", "LOCKED=1", "PYTHON=true")

    assert "--require-hashes --no-deps -r requirements.lock" in printed
    assert "--require-hashes" not in make("-n", "-B", ".venv/.ready", "PYTHON=true")
