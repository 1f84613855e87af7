"""The rules of the house that a machine can check: import directions, file sizes, where torch may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES_MAX = 400
SERVER = sorted((ROOT / "server").rglob("*.py"))
TRAINING = sorted((ROOT / "training").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HEAVY = {"torch", "transformers", "safetensors", "peft"}

# What a module of the server may import of ours; `engine` means the interface. Every new module needs a line.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "protocol": set(),
    "page": {"errors"},
    "units": {"page"},
    "finder": {"page", "units"},
    "prompt": {"errors", "finder", "page"},
    "evidence": {"checks", "engine", "finder", "prompt", "units"},
    "grounding": {"page"},
    "lengths": set(),
    "checks": {"grounding", "lengths", "page"},
    "stream": {"grounding", "page"},
    "keyfile": {"errors"},
    "pairing": {"errors", "keyfile"},
    "adapter_files": {"errors"},
    "copilots": {"adapter_files", "checks", "engine", "errors"},
    "sources": set(),
    "disk": {"errors"},
    "fetch": {"disk", "errors", "sources"},
    "install": {"bases", "disk", "errors", "fetch", "settings", "sources"},
    "add": {"disk", "errors", "fetch", "install", "pull", "settings", "sources"},
    "bases": {"errors", "prompt", "settings", "sources", "stream"},
    "hub": {"errors"},
    "versions": {"errors"},
    "adopt": {"adapter_files", "bases", "copilots", "engine", "errors", "settings", "versions"},
    "pull": {"bases", "disk", "errors", "hub", "settings", "sources"},
    "outbox": {"protocol"},
    "log": set(),
    "pages": {"bases", "engine", "errors", "finder", "page", "prompt", "protocol", "settings"},
    "run": {
        "checks",
        "copilots",
        "engine",
        "errors",
        "evidence",
        "finder",
        "grounding",
        "page",
        "pages",
        "prompt",
        "protocol",
        "stream",
    },
    "session": {"copilots", "errors", "outbox", "pages", "protocol", "run"},
    "train_events": {"errors", "protocol"},
    "trainings": {"bases", "copilots", "errors", "protocol", "settings", "train_events"},
    "lobby": {"copilots", "errors", "keyfile", "outbox", "pages", "pairing", "protocol", "session", "trainings"},
    "handshake": {"errors", "lobby", "pairing", "protocol"},
    "channel": {"errors", "handshake", "lobby", "outbox", "protocol", "session"},
    "documents": {"errors"},
    "client": {"copilots", "errors", "keyfile", "outbox", "pages", "pairing", "protocol", "session", "settings"},
    "ask": {
        "bases",
        "client",
        "copilots",
        "documents",
        "engine",
        "errors",
        "install",
        "pages",
        "protocol",
        "settings",
    },
}
COMPOSE = {"app", "serve", "cli", "base_commands", "copilot_commands", "doctor", "__main__", "__init__"}
TRAINING_MAY_IMPORT = {
    "bases",
    "checks",
    "copilots",
    "disk",
    "engine",
    "errors",
    "evidence",
    "finder",
    "grounding",
    "page",
    "prompt",
    "settings",
    "sources",
    "units",
    "versions",
}


def imports(file: Path, *, lazy: bool = True) -> Iterator[str]:
    """Full names of what a file imports; without `lazy`, only what importing the file imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if lazy else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module if node.module != "server" else "server." + node.names[0].name


def ours(file: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(file) if name.startswith("server.")}


def module(file: Path) -> str:
    return "engine" if file.parent.name == "engine" else file.stem


@pytest.mark.parametrize("file", [file for file in SERVER if module(file) != "engine"], ids=module)
def test_a_module_of_the_server_imports_only_what_it_may(file: Path) -> None:
    if file.stem in COMPOSE:
        assert all(not name.startswith("training") for name in imports(file))
        return

    assert ours(file) <= MAY_IMPORT[file.stem], f"{file.stem} is new or imports too much"


@pytest.mark.parametrize("file", [file for file in SERVER if module(file) == "engine"], ids=lambda file: file.stem)
def test_the_engine_knows_only_itself_errors_and_settings(file: Path) -> None:
    assert ours(file) <= {"engine", "errors", "settings"}


@pytest.mark.parametrize("file", SERVER, ids=lambda file: file.stem)
def test_the_server_never_imports_training(file: Path) -> None:
    assert not [name for name in imports(file) if name.split(".")[0] == "training"]


@pytest.mark.parametrize("file", TRAINING, ids=lambda file: file.stem)
def test_training_imports_only_the_shared_modules(file: Path) -> None:
    assert ours(file) <= TRAINING_MAY_IMPORT


@pytest.mark.parametrize("file", [file for file in SERVER if module(file) != "engine"], ids=module)
def test_torch_is_only_under_the_engine(file: Path) -> None:
    assert not {name.split(".")[0] for name in imports(file, lazy=False)} & HEAVY
    assert "torch" not in {name.split(".")[0] for name in imports(file)}


def test_only_four_modules_know_which_engine_it_is() -> None:
    above = [file for file in SERVER if module(file) != "engine"]
    users = {file.stem for file in above if any(name.startswith("server.engine.") for name in imports(file))}

    assert users <= {"serve", "ask", "adopt", "doctor"}


@pytest.mark.parametrize("file", [*SERVER, *TRAINING, *TESTS], ids=lambda file: str(file.relative_to(ROOT)))
def test_files_are_short_and_say_what_they_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.name == "__init__.py" and not text.strip():
        return

    assert len(text.splitlines()) <= LINES_MAX
    assert file in TESTS or ast.get_docstring(ast.parse(text)), "a file opens with a docstring"


def test_most_files_are_small() -> None:
    sizes = sorted(len(file.read_text(encoding="utf-8").splitlines()) for file in [*SERVER, *TRAINING])

    assert sizes[len(sizes) // 2] <= 120
    assert sizes[len(sizes) * 9 // 10] <= 250
