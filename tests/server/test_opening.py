"""Files are opened in one place: nothing else in server or training reads a file by its name alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "server").rglob("*.py"), *(ROOT / "training").rglob("*.py")])
# Module -> why what it reads is its own, or is bounded in another way.
EXCUSED = {
    "server/text/documents.py": "the file that the user names with --page, a pipe or standard input as well; bounded",
    "server/transport/keyfile.py": "the user's own key file, mode 0600",
    "server/transport/pairing.py": "the user's own pairing code, mode 0600; bounded",
    "server/launcher/registration.py": "the system's own folder of units; links and what is not ours are refused there",
    "server/engine/local/base/weights_record.py": "/proc/cpuinfo",
    "server/engine/local/forward/precision.py": "a text of the package",
    "training/tune/job.py": "a text of the package",
    "training/fit/memory.py": "the kernel's own figures",
    "training/fit/checkpoint.py": "what it has just written",
    "server/catalog/acquire/fetch.py": "members of an archive that is open; urlopen",
}
READS = {"read_text", "read_bytes", "open", "fdopen"}
COPIES = {"copyfile", "copy", "copy2", "copytree"}


def reads(source: str) -> Iterator[str]:
    """What opens a file for reading, with its line."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        owner = getattr(getattr(node.func, "value", None), "id", "")
        if (name in READS and owner != "os" and not _writes(node)) or (name in COPIES and owner == "shutil"):
            yield f"line {node.lineno}: {name}"


def _writes(call: ast.Call) -> bool:
    """By its mode: the second argument of `open`, the first of a path's own."""
    place = 1 if isinstance(call.func, ast.Name) else 0
    modes = [*call.args[place : place + 1], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and str(mode.value)[:1] in "wxa" for mode in modes)


@pytest.mark.parametrize("name", [str(file.relative_to(ROOT)) for file in FILES])
def test_no_file_is_read_but_by_the_one_function(name: str) -> None:
    found = list(reads((ROOT / name).read_text(encoding="utf-8")))

    assert bool(found) == (name in EXCUSED), found


@pytest.mark.parametrize(
    "source", ["open('x')", "path.read_text()", "path.open('rb')", "shutil.copyfile(a, b)", "path.read_bytes()"]
)
def test_a_bare_open_is_found(source: str) -> None:
    assert list(reads(source))


@pytest.mark.parametrize("source", ["open('x', 'w')", "path.open('wb')", "path.open(mode='x')"])
def test_writing_is_no_reading(source: str) -> None:
    assert not list(reads(source))
