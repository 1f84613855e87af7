"""The pages of the documentation are carried out: a page's files are written, its changes made, its commands run.

Each page gets a copy of the checkout and an empty home of its own, with the base where set-up puts it. No network.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.children import environment
from tests.docs.commands import fault, program_of
from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.real_base import REAL_BASES

# What is only looked at: targets, options and arguments are held to the program's own parser, and nothing is started.
ONLY_READ = {
    "make": "installs, builds, serves or tests everything; `make -n` shows that its recipe can be made",
    "retinue bases pull": "downloads",
    "retinue bases add": "needs the file that somebody brings",
    "retinue bases use": "needs a base that was downloaded",
    "retinue doctor --weights": "measures for minutes",
    "retinue serve --engine": "needs a server elsewhere",
    "retinue serve --host": "needs a certificate",
    "retinue engine key": "asks for a key",
    "retinue install": "registers the server with this machine",
    "retinue uninstall": "removes it from this machine",
    "training train": "trains for hours",
    "training evaluate": "measures for minutes",
    "training calibrate": "measures for minutes",
    "training all": "trains for hours",
    "training tune": "trains for hours",
    "python LLAMA_CPP": "needs llama.cpp",
    "llama-server": "needs llama.cpp",
    "pipx": "installs from the package index",
    "uv": "installs from the package index",
    "npm": "installs and builds",
    "node": "drives a browser; make e2e does it too",
    "git": "tags and pushes",
    "python3 scripts/check_version.py": "is given a version to come; tests/packaging tries it",
}
STATUS = {
    "retinue doctor": (0, 1),  # 1: something is to be mended on this machine, mostly the extension is not built
    "retinue install --dry-run": (0,),  # changes nothing, unlike the rest of `retinue install`
}
LEFT_OUT = shutil.ignore_patterns(
    ".*", "node_modules", "runs", "dist", "docs", "__pycache__", "screenshots", "*.egg-info"
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "clone", ignore=LEFT_OUT)
    (tmp_path / "home" / "data" / "retinue").mkdir(parents=True)
    (tmp_path / "home" / "data" / "retinue" / "bases").symlink_to(REAL_BASES)
    return tmp_path / "clone"


def rule(words: Sequence[str]) -> str:
    """The longest entry of ONLY_READ or STATUS that the command begins with; empty when there is none."""
    name, arguments = program_of(words)
    line = " ".join([name, *arguments])
    return max((known for known in [*ONLY_READ, *STATUS] if _begins(line, known)), key=len, default="")


def _begins(line: str, known: str) -> bool:
    return line == known or line.startswith((f"{known} ", f"{known}/"))


def run(words: Sequence[str], clone: Path) -> None:
    home = clone.parent / "home"
    name, arguments = program_of(words)
    program = {"retinue": ["-P", "-m", "server"], "python": [], "python3": []}.get(name, ["-m", name])
    done = subprocess.run(  # noqa: S603 - commands of our own pages
        [sys.executable, *program, *arguments],
        cwd=clone, capture_output=True, text=True, check=False, timeout=600,
        env=environment() | {
            "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CACHE_HOME": str(home / "cache"), "PYTHONPATH": str(clone), "RETINUE_PORT": "1",
            "RETINUE_THREADS": "1",
            "REAL_BASES_DIR": str(REAL_BASES),
        },
    )  # fmt: skip
    assert done.returncode in STATUS.get(rule(words), (0,)), f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    assert done.stdout.strip(), f"{' '.join(words)} says nothing"


def change(file: Path, diff: str) -> None:
    """What the diff shows as it was, which must stand in the file once, becomes what it shows as it is."""
    was, now = ("".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in f" {sign}") for sign in "-+")
    text = file.read_text(encoding="utf-8")
    assert text.count(was) == 1, f"{file.name} has {text.count(was)} of:\n{was}"
    file.write_text(text.replace(was, now), encoding="utf-8")


def follow(block: Block, clone: Path) -> None:
    if block.language == "diff":
        change(clone / block.into, block.text)
    elif block.into and not block.commands:
        file = clone / block.into
        assert file.parent.is_dir(), f"there is no folder for {block.into}"
        file.write_text(block.text, encoding="utf-8")
    for words in block.commands:
        found = rule(words)
        if found == "make":
            subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)  # noqa: S603, S607
        elif found not in ONLY_READ:
            run(words, clone)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_followed_from_top_to_bottom(page: Path, clone: Path) -> None:
    for block in blocks(page):
        faults = {" ".join(words): fault(words, root=clone) for words in block.commands}
        assert not any(faults.values()), faults
        follow(block, clone)


def test_every_reason_to_leave_a_command_out_is_needed() -> None:
    used = {rule(words) for page in PAGES for block in blocks(page) for words in block.commands}

    assert set(ONLY_READ) | set(STATUS) <= used


@pytest.mark.parametrize(
    ("command", "wrong"),
    [("retinue copilots mend", "no command mend"), ("retinue ask --jsn", "--jsn"), ("make none", "no target none"),
     (".venv/bin/python -m training train", "copilot"), ("sh bench/none.sh", "there is no"), ("curl x", "nobody")],
)  # fmt: skip
def test_a_command_that_cannot_work_is_named(command: str, wrong: str) -> None:
    assert wrong in fault(command.split())


def test_a_change_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text("a = 1\nb = 2\n")

    change(file, "-a = 1\n+a = 3\n b = 2\n")
    assert file.read_text() == "a = 3\nb = 2\n"
    with pytest.raises(AssertionError, match=r"has 0 of"):
        change(file, "-a = 1\n+a = 4\n")
