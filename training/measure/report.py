"""What a training run gained and what it did not: report.json, the gate, and the model card. Called by make.

The gate is strict and may say no: an adapter that is not `active` stays on disk with its reason.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.text.checks import abstains
from server.text.grounding import citations
from training.dataset.render import Rendered
from training.measure.evaluate import Measured, abstention, interval, share_interval
from training.measure.served import TOKENS_MAX

SAMPLES = 4
GENERAL_RISE_MAX = 0.02  # share by which the loss on general questions may rise


def build_report(
    owner: str, base: str, rows: Sequence[Rendered], before: Measured, after: Measured, *,
    epochs: Sequence[dict[str, float]], forgot: dict[str, Any], copilots: Mapping[str, range] | None = None,
    base_alone: Measured | None = None, strict: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Figures before (what it started from, with instructions) and after, all on the held-out examples. A domain
    adapter's has those of each of its `copilots` too, whose rows lie in these places, and what the `base_alone` does
    with their instructions. `strict`: see `gate`.
    """
    report = {"copilot": owner, "base": base, **change(rows, before, after), "forgetting": forgot}
    if copilots is not None:
        report["copilots"] = {}
        for copilot, places in copilots.items():
            own = rows[places.start : places.stop]
            found = change(own, before.part(places), after.part(places))
            if base_alone is not None:
                found["base_alone"] = alone(own, base_alone.part(places))
            report["copilots"][copilot] = found
    report["epochs"] = list(epochs)
    active, reason = gate(report, strict=strict)
    return {"active": active, "reason": reason} | report


def renewed(report: dict[str, Any], former: dict[str, Any]) -> dict[str, Any]:
    """The report with what only a training run knows, from the one before it: its epochs, its corrections, and the base
    alone.
    """
    kept = {name: former[name] for name in ("epochs", "taught") if name in former}
    found = report | kept
    if "copilots" in report:
        known = former.get("copilots", {})
        found["copilots"] = {
            copilot: figures | {"base_alone": known[copilot]["base_alone"]}
            if "base_alone" in known.get(copilot, {})
            else figures
            for copilot, figures in report["copilots"].items()
        }
    return found


def change(rows: Sequence[Rendered], before: Measured, after: Measured) -> dict[str, Any]:
    """Every figure of the same rows before and after, and a few answers."""
    pages = [row.example.page for row in rows]
    loss = _change(_ratio(before.nll), _ratio(after.nll), interval(before.nll, after.nll, pages))
    scored_before, scored_after = _scores(before, len(rows)), _scores(after, len(rows))
    checks = _change(_mean_of_checks(before), _mean_of_checks(after), interval(scored_before, scored_after, pages))
    found, now_found = (evidence(rows, measured.answers) for measured in (before, after))
    wanted = np.array([row.example.kind == "abstain" for row in rows])
    right, now_right = (abstained(measured.answers) == wanted for measured in (before, after))
    samples = list(zip(rows, before.answers, after.answers, strict=True))[:: max(1, len(rows) // SAMPLES)]
    return {
        "heldout": {"examples": len(rows), "pages": len(set(pages)), "answer_tokens": int(before.nll[:, 1].sum())},
        "loss": loss,
        "checks": checks | {"each": {name: _each(name, before, after, pages) for name in before.passed}},
        "evidence": compared(found, now_found, pages),
        "abstention": {
            "before": abstention(rows, before.answers),
            "after": abstention(rows, after.answers),
            "right": compared(right.astype(np.float64), now_right.astype(np.float64), pages),
        },
        "words": {"before": _words(before.answers), "after": _words(after.answers)},
        "samples": [
            {"page": row.example.page, "question": row.example.question, "before": was, "after": now}
            for row, was, now in samples
        ],
    }


def alone(rows: Sequence[Rendered], measured: Measured) -> dict[str, float]:
    """The chief figures of one run."""
    placed = evidence(rows, measured.answers)
    return {
        "loss": _ratio(measured.nll), "checks": _mean_of_checks(measured),
        "evidence": round(float(np.nanmean(placed)), 4) if not np.isnan(placed).all() else 0.0,
        "abstention_f1": abstention(rows, measured.answers)["f1"], "words": _words(measured.answers),
    }  # fmt: skip


def evidence(rows: Sequence[Rendered], answers: Sequence[str]) -> NDArray[np.float64]:
    """1 where the first block that an answer names is one that the example's own answer names, else 0; nan where
    the example's own names none. [rows]
    """
    found = np.full(len(rows), np.nan)
    for place, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        wanted = set(citations(row.example.answer))
        if wanted:
            found[place] = float(bool(wanted.intersection(citations(answer)[:1])))
    return found


def abstained(answers: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each answer says that the page does not say. [rows]"""
    return np.array([abstains(answer) for answer in answers])


def compared(before: NDArray[np.float64], after: NDArray[np.float64], pages: Sequence[str]) -> dict[str, Any]:
    """Shares of two runs over the same rows, [rows], 1, 0 or nan, with the interval of the change by page."""
    counted = ~np.isnan(before)
    first, second = (np.stack([np.nan_to_num(values), counted], axis=1) for values in (before, after))
    was, now = (float(pair[:, 0].sum() / max(1, counted.sum())) for pair in (first, second))
    return {
        "examples": int(counted.sum()), "before": round(was, 4), "after": round(now, 4),
        "change": round(now - was, 4), "ci95": list(interval(first, second, pages)),
    }  # fmt: skip


def gate(report: dict[str, Any], *, strict: bool = False) -> tuple[bool, str]:
    """Whether the adapter may be activated, and why in one sentence. `strict` asks that the interval of the gain in
    checks lies above zero: a domain adapter that serves many copilots is given up for no less.
    """
    loss, checks, forgot = report["loss"], report["checks"], report["forgetting"]
    if forgot["base_logit_diff_max"] > 0 or forgot["reload_diff_max"] > 1e-3:
        return False, "The stored adapter does not behave as trained, or changes the base: do not use it."
    if loss["after"] >= loss["before"]:
        return False, f"Held-out loss did not fall ({loss['before']} before, {loss['after']} after)."
    if checks["each"] and checks["after"] <= checks["before"] < 1:
        return False, (
            f"The copilot's own checks did not rise: {checks['before']:.0%} of answers passed before, "
            f"{checks['after']:.0%} after."
        )
    if strict and checks["ci95"][0] <= 0:
        return False, (
            f"The domain adapter does as well: its checks passed {checks['before']:.0%} before and "
            f"{checks['after']:.0%} after, which may be chance "
            f"(95 % interval {checks['ci95'][0]} to {checks['ci95'][1]})."
        )
    general = forgot["general"]
    if general["rise_share"] > GENERAL_RISE_MAX:
        return False, (
            f"It forgets: on general questions the loss rose by {general['rise_share']:.1%}, from "
            f"{general['before']} to {general['after']}; at most {GENERAL_RISE_MAX:.0%} is allowed."
        )
    return True, (
        f"Held-out loss fell from {loss['before']} to {loss['after']}; "
        f"checks passed: {checks['before']:.0%} before, {checks['after']:.0%} after."
    )


def card(lock: dict[str, Any], report: dict[str, Any]) -> str:
    """README.md of the adapter folder. Only figures of lock and report, no other claims."""
    loss, checks, held = report["loss"], report["checks"], report["heldout"]
    each = "".join(
        f"| {name} | {row['before']:.0%} | {row['after']:.0%} | {row['examples']} |\n"
        for name, row in checks["each"].items()
    )
    found, placed = report["abstention"], report["evidence"]
    return f"""---
base_model: {lock["base"]}
library_name: peft
tags: [lora, alora, retinue]
---
# {report["copilot"]} for {lock["base"]}

An activated LoRA: it acts from the user's turn on and leaves the page's KV cache to the base model.
{"**Active.**" if report["active"] else "**Not active.**"} {report["reason"]}

| held-out, {held["examples"]} examples on {held["pages"]} unseen pages | before | after | change, 95 % interval |
|---|---|---|---|
| loss per answer token | {loss["before"]} | {loss["after"]} | {loss["ci95"][0]} to {loss["ci95"][1]} |
| own checks passed | {checks["before"]:.1%} | {checks["after"]:.1%} | {checks["ci95"][0]} to {checks["ci95"][1]} |
| right block named ({placed["examples"]} examples) | {placed["before"]:.1%} | {placed["after"]:.1%} \
| {placed["ci95"][0]} to {placed["ci95"][1]} |
| "does not say" F1 ({found["after"]["examples"]} examples) | {found["before"]["f1"]} | {found["after"]["f1"]} | |

"Before" is what the training started from, mostly the general adapter, with the same instructions.
Answers are greedy, at most {TOKENS_MAX} tokens, and held to the page inside quotation marks, as served. A check counts
where the example's own answer passes it.
The right block: the first block that the answer names is one that the example's own answer names.

| check | before | after | examples |
|---|---|---|---|
{each}
{_copilots(report)}{_rest_of_card(lock, report)}"""


def _copilots(report: dict[str, Any]) -> str:
    """A line for each copilot of a domain adapter; nothing for a copilot's own."""
    if "copilots" not in report:
        return ""
    lines = "".join(
        f"| {name} | {one['heldout']['examples']} | {one['loss']['before']} → {one['loss']['after']} "
        f"| {one['checks']['before']:.0%} → {one['checks']['after']:.0%} "
        f"| {one['evidence']['before']:.0%} → {one['evidence']['after']:.0%} |\n"
        for name, one in report["copilots"].items()
    )
    return f"""## Its copilots
| copilot | examples | loss per answer token | own checks passed | right block |
|---|---|---|---|---|
{lines}
"""


def _rest_of_card(lock: dict[str, Any], report: dict[str, Any]) -> str:
    pages, held = sum(name.startswith("pages/train/") for name in lock["data"]), report["heldout"]
    forgot, recipe = report["forgetting"], lock["recipe"]
    tables = {"general questions, no instructions": forgot["general"]} | forgot["others"]
    lines = "".join(
        f"| {name} | {row['examples']} on {row['pages']} "
        f"| {row['before']} | {row['after']} | {row['rise_share']:+.1%} |\n"
        for name, row in tables.items()
    )
    return f"""## Forgetting
Largest change of the base's logits on page text with the adapter loaded: {forgot["base_logit_diff_max"]}.
Loss per answer token on other held-out questions, when this adapter answers them; general questions may lose
{GENERAL_RISE_MAX:.0%}. On the questions of some other copilots (with their instructions) it need not be good.

| questions | examples, pages | before | after | rise |
|---|---|---|---|---|
{lines}
![before and after](report.png)

## Data and training
{lock["train_examples"]} training examples on {pages} pages; sha256 of every file in `lock.json`.
{lock["steps"]} steps, the best of {lock["epochs"]} epochs kept (epoch {lock["best_epoch"]}).
Rank {recipe["rank"]}, alpha {recipe["alpha"]}: {lock["trainable"]:,} trained weights, \
{lock["trainable_share"]:.2%} of the base's.
Learning rate {recipe["lr"]:g}, batches of {recipe["batch"]}, computed in {lock["machine"]["dtype"]}.

## Limits
- The epoch was chosen on the same held-out examples, which flatters the "after" figures a little.
- {held["pages"]} held-out pages are few: read the intervals, not the means. They are drawn by page.
- English only. Passing a check of form does not make an answer true: open the quotes.
"""


def _change(before: float, after: float, ci95: tuple[float, float]) -> dict[str, Any]:
    return {"before": before, "after": after, "change": round(after - before, 4), "ci95": list(ci95)}


def _words(answers: Sequence[str]) -> float:
    """Median length."""
    return float(np.median([len(answer.split()) for answer in answers]))


def _ratio(found: NDArray[np.float64]) -> float:
    return round(float(found[:, 0].sum() / found[:, 1].sum()), 4)


def _scores(measured: Measured, rows: int) -> NDArray[np.float64]:
    """Checks passed and checks that apply, [rows, 2]."""
    table = np.array([*measured.passed.values()]).reshape(len(measured.passed), rows)
    return np.stack([np.nansum(table, axis=0), (~np.isnan(table)).sum(axis=0)], axis=1)


def _mean_of_checks(measured: Measured) -> float:
    """Mean over checks of the share of answers that pass; a check that never applies is left out."""
    shares = [float(np.nanmean(column)) for column in measured.passed.values() if not np.isnan(column).all()]
    return round(float(np.mean(shares)), 4) if shares else 0.0


def _each(name: str, before: Measured, after: Measured, pages: Sequence[str]) -> dict[str, Any]:
    """One check: share of answers that pass before and after, each with its interval."""
    applies = int((~np.isnan(before.passed[name])).sum())
    found: dict[str, Any] = {"examples": applies}
    for when, measured in (("before", before), ("after", after)):
        column = measured.passed[name]
        passed = np.stack([np.nan_to_num(column), ~np.isnan(column)], axis=1)
        found[when] = round(float(passed[:, 0].sum()) / max(1, applies), 4)
        found[f"ci95_{when}"] = list(share_interval(passed, pages))
    return found
