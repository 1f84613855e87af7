"""Is a tag the version of everything that is released? `python3 scripts/check_version.py v1.2.3`; release.yml runs it.

Knows files only: nothing needs to be installed.
"""

import json
import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def versions(root: Path) -> dict[str, str]:
    """Where a version stands -> the version."""
    package, lock = (
        json.loads((root / "extension" / name).read_text(encoding="utf-8"))
        for name in ("package.json", "package-lock.json")
    )
    return {
        "server/__init__.py": runpy.run_path(str(root / "server" / "__init__.py"))["__version__"],
        "extension/package.json": package["version"],
        "extension/package-lock.json": lock["packages"][""]["version"],
    }


def complaints(tag: str, root: Path) -> list[str]:
    """What does not fit the tag; empty when all does."""
    wanted = tag.removeprefix("v")
    if not tag.startswith("v") or not _VERSION.fullmatch(wanted):
        return [f"{tag!r} is no version tag such as v1.2.3."]
    return [
        f"{where} says {version}, the tag says {wanted}."
        for where, version in versions(root).items()
        if version != wanted
    ]


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: check_version.py TAG", file=sys.stderr)
        return 2
    found = complaints(arguments[0], ROOT)
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
