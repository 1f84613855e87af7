"""The general adapter's model card, made of its lock and report. Called by run."""

from typing import Any

_NAMES = {
    "evidence": "a verified quotation holds the reference",
    "answer": "the answer holds the reference",
    "about_names_subject": "“What is this page about?” names the subject",
    "quotes_verbatim": "every quotation stands on the page",
    "abstention_precision": "abstention, precision",
    "abstention_recall": "abstention, recall",
    "abstention_f1": "abstention, F1",
}

_PARTS = {
    "own": "own pages", "own_base_alone": "own pages, base alone", "people": "articles",
    "people_base_alone": "articles, base alone",
}  # fmt: skip


def card(record: dict[str, Any], report: dict[str, Any]) -> str:
    """Markdown, the same for the same lock and report."""
    return "\n".join([
        "---", f"base_model: {record['base']}", "library_name: peft", "license: apache-2.0", "---",
        f"# The general adapter for {record['base']}",
        "",
        "Answers from a page: quotes, cites, abstains, summarises, lists, drafts. The generalist uses it, and other "
        "adapters start from it. An activated LoRA: it acts from the user's turn on.",
        "",
        f"Rank {record['recipe']['rank']} on all linear layers, {record['trainable']:,} weights, "
        f"{100 * record['trainable_share']:.2f} % of the base. "
        f"{record['rows']:,} rows in {record['minutes']:.0f} minutes"
        f"{', from an earlier adapter' if record.get('start_sha256') else ''}.",
        "",
        *_noted(record),
        f"Measured on held-out pages through the serving engine; {_rows(report)}.",
        "",
        "| | " + " | ".join(_PARTS[part] for part in _parts(report)) + " |",
        "| --- |" + " --- |" * len(_parts(report)),
        *(_row(name, said, report) for name, said in _NAMES.items()),
        "",
        "What it says in its own words can be wrong. Quotations are chosen from the page and cannot be invented.",
        "",
    ])  # fmt: skip


def _parts(report: dict[str, Any]) -> list[str]:
    return [part for part in _PARTS if part in report]


def _rows(report: dict[str, Any]) -> str:
    said = {"own": "questions on own pages", "people": "of people on encyclopaedia articles"}
    return ", ".join(f"{report[f'{name}_rows']} {words}" for name, words in said.items() if name in report)


def _noted(record: dict[str, Any]) -> list[str]:
    return [record["note"], ""] if record.get("note") else []


def _row(name: str, said: str, report: dict[str, Any]) -> str:
    cells = (report[part].get(name) for part in _parts(report))
    return f"| {said} | " + " | ".join("" if cell is None else f"{cell:.2f}" for cell in cells) + " |"
