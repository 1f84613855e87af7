"""The command line, as the server starts it: a child process."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from server.files import sha256_of
from tests.attack.offline import NAMESPACE, RUN, can_unshare
from tests.children import environment
from training.cli import main as cli

ROOT = Path(__file__).parents[2]
RECIPE = 'rank = 4\nalpha = 8\nlr = 5e-3\nbatch = 3\nepochs = 2\ndtype = "float32"\n'


@pytest.fixture
def place(tmp_path: Path, base: Path, data: Path) -> Path:
    """A folder with adapters/, data/ and a recipe."""
    folder = tmp_path / "adapters" / "shop" / "review"
    folder.mkdir(parents=True)
    (folder.parent / "category.toml").write_text('name = "Shop"\nchecks = ["quotes_verbatim"]\n')
    (folder / "copilot.toml").write_text('name = "Review"\npromise = "Reviews."\ninstructions = "Quote the page."\n')
    shutil.copytree(base, tmp_path / "user" / "bases" / "tiny")
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def command(place: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    variables = environment() | {
        "RETINUE_ADAPTERS_DIR": str(place / "adapters"), "RETINUE_USER_DIR": str(place / "user"),
        "XDG_CACHE_HOME": str(place / "cache"), "OMP_NUM_THREADS": "1", "COLUMNS": "200",
    }  # fmt: skip
    return [sys.executable, "-m", "training", *arguments], variables


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line, variables = command(place, *arguments)
    return subprocess.run(line, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.fixture
def run_here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The same in this process, which has torch already."""
    for name, folder in (
        ("RETINUE_ADAPTERS_DIR", "adapters"),
        ("RETINUE_USER_DIR", "user"),
        ("XDG_CACHE_HOME", "cache"),
    ):
        monkeypatch.setenv(name, str(place / folder))
    monkeypatch.setattr(cli, "quiet", lambda threads: None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    return lambda *arguments: CliRunner().invoke(cli.app, arguments)


def train_arguments(place: Path, out: str) -> list[str]:
    return [
        "train", "shop/review", "--base", "tiny", "--recipe", str(place / "recipe.toml"), "--data", str(place / "data"),
        "--out", str(place / out), "--progress", "json", "--threads", "1",
    ]  # fmt: skip


def test_a_run_killed_by_the_system_goes_on_and_ends_with_the_same_bytes(
    place: Path, run_here: Callable[..., Any]
) -> None:
    line, variables = command(place, *train_arguments(place, "killed"))
    child = subprocess.Popen(line, env=variables, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert child.stdout is not None
    for text in child.stdout:
        event = json.loads(text)
        if event["event"] == "step" and event["epoch"] == 2:
            child.send_signal(signal.SIGKILL)
            break
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    resumed = run_here(*train_arguments(place, "killed"))
    assert resumed.exit_code == 0, resumed.stderr
    events = [json.loads(text) for text in resumed.stdout.splitlines()]
    assert [event["event"] for event in events[:2]] == ["start", "memory"]
    assert events[2]["event"] == "resumed"
    assert events[-1]["event"] == "done"
    whole = run_here(*train_arguments(place, "whole"))
    assert whole.exit_code == 0, whole.stderr
    weights = "adapter_model.safetensors"
    assert sha256_of(place / "killed" / weights) == sha256_of(place / "whole" / weights)


@pytest.mark.skipif(not can_unshare(), reason="no network namespaces here")
def test_training_needs_no_network(place: Path) -> None:
    line, variables = command(place, *train_arguments(place, "offline"))
    alone = [*NAMESPACE, sys.executable, "-m", "tests.attack.offline", RUN, *line]

    done = subprocess.run(alone, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "done"


def test_the_check_shows_the_table_and_refuses_bad_examples_in_one_line(
    place: Path, run_here: Callable[..., Any]
) -> None:
    good = run_here("check", "shop/review", "--data", str(place / "data"))
    assert good.exit_code == 0, good.stderr
    assert "near-duplicates" in good.stdout
    with (place / "data" / "shop" / "review" / "train.jsonl").open("a") as file:
        file.write('{"page": "kettle", "question": "?", "answer": "\\"It sings.\\" [1]"}\n')
    bad = run_here("check", "shop/review", "--data", str(place / "data"))
    assert bad.exit_code == 1
    assert bad.stderr == (
        "data_quote: shop/review/train.jsonl, line 8: the quote 'It sings.' does not stand in block 1.\n"
    )


def test_all_skips_what_is_up_to_date_and_passes_over_what_is_broken(place: Path, run_here: Callable[..., Any]) -> None:
    arguments = ["all", "--base", "tiny", "--recipe", str(place / "recipe.toml"), "--data", str(place / "data")]
    first = run_here(*arguments)
    assert first.exit_code == 0, first.output
    assert "epoch 2: held-out" in first.stderr
    assert "active: " in first.stdout
    shutil.copytree(place / "data" / "shop" / "review", place / "data" / "shop" / "unknown")
    second = run_here(*arguments)
    assert second.exit_code == 1
    assert second.stderr.splitlines()[0] == "shop: up to date"
    assert second.stderr.splitlines()[1].startswith("copilot_unknown: ")


def test_programs_get_an_error_as_an_event(run_here: Callable[..., Any]) -> None:
    found = run_here("train", "shop/none", "--base", "tiny", "--progress", "json")
    assert found.exit_code == 1
    event = json.loads(found.stdout)
    assert (event["event"], event["code"]) == ("error", "copilot_unknown")
    assert found.stderr == f"{event['code']}: {event['message']}\n"


def test_a_run_gives_way_to_other_programs_and_ends_when_it_is_told(place: Path) -> None:
    line, variables = command(place, *train_arguments(place, "told"), "--nice", "7")
    child = subprocess.Popen(line, env=variables, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["event"] == "start"
    assert os.getpriority(os.PRIO_PROCESS, child.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)
    child.terminate()
    _, complaint = child.communicate()
    assert (child.returncode, complaint) == (130, "cancelled: run the same command again to go on.\n")


def test_unknown_names_are_one_line_and_help_needs_no_torch(place: Path) -> None:
    found = run(place, "check", "shop/none")
    assert (found.returncode, found.stderr.split(":")[0]) == (1, "copilot_unknown")
    assert len(found.stderr.splitlines()) == 1
    line, variables = command(place, "--help")
    probe = "import sys; import training.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([line[0], "-c", probe], env=variables, cwd=ROOT, check=False).returncode == 0  # noqa: S603
