"""The error codes that a client of the socket can meet, read from the server's source. Called by protocol_docs.

A code comes from a call with `code="…"`, or from an error class of server/errors.py that has a code by default. Knows
Python's syntax tree only: nothing of the server is run.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What runs behind a socket: another base may be brought and loaded there. The encoder's faults end a start.
BEHIND_A_SOCKET = (
    "transport/*.py", "conversation/**/*.py", "text/page.py", "text/prompt.py", "engine/**/*.py", "catalog/copilot*.py",
    "catalog/layout.py", "catalog/own/*.py", "catalog/trainings.py", "catalog/train_events.py", "catalog/bases.py",
    "catalog/chat_template.py", "catalog/acquire/*.py",
)  # fmt: skip
NOT_THERE = ("transport/client.py", "transport/listener.py", "catalog/acquire/add.py")
AT_THE_START = ("encoder_",)
_FAILS = "_fail"  # the method by which an answer ends in a code


@dataclass(frozen=True, slots=True, order=True)
class Met:
    """A code where it is raised: the class that carries it, and its sentence, `…` for what varies."""

    code: str
    raised_as: str
    sentence: str


def error_classes() -> dict[str, type]:
    """The classes of server/errors.py by name."""
    from server import errors

    return {name: thing for name, thing in vars(errors).items() if isinstance(thing, type)}


def error_codes(server: Path) -> list[Met]:
    """Each code once for each sentence, in the order of the codes; one without a sentence only where it has none."""
    classes = error_classes()
    files = {file for pattern in BEHIND_A_SOCKET for file in server.glob(pattern)}
    files -= {server / name for name in NOT_THERE}
    found = {met for file in files for met in _met_in(ast.parse(file.read_text(encoding="utf-8")), classes)}
    explained = {met.code for met in found if met.sentence}
    kept = (met for met in found if not met.code.startswith(AT_THE_START))
    return sorted(met for met in kept if met.sentence or met.code not in explained)


def _met_in(tree: ast.Module, classes: dict[str, type]) -> Iterator[Met]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        said = [*call.args, *(keywords[word] for word in ("message", "why") if word in keywords)]
        if name == _FAILS:  # code and sentence, as they come
            code, said = _text(call.args[0], tree), said[1:]
        elif "code" in keywords:
            code = _text(keywords["code"], tree)
        else:
            code = getattr(classes.get(name), "default_code", "")
        if code:
            yield Met(code, name if name in classes else "", _text(said[0], tree) if said else "")


def _text(node: ast.expr, tree: ast.Module) -> str:
    """A string as it stands in the source, or what was last assigned to a name above it; empty when it is neither."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, tree) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if not isinstance(node, ast.Name):
        return ""
    above = [
        other
        for other in ast.walk(tree)
        if isinstance(other, ast.Assign)
        and other.lineno < node.lineno
        and any(isinstance(target, ast.Name) and target.id == node.id for target in other.targets)
    ]
    last = max(above, key=lambda other: other.lineno, default=None)
    return _text(last.value, tree) if last is not None and not isinstance(last.value, ast.Name) else ""
