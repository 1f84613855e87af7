"""Narrow weights: measured before they are chosen, and held to the wide ones."""

import json
from pathlib import Path

import pytest
import torch

from server.engine.precision import LOSS_SHARE_MAX, measure_all, mode_of

from .conftest import EMBEDDED


def test_auto_takes_the_fastest_way_whose_loss_stays_close(tmp_path: Path) -> None:
    measured, chosen = measure_all(EMBEDDED, config_dir=tmp_path, threads=torch.get_num_threads())

    by_name = {one.weights: one for one in measured}
    assert set(by_name) == {"bf16", "int8", "int4"}
    assert 1 < by_name["bf16"].loss < 9
    assert by_name["int8"].loss < by_name["bf16"].loss * 1.01
    assert by_name["int4"].loss != by_name["bf16"].loss
    assert by_name[chosen].loss <= by_name["bf16"].loss * (1 + LOSS_SHARE_MAX)
    [(fingerprint, recorded)] = json.loads((tmp_path / "weights.json").read_text()).items()
    assert recorded == chosen
    assert mode_of("auto", fingerprint=fingerprint, config_dir=tmp_path) == ("wide" if chosen == "bf16" else chosen)


@pytest.mark.parametrize("record", ["", "[]", "{", '{"f": 4}', '{"f": "int2"}', '{"other": "int4"}'])
def test_auto_without_a_usable_record_loads_as_the_base_is(tmp_path: Path, record: str) -> None:
    if record:
        (tmp_path / "weights.json").write_text(record)

    assert mode_of("auto", fingerprint="f", config_dir=tmp_path) == "wide"
    assert mode_of("int4", fingerprint="f", config_dir=tmp_path) == "int4"
