"""A tag is released only when server and extension have its version."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server import __version__

ROOT = Path(__file__).parents[2]
FILES = ("server/__init__.py", "extension/package.json", "extension/package-lock.json", "scripts/check_version.py")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def check(root: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(root / "scripts" / "check_version.py"), *arguments]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)  # noqa: S603 - our interpreter
    return done.returncode, done.stderr


def test_the_tag_of_this_version_is_right() -> None:
    assert check(ROOT, f"v{__version__}") == (0, "")


@pytest.mark.parametrize(
    "tag", [__version__, "v1", "main", f"v{__version__}-rc1", f"v{__version__}; ls", "", "vv1.2.3"]
)
def test_what_is_no_version_tag_is_refused(tag: str) -> None:
    status, complaint = check(ROOT, tag)

    assert status == 1
    assert "is no version tag" in complaint


def test_another_version_is_refused_and_each_place_is_named() -> None:
    status, complaint = check(ROOT, "v99.0.0")

    assert status == 1
    assert [line.split(" says ")[0] for line in complaint.splitlines()] == list(FILES[:3])


@pytest.mark.parametrize("name", FILES[1:3])
def test_an_extension_left_behind_is_named(clone: Path, name: str) -> None:
    content = json.loads((clone / name).read_text())
    (content["packages"][""] if "packages" in content else content)["version"] = "0.0.9"
    (clone / name).write_text(json.dumps(content))

    assert check(clone, f"v{__version__}") == (1, f"{name} says 0.0.9, the tag says {__version__}.\n")


def test_a_tag_has_to_be_given() -> None:
    assert check(ROOT) == (2, "usage: check_version.py TAG\n")
