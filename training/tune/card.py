"""The model card of a tuned base: only figures of its report, no other claims. Called by job."""

from typing import Any


def card(report: dict[str, Any]) -> str:
    """README.md of the base folder."""
    rows, recipe = report["rows"], report["recipe"]
    held, general = report["loss"]["heldout"], report["loss"]["general"]
    found = "words and meaning" if report["finder"] == "encoder" else "words alone (the encoder was not there)"
    return _CARD.format(
        **{name: report[name] for name in ("name", "base", "from", "licence", "steps", "tokens", "minutes")},
        **rows, **{name: recipe[name] for name in ("lr", "batch", "epochs", "seed")},
        data=", ".join(report["data"]), found=found,
        held_before=held["before"], held_after=held["after"], held_change=_change(held),
        general_before=general["before"], general_after=general["after"], general_change=_change(general),
        verdict=_verdict(held),
    )  # fmt: skip


def _change(figure: dict[str, float]) -> str:
    return f"{figure['after'] / figure['before'] - 1:+.1%}"


def _verdict(held: dict[str, float]) -> str:
    """One sentence where the run was for nothing."""
    return "" if held["after"] < held["before"] else "\nThe held-out loss did not fall: do not use this base.\n"


_CARD = """# {name}

All weights of {base} (fingerprint {from}), trained further on questions about pages. Licence of the base: {licence}.

| loss, nats per token | before | after | change |
| --- | --- | --- | --- |
| answers on {heldout} held-out questions | {held_before} | {held_after} | {held_change} |
| a general text (forgetting) | {general_before} | {general_after} | {general_change} |
{verdict}
- Rows: {train} questions about {pages} pages ({data}), {seen} seen in {steps} steps; {left_out} left out as too long.
- Time: {minutes} minutes of training, {tokens} tokens.
- Recipe: AdamW on all weights, rate {lr}, {batch} questions a step, at most {epochs} epochs, seed {seed}.
- Passages under the questions were found by {found}.

Adapters made for {base} do not fit this base, which has a fingerprint of its own. The loss of each step: `report.json`.
"""
