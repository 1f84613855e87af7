"""Runs the commands of the system that registers programs: systemctl, launchctl, schtasks. Called by registration.

Tests put a runner that only records in its place.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_COMMAND_S_MAX = 60
NOT_THERE = 127


@dataclass(frozen=True, slots=True)
class Done:
    """The exit status and what was said, standard output first."""

    status: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a plan; with `may_fail` its failure changes nothing."""

    argv: tuple[str, ...]
    may_fail: bool = False


Run = Callable[[Sequence[str]], Done]


def step(*argv: str, may_fail: bool = False) -> Step:
    return Step(argv, may_fail)


def run_command(argv: Sequence[str]) -> Done:
    """Never raises: a program that is missing or hangs is a status too, as a shell gives it."""
    try:
        done = subprocess.run(  # noqa: S603 - the argv of our own plans, no shell
            list(argv), capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=_COMMAND_S_MAX
        )
    except FileNotFoundError:
        return Done(NOT_THERE, f"{argv[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Done(124, f"no answer within {_COMMAND_S_MAX} s")
    except OSError as error:
        return Done(126, str(error.strerror or error))
    said = (done.stdout + done.stderr).decode(errors="replace")
    return Done(done.returncode, said.strip())
