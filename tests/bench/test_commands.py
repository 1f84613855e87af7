"""The commands: `retinue bench` in a clone and without one, and the exactness check of a run's file."""

import sys
from pathlib import Path

import pytest

from bench.cases import Stamp
from bench.figures import Results, to_json
from bench.measures import ROWS, tokens_per_s
from bench.peers.ours import NAME
from bench.scenes import exact, parity
from server.cli import main as cli


def test_without_a_clone_the_bench_says_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "_CLONE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["retinue", "bench"])
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 1
    assert "bench_missing: The benchmarks are not part of the installed package." in capsys.readouterr().err


@pytest.mark.parametrize(("equal", "status"), [(ROWS, None), (ROWS - 1, 1)])
def test_parity_fails_when_one_answer_differs(
    equal: int, status: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results({}, {})
    results.add(("tiny", exact.TABLE, "8 answers"), [float(equal)], unit="of 8", contender=NAME, better="higher")
    file = tmp_path / "run.json"
    file.write_text(to_json(results))
    monkeypatch.setattr(sys, "argv", ["parity", str(file)])
    if status is None:
        parity.main()
        return
    with pytest.raises(SystemExit) as end:
        parity.main()

    assert end.value.code == status


def test_speed_counts_from_the_first_token_and_whole_answers_from_the_question() -> None:
    alone = Stamp(0.0, 1.0, 3.0, 21)
    drafted = Stamp(0.0, 2.0, 2.0, 20, first_tokens=20)

    assert tokens_per_s([alone]) == pytest.approx(10.0)
    assert tokens_per_s([drafted]) == pytest.approx(10.0)
    assert tokens_per_s([alone, alone]) == pytest.approx(20.0)
