"""`python -m training check`: what the examples of a copilot are made of, and whether they may be trained on.

Called by cli. Knows no tokens and no torch: words and 5-word shingles only.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from server.text.checks import CheckSpec, run_checks
from server.text.grounding import citations, quotations
from server.text.page import Page
from server.text.shingles import LEAK_SHARE_MAX, Shingles, shingles
from training.dataset.examples import SPLITS, Example, Examples
from training.dataset.leaks import answer_leaks, most_seen

NEAR = 0.7  # Jaccard index of two examples' shingles from which they count as near-duplicates
NEAR_SHARE_MAX = 0.02
GOLD_SHARE_MIN = 0.8  # part of the examples' own answers that must pass each check
BLOCK_SHARE_MAX = 1 / 3  # of a page's examples that may name the same block, where the page has some examples
BLOCK_EXAMPLES_MIN = 6  # fewer show no habit
FIRST_WORD_SHARE_MAX = 0.75
_WORD = re.compile(r"[\w’'-]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `wrong` says why the examples are refused, and is empty when they are not."""

    name: str
    value: str
    wrong: str = ""


def audit(examples: Examples, *, checks: Sequence[CheckSpec]) -> list[Line]:
    """All lines of the table; the reader has checked every quote before."""
    lines: list[Line] = []
    for split in SPLITS:
        lines += _size(split, examples.rows[split], examples.pages[split])
        lines += _spread_of(split, examples.rows[split])
    lines.append(_near_duplicates(examples.rows["train"]))
    lines.append(_page_leaks(examples))
    lines.append(_answer_leaks(examples))
    everything = [(row, examples.pages[split][row.page]) for split in SPLITS for row in examples.rows[split]]
    lines += [_gold(check, everything) for check in checks]
    return lines


def near_duplicates(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (earlier, later) whose shingles overlap by at least `NEAR`; each later text once."""
    sets = [shingles(text) for text in texts]
    return [
        (first, second)
        for second in range(len(sets))
        if (first := next((at for at in range(second) if jaccard(sets[at], sets[second]) >= NEAR), None)) is not None
    ]


def jaccard(one: Shingles, other: Shingles) -> float:
    return len(one & other) / max(1, len(one | other))


def _size(split: str, rows: Sequence[Example], pages: Mapping[str, Page]) -> Iterable[Line]:
    kinds = Counter(row.kind for row in rows)
    quotes = [len(quotations(row.answer, pages[row.page])) for row in rows]
    words = {word for row in rows for word in _WORD.findall(f"{row.question} {row.answer}".lower())}
    empty = f"no {split} examples" if not rows else ""
    used = {row.page for row in rows}
    yield Line(f"{split}: pages", f"{len(used)} of the category's {len(pages)}")
    by_kind = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    yield Line(f"{split}: examples", f"{len(rows)} ({by_kind})", empty)
    if not rows:
        return
    yield Line(f"{split}: with history", f"{sum(bool(row.history) for row in rows)}")
    yield Line(f"{split}: vocabulary", f"{len(words):,} words")
    yield Line(f"{split}: question, characters", _spread([len(row.question) for row in rows]))
    yield Line(f"{split}: answer, characters", _spread([len(row.answer) for row in rows]))
    yield Line(f"{split}: quotes, all verified", f"{sum(quotes)} in {sum(map(bool, quotes))} answers")


def _spread_of(split: str, rows: Sequence[Example]) -> Iterable[Line]:
    """Whether the questions begin in different ways and the answers of a page rest on different blocks."""
    if not rows:
        return
    word, times = Counter(row.question.split()[0].lower() for row in rows).most_common(1)[0]
    alike = len(rows) >= BLOCK_EXAMPLES_MIN and times > FIRST_WORD_SHARE_MAX * len(rows)
    wrong = f"more than {FIRST_WORD_SHARE_MAX:.0%}" if alike else ""
    yield Line(f"{split}: most common first word", f"{word}, {times / len(rows):.0%}", wrong)
    asked = Counter(row.page for row in rows)
    named = Counter((row.page, block) for row in rows for block in set(citations(row.answer)))
    found = [
        (times / asked[page], page, block)
        for (page, block), times in named.items()
        if asked[page] >= BLOCK_EXAMPLES_MIN
    ]
    share, page, block = max(found, default=(0.0, "", 0))
    wrong = f"{page}, block {block}" if share > BLOCK_SHARE_MAX else ""
    yield Line(f"{split}: examples of a page that name the same block", f"{share:.0%} at most", wrong)


def _near_duplicates(rows: Sequence[Example]) -> Line:
    pairs = near_duplicates([f"{row.question} {row.answer}" for row in rows])
    share = len(pairs) / max(1, len(rows))
    wrong = ""
    if share > NEAR_SHARE_MAX:
        first, second = pairs[0]
        wrong = f"more than {NEAR_SHARE_MAX:.0%}; lines {first + 1} and {second + 1}, for one"
    return Line("near-duplicates", f"{share:.1%}", wrong)


def _page_leaks(examples: Examples) -> Line:
    found = {share: f"{slug} and {other}" for slug, (share, other) in most_seen(examples.pages).items()}
    worst = max(found, default=0.0)
    wrong = found[worst] if worst > LEAK_SHARE_MAX else ""
    return Line("held-out pages seen in training", f"{worst:.1%} at most", wrong)


def _answer_leaks(examples: Examples) -> Line:
    same = [row.question for row in answer_leaks(examples)]
    return Line("held-out answers seen in training", f"{len(same)}", same[0] if same else "")


def _gold(check: CheckSpec, rows: Sequence[tuple[Example, Page]]) -> Line:
    failed = [
        row for row, page in rows if not run_checks([check], row.answer, page=page, question=row.question)[0].passed
    ]
    share = 1 - len(failed) / max(1, len(rows))
    return Line(
        f"answers that pass {check.label}", f"{share:.0%}", failed[0].question if share < GOLD_SHARE_MIN else ""
    )


def _spread(numbers: Sequence[int]) -> str:
    return f"{min(numbers)} to {max(numbers)}, median {median(numbers):.0f}"
