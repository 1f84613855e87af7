"""What training refuses: pages that are none, held-out examples that were trained on, two runs at once."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from server.catalog import versions
from server.cli.adopt import adopt
from server.errors import CopilotError, DataError, TrainError
from server.settings import load_settings
from tests.children import environment
from tests.server.test_files import HOSTILE, posix, soon
from training import make
from training.dataset.examples import Examples
from training.dataset.leaks import refuse_leaks
from training.job import Job


def quiet(event: object) -> None: ...


@pytest.fixture
def copy(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(shutil.copytree(data, tmp_path / "data"))


def add(file: Path, **row: str) -> None:
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")


def leak_page(data: Path) -> None:
    pages = data / "shop" / "pages"
    shutil.copy(pages / "heldout" / "chair.md", pages / "train" / "stool.md")


def leak_half_a_page(data: Path) -> None:
    pages = data / "shop" / "pages"
    text = (pages / "heldout" / "chair.md").read_text()
    (pages / "train" / "stool.md").write_text(f"{text}\n\nIt comes in red, green, blue and in many other colours too.")


def leak_answer(data: Path) -> None:
    page = data / "shop" / "pages" / "train" / "kettle.md"
    page.write_text(page.read_text() + "\n\nIt carries 120 kilograms.")
    answer = '"It carries 120 kilograms." [1] Ask the seller.'
    chair = data / "shop" / "pages" / "train" / "bench.md"
    chair.write_text("# Bench\n\nIt carries 120 kilograms.")
    add(data / "shop" / "review" / "train.jsonl", page="bench", question="Load?", answer=answer)


LEAKS: dict[str, Callable[[Path], None]] = {
    "page": leak_page, "most of a page": leak_half_a_page, "question and answer": leak_answer,
}  # fmt: skip


@pytest.mark.parametrize("kind", LEAKS)
def test_a_held_out_example_that_was_trained_on_refuses_the_training(job: Job, copy: Path, kind: str) -> None:
    LEAKS[kind](copy)

    with pytest.raises(DataError) as refused:
        make.train(replace(job, data=copy), on_event=quiet)

    assert refused.value.code == "data_leak"
    assert not job.out.exists()


def test_without_a_leak_nothing_is_refused(copy: Path) -> None:
    refuse_leaks(Examples("shop/review", data=copy))


def test_a_held_out_page_of_the_users_corrections_that_was_seen_is_not_measured_on(copy: Path, tmp_path: Path) -> None:
    own = tmp_path / "corrections"
    for split, slug in (("train", "page-1"), ("heldout", "page-2")):
        (own / "pages" / split).mkdir(parents=True)
        (own / "pages" / split / f"{slug}.md").write_text("# Shop\n\nThe same words stand on each page of this site.")
        add(own / f"{split}.jsonl", page=slug, question="Who?", answer="The page does not say.", kind="abstain")
    examples = Examples("shop/review", data=copy, corrections=[own])
    before = len(examples.rows["heldout"])

    refuse_leaks(examples)

    assert len(examples.rows["heldout"]) == before - 1
    assert "page-2" not in examples.pages["heldout"]


@posix
@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "folder"])
@pytest.mark.parametrize("name", ["pages/train/kettle.md", "review/train.jsonl"])
def test_a_page_or_examples_that_are_no_file_are_refused(copy: Path, kind: str, name: str) -> None:
    (copy / "shop" / name).unlink()
    HOSTILE[kind](copy / "shop" / name)

    with soon(), pytest.raises(DataError):
        Examples("shop/review", data=copy)


@contextmanager
def busy(folder: Path, work: Path) -> Iterator[None]:
    """Another process trains this adapter."""
    code = (
        "import sys; from pathlib import Path; from server.catalog import versions; from training.job import alone_in\n"
        "with alone_in(Path(sys.argv[2])), versions.writing(Path(sys.argv[1])): print('in', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(folder), str(work)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as child:  # noqa: S603
        assert child.stdout is not None
        assert child.stdout.readline() == "in\n"
        try:
            yield
        finally:
            child.kill()


def test_two_trainings_of_an_adapter_at_once_are_refused_with_a_sentence(job: Job, copy: Path) -> None:
    job = replace(job, data=copy)
    with busy(job.out, job.work):
        with pytest.raises(TrainError, match="runs already") as refused:
            make.train(job, on_event=quiet)
        assert refused.value.code == "train_running"

        with pytest.raises(CopilotError, match="is being written") as elsewhere:
            make.train(replace(job, work=job.work.with_name("other")), on_event=quiet)
        assert elsewhere.value.code == "copilot_busy"

    with versions.writing(job.out):  # it goes with the process that held it
        pass


def test_an_import_while_the_same_adapter_is_trained_is_refused(job: Job, copy: Path, tmp_path: Path) -> None:
    settings = load_settings(
        adapters_dir=tmp_path / "adapters", user_dir=tmp_path / "user", config_dir=tmp_path / "config", base="tiny"
    )
    shutil.copytree(job.base, settings.bases_dir / "tiny")
    target = settings.user_dir / "copilots" / "shop" / "review" / "_adapters" / "tiny"
    with busy(target, job.work):
        for call in (
            lambda: adopt(tmp_path / "none", "shop/review", settings, replace=True), lambda: versions.restore(target)
        ):  # fmt: skip
            with pytest.raises(CopilotError, match="is being written") as refused:
                call()
            assert refused.value.code == "copilot_busy"
