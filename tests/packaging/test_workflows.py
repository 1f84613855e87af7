"""The workflows, hooks and issue forms of the repository: each command that they name exists here."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
OF_THE_RUNNER = {"sha256sum", "gh"}  # programs that GitHub's Ubuntu image has
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
A_COMMIT = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def jobs(file: Path) -> dict[str, Any]:
    found = read(file)["jobs"]
    assert isinstance(found, dict)
    return found


def steps(file: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(file).values():
        yield from job.get("steps", [])


def fault(command: str) -> str:
    """What is wrong with one command of a `run:`; empty when it can be carried out."""
    program, *arguments = shlex.split(command)
    if program == "make":
        unknown = [target for target in arguments if target not in TARGETS]
        return f"no make target {unknown[0]}" if unknown else ""
    if program == "python3":
        return "" if (ROOT / arguments[0]).is_file() else f"no file {arguments[0]}"
    script = ROOT / program
    if "/" in program:
        return "" if script.is_file() and script.stat().st_mode & 0o100 else f"no program {program}"
    return "" if program in OF_THE_RUNNER else f"unknown program {program}"


@pytest.mark.parametrize(
    ("command", "wrong"),
    [("make dist", ""), ("make nothing", "no make target nothing"), ("python3 scripts/none.py v1", "no file"),
     ("./none", "no program"), ("curl x", "unknown program"), (".ci/run", "")],
)  # fmt: skip
def test_a_command_that_cannot_be_carried_out_is_named(command: str, wrong: str) -> None:
    assert fault(command).startswith(wrong)
    assert bool(fault(command)) == bool(wrong)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_each_run_names_a_target_or_a_script_that_exists(file: Path) -> None:
    commands = [line for step in steps(file) if "run" in step for line in step["run"].splitlines()]

    assert commands
    assert [fault(command) for command in commands if fault(command)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit_and_workflows_may_read_only(file: Path) -> None:
    assert read(file)["permissions"] == {"contents": "read"}
    assert all(A_COMMIT.fullmatch(step["uses"]) for step in steps(file) if "uses" in step)
    called = [job["uses"] for job in jobs(file).values() if "uses" in job]
    assert all((ROOT / path).is_file() for path in called)


def test_nothing_is_released_before_version_and_tests_are_right() -> None:
    found = jobs(ROOT / ".github" / "workflows" / "release.yml")

    assert "check_version.py" in found["version"]["steps"][-1]["run"]
    assert (found["test"]["needs"], found["release"]["needs"]) == ("version", "test")
    assert found["release"]["permissions"] == {"contents": "write"}
    assert [name for name, job in found.items() if "permissions" in job] == ["release"]


def test_hooks_are_local_and_their_programs_are_those_of_set_up() -> None:
    repositories = read(ROOT / ".pre-commit-config.yaml")["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert {repository["repo"] for repository in repositories} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    for hook in hooks:
        program, *arguments = hook["entry"].split()
        assert program.startswith(".venv/bin/")
        assert shutil.which(ROOT / program), program
        assert all((ROOT / argument).is_file() for argument in arguments if argument.endswith(".py"))


def test_the_issue_forms_are_whole() -> None:
    forms = [read(file) for file in FORMS if file.stem != "config"]

    assert {file.stem for file in FORMS} == {"bug", "feature", "copilot", "config"}
    for form in forms:
        assert {"name", "description", "body"} <= form.keys()
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert len({field["id"] for field in fields}) == len(fields)
        assert all(field["attributes"]["label"] for field in fields)
