"""What was measured is kept for each processor, and doctor says it."""

import json
from pathlib import Path

import pytest

from server.cli.doctor import examine
from server.engine.local.base import weights_record
from server.engine.local.base.weights_record import Choice
from server.settings import load_settings

MEASURED = Choice(base="tiny", weights="int4", wide="fp32", tokens=1, step_ms={"bf16": 72.18, "int4": 26.7})


def line_of_doctor(config_dir: Path, **settings: object) -> str:
    findings = examine(load_settings(config_dir=config_dir, base="tiny", threads=2, **settings))
    return next(finding.found for finding in findings if finding.what == "weights")


def test_a_record_is_of_one_base_and_one_processor(tmp_path: Path) -> None:
    weights_record.write(tmp_path, MEASURED, fingerprint="f", threads=2)
    weights_record.write(tmp_path, MEASURED.model_copy(update={"weights": "bf16"}), fingerprint="f", threads=1)
    weights_record.write(tmp_path, MEASURED.model_copy(update={"base": "other"}), fingerprint="g", threads=2)

    assert weights_record.read(tmp_path, fingerprint="f", threads=2) == MEASURED
    assert weights_record.read(tmp_path, fingerprint="f", threads=4) is None
    assert weights_record.read(tmp_path, fingerprint="h", threads=2) is None
    assert weights_record.of_base(tmp_path, name="tiny", threads=2) == MEASURED
    assert weights_record.of_base(tmp_path, name="unknown", threads=2) is None


def test_of_two_bases_with_one_name_the_latest_counts(tmp_path: Path) -> None:
    newer = MEASURED.model_copy(update={"weights": "int8"})
    for fingerprint, choice in (("f", MEASURED), ("g", MEASURED), ("f", newer)):
        weights_record.write(tmp_path, choice, fingerprint=fingerprint, threads=2)

    assert weights_record.of_base(tmp_path, name="tiny", threads=2) == newer


def test_a_record_of_another_form_is_none(tmp_path: Path) -> None:
    (tmp_path / weights_record.FILE).write_text(json.dumps({"f": "int4", "g": {weights_record.processor(2): 3}}))

    assert weights_record.read(tmp_path, fingerprint="f", threads=2) is None
    assert weights_record.read(tmp_path, fingerprint="g", threads=2) is None
    weights_record.write(tmp_path, MEASURED, fingerprint="f", threads=2)
    assert weights_record.read(tmp_path, fingerprint="f", threads=2) == MEASURED


def test_doctor_says_which_way_is_taken_and_why(tmp_path: Path) -> None:
    assert "first start" in line_of_doctor(tmp_path)

    weights_record.write(tmp_path, MEASURED, fingerprint="f", threads=2)
    measured = line_of_doctor(tmp_path)
    assert measured.startswith(
        "4 bits for a few tokens at once, fp32 for more (ms for one token: fp32 72.2, int4 26.7;"
    )
    assert "2 threads" in measured

    wide = MEASURED.model_copy(update={"weights": "bf16", "tokens": 3})
    weights_record.write(tmp_path, wide, fingerprint="f", threads=2)
    assert line_of_doctor(tmp_path).startswith("fp32 (ms for 3 tokens:")


@pytest.mark.parametrize("weights", ["bf16", "int8", "int4"])
def test_doctor_says_what_is_set(tmp_path: Path, weights: str) -> None:
    weights_record.write(tmp_path, MEASURED, fingerprint="f", threads=2)

    assert line_of_doctor(tmp_path, weights=weights) == f"{weights}, as set"
