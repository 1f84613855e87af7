"""What is wrong with a command of the documentation, found without running it: by the parsers of the programs
themselves, the Makefile's targets and package.json's scripts.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from server.cli.main import app as retinue
from tests.docs.pages import ROOT
from training.cli.main import app as training

TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
SCRIPTS = set(json.loads((ROOT / "extension" / "package.json").read_text(encoding="utf-8"))["scripts"])
FROM_ELSEWHERE = {"pipx", "uv", "pre-commit", "git", "pip", "llama-server"}  # programs that are not ours
_A_VARIABLE = re.compile(r"RETINUE_[A-Z_]+=")


def program_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """`retinue`, `training`, `bench`, `make` … and what is given to it; `python` stands for `.venv/bin/python`."""
    words = [word for word in words if not _A_VARIABLE.match(word)]
    name, rest = words[0].removeprefix(".venv/bin/"), list(words[1:])
    if name in ("python", "python3") and rest[:1] == ["-m"] and len(rest) > 1:
        return rest[1], rest[2:]
    return name, rest


def fault(words: Sequence[str], *, root: Path = ROOT, whole: bool = True) -> str:
    """Why the command cannot work in `root`, empty when nothing is wrong. Not `whole`: arguments may be missing."""
    name, arguments = program_of(words)
    if name in ("retinue", "training", "bench"):
        return _fault_of_ours(name, arguments, whole=whole)
    if name == "make":
        unknown = [word for word in arguments if not word.startswith("-") and word not in TARGETS]
        return f"make has no target {unknown[0]}" if unknown else ""
    if name == "npm":
        known = {"ci", "test", *(f"run {script}" for script in SCRIPTS)}
        return "" if " ".join(word for word in arguments if word not in ("--prefix", "extension")) in known else "npm"
    if name in ("sh", "node", "python", "python3", "ruff", "mypy", "pytest"):
        files = [
            word for word in arguments if "/" in word and not word.startswith("-") and not word.startswith("LLAMA_CPP/")
        ]
        missing = [file for file in files if not (root / file.partition("::")[0]).exists()]
        return f"there is no {missing[0]}" if missing else ""
    return "" if name in FROM_ELSEWHERE else f"nobody knows {name}"


def _fault_of_ours(name: str, arguments: list[str], *, whole: bool) -> str:
    if name == "retinue" and arguments[:1] and arguments[0] in ("train", "evaluate"):
        name = "training"  # where they are passed on to
    if name == "retinue" and arguments[:1] == ["bench"]:
        name, arguments = "bench", arguments[1:]
    command: Any = get_command(_app(name))
    while hasattr(command, "commands") and arguments:
        if arguments[0] not in command.commands:
            return f"{name} has no command {arguments[0]}"
        command = command.commands[arguments.pop(0)]
    if not whole:
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        unknown = [word for word in arguments if word.startswith("-") and word.partition("=")[0] not in known]
        return f"{command.name} has no option {unknown[0]}" if unknown else ""
    try:
        command.make_context(command.name, list(arguments))
    except typer.Exit:  # --help
        return ""
    except Exception as error:  # typer keeps the class of its usage errors to itself
        return f"{type(error).__name__}: {error}"
    return ""


def _app(name: str) -> typer.Typer:
    if name == "bench":
        from bench.__main__ import app

        return app
    return {"retinue": retinue, "training": training}[name]
