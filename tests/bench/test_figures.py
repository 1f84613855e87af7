"""Figures, their JSON, tables and curves."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import plots, tables
from bench.figures import FORMAT, Results, from_json, to_json
from bench.peers.ours import NAME as OURS

PEER = "transformers + PEFT"


@pytest.fixture
def results() -> Results:
    made = Results({"threads": 2}, {"rounds": 3}, notes=["A note."])
    for contender, faster, slower in ((OURS, [9.0, 11.0, 10.0], [50.0]), (PEER, [40.0, 20.0, 30.0], [100.0])):
        made.add(("tiny", "first token", "page read"), faster, unit="ms", contender=contender)
        made.add(("tiny", "speed", "one answer"), slower, unit="tokens/s", contender=contender, better="higher")
        for at in (10.0, 100.0):
            made.add(("tiny", "page length", "page cold"), [at, 2 * at], unit="ms", contender=contender, at=at)
    return made


def test_json_keeps_every_round_and_can_be_read_again(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(to_json(results))
    content = json.loads(file.read_text())

    assert set(content) == {"format", "machine", "plan", "figures", "notes"}
    assert content["figures"][0] == {
        "model": "tiny", "table": "first token", "measure": "page read", "unit": "ms", "better": "lower",
        "contender": OURS, "rounds": [9.0, 11.0, 10.0], "at": None, "median": 10.0,
    }  # fmt: skip
    assert from_json(file) == results


def test_another_format_is_refused(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(to_json(results).replace(f'"format": {FORMAT}', '"format": 99'))

    with pytest.raises(ValueError, match="format 99"):
        from_json(file)


def test_better_is_above_one_whichever_way_the_measure_counts(results: Results) -> None:
    found = {measure: tables.times_better(by) for name in results.tables()
             for measure, _, by in tables.rows(results.table(*name))}  # fmt: skip

    assert found["page read"] == pytest.approx(3.0)
    assert found["one answer"] == pytest.approx(0.5)
    assert found["page cold, 100"] == pytest.approx(1.0)


def test_tables_show_medians_and_leave_out_what_was_not_measured(results: Results) -> None:
    results.add(("tiny", "speed", "8 answers"), [7.0], unit="tokens/s", contender=PEER, better="higher")
    console = Console(width=200, record=True, file=io.StringIO())
    tables.show(results, console)
    lines = console.export_text().splitlines()

    assert any("page read (ms)" in line and "10.0" in line and "3.00" in line for line in lines)
    assert any("8 answers (tokens/s)" in line and "-" in line for line in lines)
    assert lines[-1] == "· A note."


def test_each_curve_becomes_a_picture(results: Results, tmp_path: Path) -> None:
    files = plots.draw(results, tmp_path / "plots")

    assert [file.name for file in files] == ["tiny-page-length-page-cold.png"]
    assert files[0].read_bytes().startswith(b"\x89PNG")
