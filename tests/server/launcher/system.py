"""A system that records the commands which it is given, and a program to register with it."""

from collections.abc import Sequence
from pathlib import Path

from server.launcher.commands import Done
from server.launcher.program import Program

NASTY = ("a b", "50%h", 'say "hi"', "it's", "$HOME", "back\\slash", "Grüße 猫", "<&>", "a=b", "-x", "#;")


class FakeSystem:
    """Every command succeeds, but those whose words hold a key of `answers`."""

    def __init__(self, answers: dict[str, Done] | None = None) -> None:
        self.answers = answers or {}
        self.said: list[str] = []

    def __call__(self, argv: Sequence[str]) -> Done:
        self.said.append(" ".join(argv))
        return next((done for words, done in self.answers.items() if words in self.said[-1]), Done(0))


def program(folder: Path, *, interpreter: str = "/usr/bin/python3", **environment: str) -> Program:
    return Program(
        command=(interpreter, "-u", "-P", "-m", "server", "serve"),
        environment=environment,
        folders=(folder / "config", folder / "data"),
        log=folder / "logs" / "server.log",
    )
