"""Before and after training on held-out examples: loss, checks, abstention, intervals. Called by make.

Answers are those that the server would give: see served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peft import PeftModel

from server.text.checks import CheckSpec, abstains, run_checks
from training.dataset.render import Rendered
from training.fit.loop import held_out_nll
from training.fit.prefix import PrefixCache
from training.measure.served import answers

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Measured:
    """nll [rows, 2]: sum and number of answer tokens. passed[check] [rows]: 1, 0, or nan where the check does
    not apply, which is where the example's own answer abstains or does not pass it."""

    nll: NDArray[np.float64]
    answers: list[str]
    passed: dict[str, NDArray[np.float64]]

    def part(self, rows: range) -> "Measured":
        """Of some of the rows only, with the checks that apply to one of them."""
        columns = {name: column[rows.start : rows.stop] for name, column in self.passed.items()}
        applies = {name: column for name, column in columns.items() if not np.isnan(column).all()}
        return Measured(self.nll[rows.start : rows.stop], self.answers[rows.start : rows.stop], applies)


def measure(
    model: PeftModel, prefixes: PrefixCache, rows: Sequence[Rendered],
    checks: Sequence[tuple[range, Sequence[CheckSpec]]], *, base: Path, adapter: Path | None, off: bool = False,
) -> Measured:  # fmt: skip
    """Loss, served answers and checks of all rows; `checks` are those of each copilot, with the places of its rows.
    `adapter` is the folder of the model's adapter, None where it has none yet and so answers as the base alone; `off`
    leaves the model's adapter out of the loss too.
    """
    given = answers(base, rows, adapter=adapter, dtype=model.dtype)
    passed: dict[str, NDArray[np.float64]] = {}
    for places, own in checks:
        part = slice(places.start, places.stop)
        for name, column in score(own, rows[part], given[part]).items():
            passed.setdefault(name, np.full(len(rows), np.nan))[part] = column
    return Measured(held_out_nll(model, prefixes, rows, off=off), given, passed)


def score(
    checks: Sequence[CheckSpec], rows: Sequence[Rendered], answers: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Which checks each answer passes. An answer that abstains where the page has the answer passes none: the
    server's checks let it through, and never answering would score best. Abstaining is measured by itself.
    """
    table = np.full((len(rows), len(checks)), np.nan)
    for place, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        if row.example.kind == "abstain":
            continue
        gold = run_checks(checks, row.example.answer, page=row.page, question=row.example.question)
        found = run_checks(checks, answer, page=row.page, question=row.example.question)
        for column, (own, given) in enumerate(zip(gold, found, strict=True)):
            if own.passed:
                table[place, column] = float(given.passed and not abstains(answer))
    return {check.label: table[:, column] for column, check in enumerate(checks)}


def abstention(rows: Sequence[Rendered], answers: Sequence[str]) -> dict[str, float]:
    """Precision, recall and F1 of saying that the page does not say."""
    wanted = [row.example.kind == "abstain" for row in rows]
    said = [abstains(answer) for answer in answers]
    both = sum(w and s for w, s in zip(wanted, said, strict=True))
    precision, recall = both / max(1, sum(said)), both / max(1, sum(wanted))
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return {"examples": sum(wanted), "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def interval(before: NDArray[np.float64], after: NDArray[np.float64], pages: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the change of a ratio of sums, after minus before, by bootstrap over whole pages.

    before, after: [rows, 2], numerator and denominator. Questions of one page are not independent, so pages
    are drawn, with all of their questions. Fixed seed.
    """
    return _quantiles(_drawn(after, pages) - _drawn(before, pages))


def share_interval(measured: NDArray[np.float64], pages: Sequence[str]) -> tuple[float, float]:
    """95 % interval of one ratio of sums, [rows, 2], by the same draws of pages."""
    return _quantiles(_drawn(measured, pages))


def _drawn(measured: NDArray[np.float64], pages: Sequence[str]) -> NDArray[np.float64]:
    """The ratio in each of the resamples."""
    names = sorted(set(pages))
    member = np.array([[page == name for page in pages] for name in names], dtype=np.float64)
    drawn = np.random.default_rng(0).integers(len(names), size=(RESAMPLES, len(names)))
    sums = (member @ measured)[drawn].sum(axis=1)
    return np.asarray(sums[:, 0] / np.maximum(sums[:, 1], 1e-9))


def _quantiles(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)
