"""An adapter's report.json, as far as a user is shown it. Called by the desk of teaching and by trainings.

It may come from anywhere: what does not hold is passed over, never believed.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.files import REPORT_BYTES_MAX, read_regular
from server.protocol.teaching import AdapterReport, Measure, Sample

SAMPLES_MAX = 4
_TEXT_CHARS_MAX = 4_000
REPORT = "report.json"

Text = Annotated[str, Field(max_length=20_000)]
Interval = tuple[float, float]
Verdict = Literal["better", "worse", "unclear", "none"]


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _Change(_File):
    before: float
    after: float
    ci95: Interval | None = None
    examples: int | None = Field(default=None, ge=0)


class _Forgot(_Change):
    examples: int = Field(ge=0)


class _Abstention(_File):
    """`right`: the share of answers that say rightly that the page does or does not say it; newer reports have it."""

    right: _Change | None = None


class _HeldOut(_File):
    examples: int = Field(ge=0)
    pages: int = Field(ge=0)


class _Forgetting(_File):
    general: _Forgot


class _Sample(_File):
    question: Text
    before: Text
    after: Text


class Taught(_File):
    """A correction that an adapter was made with, as it was then."""

    id: str = Field(max_length=64)
    changed_ms: int
    split: Literal["train", "heldout"]


class _Report(_File):
    active: bool
    reason: str = Field(max_length=500)
    heldout: _HeldOut
    loss: _Change
    checks: _Change
    evidence: _Change
    abstention: _Abstention
    forgetting: _Forgetting
    samples: list[_Sample] = Field(default=[], max_length=64)
    taught: list[Taught] = Field(default=[], max_length=100_000)


def read_report(folder: Path) -> AdapterReport | None:
    """None where an adapter has none that can be read."""
    found = _read(folder)
    if found is None:
        return None
    held = found.heldout
    abstained = found.abstention.right
    measures = [
        _measure("checks", found.checks, examples=held.examples, rises=True),
        _measure("block", found.evidence, examples=found.evidence.examples or 0, rises=True),
        *([_measure("abstention", abstained, examples=abstained.examples or 0, rises=True)] if abstained else []),
        _measure("loss", found.loss, examples=held.examples, rises=False),
        _measure("forgetting", found.forgetting.general, examples=found.forgetting.general.examples, rises=False),
    ]
    samples = [
        Sample(
            question=one.question[:_TEXT_CHARS_MAX], before=one.before[:_TEXT_CHARS_MAX],
            after=one.after[:_TEXT_CHARS_MAX],
        )
        for one in found.samples[:SAMPLES_MAX]
    ]  # fmt: skip
    return AdapterReport(
        active=found.active, reason=found.reason, examples=held.examples, pages=held.pages,
        corrections=len(found.taught), measures=measures, samples=samples,
    )  # fmt: skip


def read_taught(folder: Path) -> dict[str, Taught]:
    """By id: the corrections that the adapter was made with. Empty where it says nothing of them."""
    found = _read(folder)
    return {one.id: one for one in found.taught} if found is not None else {}


def _read(folder: Path) -> _Report | None:
    try:
        return _Report.model_validate_json(read_regular(folder / REPORT, bytes_max=REPORT_BYTES_MAX, inside=folder))
    except (OSError, ValidationError):
        return None


def _measure(
    name: Literal["checks", "block", "abstention", "loss", "forgetting"], change: _Change, *, examples: int, rises: bool
) -> Measure:
    low, high = change.ci95 or (None, None)
    return Measure(
        name=name, before=change.before, after=change.after, low=low, high=high, examples=examples,
        verdict=_verdict(low, high, examples=examples, rises=rises),
    )  # fmt: skip


def _verdict(low: float | None, high: float | None, *, examples: int, rises: bool) -> Verdict:
    """Beyond doubt only when the whole interval lies on one side of zero."""
    if examples == 0:
        return "none"
    if low is None or high is None or low <= 0 <= high:
        return "unclear"
    return "better" if (low > 0) is rises else "worse"
