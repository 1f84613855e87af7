"""What the held-out set and the training set share: figures of a run that has seen its own questions say nothing.

Called by audit, which shows it, and by material, which refuses to train on it. Words and 5-word shingles only. The same
question may stand in both sets, as starters do, because it is asked about another page.
"""

from collections.abc import Mapping
from functools import lru_cache

from server.errors import DataError
from server.text.page import Page
from server.text.shingles import LEAK_SHARE_MAX, Shingles, shingles
from training.dataset.examples import Example, Examples


def refuse_leaks(examples: Examples) -> None:
    """A held-out page of the user's own corrections that was seen is left out of the held-out set; all else is refused.

    Raises DataError (`data_leak`).
    """
    seen = page_leaks(examples.pages)
    examples.leave_out(set(seen) & examples.corrected_pages)
    for slug, (share, other) in seen.items():
        if slug not in examples.corrected_pages:
            raise DataError(
                f"{examples.copilot}: {share:.0%} of the held-out page {slug} stands on the training page {other}. "
                "Replace one of them.",
                code="data_leak",
            )
    examples.leave_out({row.page for row in answer_leaks(examples)} & examples.corrected_pages)
    answers = [row.question for row in answer_leaks(examples)]
    if answers:
        raise DataError(
            f"{examples.copilot}: the answer to the held-out question {answers[0]!r} is one of the training set. "
            "Take it out of one of them.",
            code="data_leak",
        )


def page_leaks(pages: Mapping[str, Mapping[str, Page]]) -> dict[str, tuple[float, str]]:
    """Held-out page -> the part of it that a training page has, and which, where that is more than may be."""
    worst = most_seen(pages)
    return {slug: found for slug, found in worst.items() if found[0] > LEAK_SHARE_MAX}


def most_seen(pages: Mapping[str, Mapping[str, Page]]) -> dict[str, tuple[float, str]]:
    """For each held-out page the training page that has most of it: share of its shingles, and slug."""
    train = {slug: _shingles(_text(page)) for slug, page in pages["train"].items()}
    found: dict[str, tuple[float, str]] = {}
    for slug, page in pages["heldout"].items():
        own = _shingles(_text(page))
        found[slug] = max(((len(own & seen) / len(own), other) for other, seen in train.items()), default=(0.0, ""))
    return found


def answer_leaks(examples: Examples) -> list[Example]:
    """Held-out examples whose answer, with its quotations, stands in the training set word for word."""
    train = {row.answer.lower() for row in examples.rows["train"] if row.kind != "abstain"}
    return [row for row in examples.rows["heldout"] if row.kind != "abstain" and row.answer.lower() in train]


@lru_cache(maxsize=256)  # the copilots of a category share its pages
def _shingles(text: str) -> Shingles:
    return shingles(text)


def _text(page: Page) -> str:
    return "\n".join(block.text for block in page.blocks)
