import re
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import CHECKS
from training.dataset.render import Rendered
from training.measure.evaluate import Measured, abstention, interval, score
from training.measure.report import build_report, compared, evidence, gate

GENERAL = {"examples": 4, "pages": 2, "before": 1.0, "after": 1.02, "rise_share": 0.02, "ci95": [0.0, 0.04]}
FORGOT = {"base_logit_diff_max": 0.0, "reload_diff_max": 0.0, "general": GENERAL, "others": {"shop/other": GENERAL}}


def measured(rows: list[Rendered], *, nll: float, answers: list[str]) -> Measured:
    found = np.array([[nll * row.answer_tokens, row.answer_tokens] for row in rows])
    return Measured(found, answers, score(CHECKS, rows, answers))


def gold(rows: list[Rendered]) -> list[str]:
    return [row.example.answer for row in rows]


def test_gold_answers_pass_and_refusing_to_answer_does_not(rows: list[Rendered]) -> None:
    passed = score(CHECKS, rows, gold(rows))
    assert all(np.nanmean(column) == 1 for column in passed.values())
    assert np.isnan(passed["cites_block"]).sum() == 2  # abstaining examples are measured by F1 alone
    silent = score(CHECKS, rows, ["The page does not say."] * len(rows))
    assert all(np.nanmean(column) == 0 for column in silent.values())


def test_abstention_counts_right_wrong_and_missed(rows: list[Rendered]) -> None:
    assert abstention(rows, gold(rows))["f1"] == 1
    always = abstention(rows, ["The page does not say."] * len(rows))
    assert always["precision"] == pytest.approx(2 / 7, abs=1e-3)
    assert always["recall"] == 1
    assert abstention(rows, ["Yes."] * len(rows))["f1"] == 0


def test_the_right_block_is_the_first_that_an_answer_names(rows: list[Rendered]) -> None:
    found = evidence(rows, ["[1]", "so [9] [2]", "", "[1] [7]", "[2]", "[1]", "none"])
    np.testing.assert_array_equal(found, [1, 0, np.nan, 1, 1, np.nan, 0])


def test_shares_are_compared_over_the_rows_that_count() -> None:
    before, after = np.array([1.0, 0, np.nan, 0]), np.array([1.0, 1, np.nan, 0])
    found = compared(before, after, ["a", "a", "b", "b"])
    assert {name: found[name] for name in ("examples", "before", "after")} == {
        "examples": 3,
        "before": pytest.approx(1 / 3, abs=1e-4),
        "after": pytest.approx(2 / 3, abs=1e-4),
    }
    assert found["ci95"][0] <= found["change"] <= found["ci95"][1]


def test_a_better_adapter_is_active(rows: list[Rendered]) -> None:
    before, after = measured(rows, nll=3, answers=["?"] * 7), measured(rows, nll=2, answers=gold(rows))
    report = build_report("shop/review", "tiny", rows, before, after, epochs=[], forgot=FORGOT)
    assert report["active"] is True
    assert report["loss"] == {"before": 3.0, "after": 2.0, "change": -1.0, "ci95": [-1.0, -1.0]}
    assert report["evidence"] == {"examples": 5, "before": 0.0, "after": 1.0, "change": 1.0, "ci95": [1.0, 1.0]}
    cites = {"before": 0.0, "after": 1.0, "examples": 5, "ci95_before": [0.0, 0.0], "ci95_after": [1.0, 1.0]}
    assert report["checks"]["each"]["cites_block"] == cites


@pytest.mark.parametrize(
    ("loss", "checks", "forgot", "said"),
    [
        ((2, 2), (0.5, 0.6), FORGOT, "loss did not fall"),
        ((2, 1), (0.6, 0.5), FORGOT, "checks did not rise: 60% of answers passed before, 50%"),
        ((2, 1), (0.5, 0.5), FORGOT, "did not rise"),
        ((2, 1), (0.5, 0.6), FORGOT | {"general": GENERAL | {"rise_share": 0.021}}, "It forgets: .* rose by 2.1%"),
        ((2, 1), (0.5, 0.6), FORGOT | {"base_logit_diff_max": 1e-6}, "do not use it"),
    ],
)
def test_the_gate_says_no_with_a_reason(
    loss: tuple[float, float], checks: tuple[float, float], forgot: dict[str, Any], said: str
) -> None:
    report = {
        "loss": {"before": loss[0], "after": loss[1]},
        "checks": {"before": checks[0], "after": checks[1], "each": {"x": {}}},
        "forgetting": forgot,
    }
    active, reason = gate(report)
    assert not active
    assert re.search(said, reason)


def test_the_interval_draws_pages_and_is_the_same_each_time() -> None:
    before = np.array([[2.0, 1], [2, 1], [4, 1], [4, 1]])
    after = np.array([[1.0, 1], [1, 1], [1, 1], [1, 1]])
    assert interval(before, after, ["a", "a", "b", "b"]) == (-3.0, -1.0)
    assert interval(before, before, ["a", "a", "b", "b"]) == (0.0, 0.0)
