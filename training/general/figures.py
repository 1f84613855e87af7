"""What served answers are worth: evidence, answers, abstention, subjects. Pure functions. Called by run.

evidence: a verified quotation holds the reference. answer: the text holds it. (The reference is the phrase that
answers, as it stands on the page.)
"""

from collections.abc import Callable, Sequence

from server.text.checks import ABSTAIN
from server.text.grounding import quotations
from training.dataset.render import Rendered
from training.measure.evaluate import abstention

Judged = Callable[[Rendered, str], bool]


def figures(rows: Sequence[Rendered], answers: Sequence[str]) -> dict[str, float]:
    """Shares, 0 to 1, each over the rows to which it applies; what applies to none is left out."""
    pairs = list(zip(rows, answers, strict=True))
    asked = [(row, answer) for row, answer in pairs if row.example.reference and row.example.task != "about"]
    about = [(row, answer) for row, answer in pairs if row.example.task == "about"]
    found = {
        **_share("evidence", asked, has_evidence),
        **_share("answer", asked, has_reference),
        **_share("about_names_subject", about, has_reference),
        **_share("quotes_verbatim", pairs, quotes_hold),
        **_share("answered_or_abstained", pairs, lambda row, answer: bool(answer)),
    }
    if any(row.example.kind == "abstain" for row, _ in pairs):
        said = abstention(rows, answers)
        found |= {f"abstention_{name}": said[name] for name in ("precision", "recall", "f1")}
    return found


def has_evidence(row: Rendered, answer: str) -> bool:
    quoted = " ".join(quote.text for quote in quotations(answer, row.page) if quote.verified)
    return row.example.reference.lower() in quoted.lower()


def has_reference(row: Rendered, answer: str) -> bool:
    return row.example.reference.lower() in answer.lower()


def quotes_hold(row: Rendered, answer: str) -> bool:
    return all(quote.verified for quote in quotations(answer.partition(ABSTAIN)[0], row.page))


def rouge_l(candidate: str, reference: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004, ROUGE)."""
    mine, theirs = candidate.lower().split(), reference.lower().split()
    if not mine or not theirs:
        return 0.0
    row = [0] * (len(theirs) + 1)
    for word in mine:
        before = 0
        for place, other in enumerate(theirs, start=1):
            before, row[place] = row[place], before + 1 if word == other else max(row[place], row[place - 1])
    common = row[-1]
    return 2 * common / (len(mine) + len(theirs))


def _share(name: str, pairs: Sequence[tuple[Rendered, str]], judged: Judged) -> dict[str, float]:
    if not pairs:
        return {}
    return {name: round(sum(judged(row, answer) for row, answer in pairs) / len(pairs), 4)}
