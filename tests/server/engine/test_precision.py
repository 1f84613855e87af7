"""Narrow weights: measured before they are chosen, and held to the wide ones."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from server.engine.local.base import weights_record
from server.engine.local.base.loader import Base, load_base
from server.engine.local.base.weights_record import WeightsName
from server.engine.local.forward import precision
from server.engine.local.forward.groups import StoredGroups
from server.engine.local.forward.precision import LOSS_SHARE_MAX, MeasuredWeights, measure_all, runner_for
from server.engine.local.forward.runner import Runner
from server.engine.local.forward.weights import WeightMode
from server.engine.local.scheduler import Work
from server.settings import load_settings
from tests import tiny

from .published import make_published
from .test_decoder import row_of


def test_auto_takes_the_fastest_way_whose_loss_stays_close(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "short.txt").write_text(precision.TEXT.read_text()[:300])
    monkeypatch.setattr(precision, "TEXT", tmp_path / "short.txt")

    measured, chosen = measure_all(tiny_base, config_dir=tmp_path, threads=torch.get_num_threads())

    by_name: dict[str, MeasuredWeights] = {one.weights: one for one in measured}
    assert set(by_name) == {"bf16", "int8", "int4"}
    assert by_name["bf16"].loss > math.log(tiny.VOCABULARY) / 2  # it knows nothing
    assert by_name["int8"].loss < by_name["bf16"].loss * 1.01
    assert by_name["int4"].loss != by_name["bf16"].loss
    assert by_name[chosen].loss <= by_name["bf16"].loss * (1 + LOSS_SHARE_MAX)
    choice = weights_record.of_base(tmp_path, name=tiny_base.name, threads=torch.get_num_threads())
    assert choice is not None
    assert (choice.weights, choice.tokens, set(choice.step_ms)) == (chosen, 3, set(by_name))


class Held:
    """Stands for a runner: says how the weights would be held."""

    def __init__(self, base: Base, *, mode: WeightMode = "wide", stored: StoredGroups | None = None) -> None:
        self.mode, self.stored = mode, stored


class Starts:
    """Starts a base as the engine does, with made-up speeds; counts the measurements."""

    def __init__(self, folder: Path, config_dir: Path) -> None:
        self.folder, self.config_dir, self.measured = folder, config_dir, 0
        self.step_ms: dict[WeightsName, float] = {"bf16": 9.0, "int4": 4.0}

    def time(self, runner: Runner) -> dict[WeightsName, float]:
        self.measured += 1
        return self.step_ms

    def mode(self, weights: str = "auto", *, dtype: torch.dtype = torch.float32, threads: int = 1) -> WeightMode:
        base = load_base(self.folder, dtype=dtype)
        settings = load_settings(weights=weights, config_dir=self.config_dir, threads=threads)
        held: Any = runner_for(base, self.folder, settings=settings)
        mode: WeightMode = held.mode
        return mode


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_published(tmp_path_factory.mktemp("bases") / "published")


@pytest.fixture
def starts(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    starts = Starts(published, tmp_path / "config")
    monkeypatch.setattr(precision, "Runner", Held)
    monkeypatch.setattr(precision, "_time_exact", starts.time)
    return starts


def test_the_first_start_measures_the_exact_ways_and_the_next_ones_remember(starts: Starts) -> None:
    assert [starts.mode() for _ in range(3)] == ["int4"] * 3
    assert starts.measured == 1


def test_groups_that_are_slower_here_are_left(starts: Starts) -> None:
    starts.step_ms = {"bf16": 4.0, "int4": 9.0}

    assert [starts.mode(), starts.mode()] == ["wide", "wide"]
    assert starts.measured == 1


def test_another_processor_and_another_type_are_measured_anew(starts: Starts) -> None:
    starts.mode()
    starts.step_ms = {"bf16": 4.0, "int4": 9.0}

    assert starts.mode(threads=2) == "wide"
    assert starts.mode() == "int4"
    assert starts.mode(dtype=torch.bfloat16) == "wide"
    assert starts.measured == 3


def test_what_is_set_is_not_measured(starts: Starts) -> None:
    assert [starts.mode(weights) for weights in ("bf16", "int8", "int4")] == ["wide", "int8", "int4"]
    assert starts.measured == 0


@pytest.mark.parametrize(
    "record", ["", "[]", "{", '{"F": 4}', '{"F": "int4"}', '{"F": {"P": {"weights": "int2"}}}', "[" * 200_000]
)
def test_a_record_that_says_nothing_is_measured_anew(starts: Starts, record: str) -> None:
    fingerprint = load_base(starts.folder).info.fingerprint
    starts.config_dir.mkdir()
    text = record.replace("F", fingerprint).replace("P", weights_record.processor(1))
    (starts.config_dir / "weights.json").write_text(text)

    assert [starts.mode(), starts.mode()] == ["int4", "int4"]
    assert starts.measured == 1


def test_a_record_that_cannot_be_written_is_no_obstacle(starts: Starts) -> None:
    (starts.config_dir / "weights.json.new").mkdir(parents=True)

    assert starts.mode() == "int4"


def test_a_base_without_groups_is_held_as_it_is(starts: Starts, tiny_base: Path) -> None:
    starts.folder = tiny_base

    assert (starts.mode(), starts.mode("int4"), starts.measured) == ("wide", "int4", 0)


def test_both_exact_ways_are_timed_and_the_groups_answer_afterwards(published: Path) -> None:
    base = load_base(published)
    runner = Runner(base, mode="int4", stored=StoredGroups.open(published, base.model.config))
    before = runner.step([Work(row_of(runner, [5]), 1)])[0]

    step_ms = precision._time_exact(runner)

    assert set(step_ms) == {"bf16", "int4"}
    assert all(0 < ms < 1_000 for ms in step_ms.values())
    assert torch.equal(runner.step([Work(row_of(runner, [5]), 1)])[0], before)
    assert runner.tails.rows == 2  # those of this test
