"""The rules of the harness that a machine can check: import directions, file sizes, where torch may be."""

import ast
import graphlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES_MAX, TEST_LINES_MAX = 350, 400
SERVER = sorted((ROOT / "server").rglob("*.py"))
TRAINING = sorted((ROOT / "training").rglob("*.py"))
BENCH = sorted((ROOT / "bench").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HEAVY = {"torch", "transformers", "safetensors", "peft"}

# Each floor may import itself and the floors named; `engine` is the interface, `local` what runs the model here.
GROUND = {"errors", "choice", "settings", "protocol", "log", "files", "folders", "terminal"}
FLOORS: dict[str, set[str]] = {
    "text": {"errors"},
    "engine": {"errors", "files"},
    "local": {"engine", "errors", "files", "settings"},
    "remote": {"engine", "errors", "files", "settings", "text"},
    "launcher": {"errors", "files", "settings"},
    "catalog": {"engine", "text", *GROUND},
    "conversation": {"catalog", "engine", "text", *GROUND},
    "transport": {"conversation", "catalog", "engine", "text", *GROUND},
}
TRAINING_MAY_IMPORT = {"conversation", "catalog", "engine", "local", "text", *GROUND}
WHICH_ENGINE = {"app", "compose", "serve", "ask", "doctor", "adopt", "engine"}  # the modules that name an engine
WHERE_ENGINES_ARE = ("server.engine.local", "server.engine.remote")
MODULES_MAX = 14  # of a folder


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def import_nodes(file: Path) -> list[ast.Import | ast.ImportFrom]:
    """Every import of a file, those in functions too."""
    return [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(file: Path, *, lazy: bool = True) -> Iterator[str]:
    """Full names of what a file imports; without `lazy`, only what importing the file imports."""
    for node in import_nodes(file) if lazy else tree_of(file).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module if node.module != "server" else "server." + node.names[0].name


def floor(name: str) -> str:
    """The floor of a module by its full name: `server.text.page` -> text, `server.settings` -> settings."""
    parts = name.split(".")
    return parts[2] if parts[1:3] in (["engine", "local"], ["engine", "remote"]) else parts[1]


def full_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def ours(file: Path) -> set[str]:
    """The floors of the server that a file imports from."""
    return {floor(name) for name in imports(file) if name.startswith("server.")}


def on_floor(*floors: str) -> list[Path]:
    return [file for file in SERVER if file.parent != ROOT / "server" and floor(full_name(file)) in floors]


@pytest.mark.parametrize("file", on_floor(*FLOORS), ids=full_name)
def test_a_floor_imports_only_what_stands_below_it(file: Path) -> None:
    own = floor(full_name(file))

    assert ours(file) <= {own, *FLOORS[own]}


@pytest.mark.parametrize("name", sorted(GROUND))
def test_the_ground_imports_nothing_but_errors_and_files(name: str) -> None:
    files = [file for file in SERVER if floor(full_name(file) + ".") == name]

    assert files
    assert set().union(*map(ours, files)) <= {"errors", "files", name, *({"choice"} if name == "settings" else ())}


def test_no_imports_run_in_circles() -> None:
    files = {full_name(file): file for file in [*SERVER, *TRAINING]}
    known = set(files)
    graph = {name: set(resolved(file, known)) - {name} for name, file in files.items()}

    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def resolved(file: Path, known: set[str]) -> Iterator[str]:
    """The modules of ours that a file imports, `from package import module` included."""
    for node in import_nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in whole if name in known)
            if node.module in known and any(name not in known for name in whole):
                yield node.module


@pytest.mark.parametrize("top", ["server", "training", "bench", "extension"])
def test_no_folder_holds_more_modules_than_one_can_overlook(top: str) -> None:
    kinds = ("*.py", "*.ts", "*.tsx")
    files = [file for kind in kinds for file in (ROOT / top).rglob(kind) if "node_modules" not in file.parts]
    counts = Counter(file.parent for file in files if file.name != "__init__.py")

    assert max(counts.values()) <= MODULES_MAX, counts.most_common(2)


@pytest.mark.parametrize("file", SERVER, ids=lambda file: file.stem)
def test_the_server_never_imports_training_but_for_the_check_of_examples(file: Path) -> None:
    names = {name for name in imports(file) if name.split(".")[0] == "training"}

    assert names <= ({"training.dataset.copilot_check"} if file == ROOT / "server/cli/copilots.py" else set())


@pytest.mark.parametrize("file", TRAINING, ids=lambda file: file.stem)
def test_training_imports_no_transport_and_no_command(file: Path) -> None:
    assert ours(file) <= TRAINING_MAY_IMPORT


@pytest.mark.parametrize("file", [file for file in SERVER if floor(full_name(file) + ".") != "local"], ids=full_name)
def test_torch_is_only_under_the_local_engine(file: Path) -> None:
    assert not {name.split(".")[0] for name in imports(file, lazy=False)} & HEAVY
    assert "torch" not in {name.split(".")[0] for name in imports(file)}


def test_only_the_roots_know_which_engine_it_is() -> None:
    above = [file for file in SERVER if floor(full_name(file) + ".") not in ("engine", "local", "remote")]
    users = {file.stem for file in above if any(name.startswith(WHERE_ENGINES_ARE) for name in imports(file))}

    assert users <= WHICH_ENGINE


@pytest.mark.parametrize("file", [*SERVER, *TRAINING, *BENCH, *TESTS], ids=lambda file: str(file.relative_to(ROOT)))
def test_files_are_short_and_say_what_they_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.name == "__init__.py" and not text.strip():
        return

    assert len(text.splitlines()) <= (TEST_LINES_MAX if file in TESTS else LINES_MAX)
    assert file in TESTS or ast.get_docstring(tree_of(file)), "a file opens with a docstring"


def test_most_files_are_small() -> None:
    sizes = sorted(len(file.read_text(encoding="utf-8").splitlines()) for file in [*SERVER, *TRAINING, *BENCH])

    assert sizes[len(sizes) // 2] <= 110
    assert sizes[len(sizes) * 9 // 10] <= 220
