"""A copilot's mechanical checks: pure functions of answer, page and question, found by name in CHECKS.

Used by the live badges (run), the before/after reports and the validation of examples. Knows no tokens and no frames.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from server.text.grounding import Quotation, citations, quotations
from server.text.lengths import pieces, too_long, wrong_count
from server.text.page import Page

ABSTAIN = "The page does not say."
CLOSEST = "\nClosest: "  # the passage that comes closest, after an abstention
_NOT_LEGAL_ADVICE = "Not legal advice."
_CLINICIAN = "Talk to a clinician before you change anything."
_EVIDENCE = re.compile(r"Evidence: (strong|moderate|weak|none)\b")
_SOURCE = re.compile(r'From the page: "[^"\n]+" \[\d{1,5}\]')
_HEDGES = re.compile(
    r"\b(may|might|could|can help|can cause|suggest(?:s|ed|ive)?|appears?|seems?|likely|unlikely|possibl[ey]|perhaps"
    r"|probabl[ey]|uncertain|unclear|unknown|unproven|not (?:certain|clear|known|proven|enough|conclusive|sure)"
    r"|inconclusive|limited|preliminary|early|(?:small|one|single) (?:study|trial|sample)|only|linked|correlat\w+"
    r"|associat(?:ed|ion)|(?:cannot|can't|do(?:es)? not|doesn't|don't|did not) (?:prove|show|establish|tell|confirm)"
    r"|no (?:proof|evidence|data|control|comparison)|weak|low[- ]certainty|tentative|roughly|about|estimated?"
    r"|caution\w*)\b",
    re.IGNORECASE,
)
_LABEL_WORD = (
    r"(?:sections?|sec\.|articles?|art\.|clauses?|paragraphs?|para\.|schedules?|exhibits?|annex|appendix|rules?"
    r"|chapters?|parts?)"
)
_NUMBER = r"(?:[a-z]?\d+(?:\.\d+)*|[ivxlc]+|[a-z])(?:\([a-z0-9]{1,4}\))*"
_LABEL = re.compile(rf"(?<!\w)(?P<label>(?:{_LABEL_WORD}\s+|§+\s*)(?P<name>{_NUMBER}))(?!\w)", re.IGNORECASE)
_UNDER = re.compile(r"(?:^|[.!?:;]\s+|[-*•]\s+|\],?\s+)(?P<label>[Uu]nder (?P<name>[^:\n]{2,80})):", re.MULTILINE)
_CITED_BEFORE = re.compile(r'"[^"\n]*"\s*\[\d{1,5}\],?\s*$')
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_QUOTED = re.compile(r'"[^"\n]*"')
_CITED = re.compile(r"\[\d{1,5}\]")
_ENUMERATOR = re.compile(
    r"^(?:- )?(?:(?:headline|description|option|angle|ad|variant|version|line) )?\d{1,2}[.:)] ", re.I | re.M
)


@dataclass(frozen=True, slots=True)
class Check:
    """`note` is one sentence for people."""

    name: str
    passed: bool
    note: str


Outcome = tuple[bool, str]
CheckFunction = Callable[[str, Page, str], Outcome]


def run_checks(names: Iterable[str], answer: str, *, page: Page, question: str) -> list[Check]:
    """Each named check, in order. An unknown name raises KeyError: copilots.py refuses those files earlier."""
    results = []
    for name in names:
        if abstains(answer) and name not in _ALSO_WHEN_ABSTAINING:
            results.append(Check(name, True, "The answer says that the page does not say it."))
        else:
            results.append(Check(name, *CHECKS[name](answer, page, question)))
    return results


def abstains(answer: str) -> bool:
    """An answer that says the page does not say it, and quotes nothing but what comes closest."""
    return ABSTAIN in answer and '"' not in answer.partition(CLOSEST)[0]


def _quotes_verbatim(answer: str, page: Page, _question: str) -> Outcome:
    if answer.count('"') % 2:
        return False, "A quotation is opened but not closed."
    found = quotations(answer, page)
    good = sum(quote.verified for quote in found)
    if good < len(found):
        return False, f"{len(found) - good} of {len(found)} quotes do not stand on the page word for word."
    return (
        True,
        f"{_count(good, 'quote stands', 'quotes stand')} on the page word for word." if found else "Nothing is quoted.",
    )


def _cites_block(answer: str, page: Page, _question: str) -> Outcome:
    cited, blocks = citations(answer), {block.n for block in page.blocks}
    wrong = [number for number in cited if number not in blocks]
    if not cited:
        return False, "The answer names no block of the page."
    if wrong:
        return False, f"Block [{wrong[0]}] is not on the page."
    if any(quote.cited is None for quote in quotations(answer, page)):
        return False, "A quote names no block."
    return True, f"{_count(len(set(cited)), 'block is', 'blocks are')} cited."


def _section_named(answer: str, page: Page, _question: str) -> Outcome:
    own_words = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), answer)
    labels = [*_LABEL.finditer(own_words), *_UNDER.finditer(own_words)]
    if not labels:
        return False, "The answer names no section of the page."
    found = quotations(answer, page)
    for label in labels:
        numbered = label.re is _LABEL
        name = label["label"].strip() if numbered else label["name"].strip()
        if not (_label_stands if numbered else _heading_stands)(label, page):
            return False, f"“{name}” does not stand on the page."
        quote = _quote_beside(label, found, answer)
        if quote is not None and not (_numbers_section if numbered else _heads_section)(label, quote, page):
            return False, f"The quote [{quote.block}] does not stand under “{name}”."
    return True, f"“{labels[0]['label']}” is where the quote stands."


def _quote_beside(label: re.Match[str], found: Sequence[Quotation], answer: str) -> Quotation | None:
    """The verified quote that the label comes right before (`Section 2: "…"`) or behind (`"…" [3] Section 2: …`)."""
    after = next((quote.at for quote in found if quote.at >= label.end()), None)
    quoted = _CITED_BEFORE.search(answer, 0, label.start("label"))
    if after is not None and answer[label.end() : after].strip(": ") == "":
        at = after
    elif quoted is not None:
        at = quoted.start()
    else:
        return None
    return next((quote for quote in found if quote.at == at and quote.verified), None)


def _label_stands(label: re.Match[str], page: Page) -> bool:
    """The whole label anywhere, or its number (sub-letters aside) at the head of a line or after such a word."""
    whole = _fold(label["label"])
    number = re.escape(_fold(label["name"]).split("(")[0])
    stands = re.compile(rf"{_head(number)}|(?<!\w)(?:{_LABEL_WORD}\s+|§+\s*){number}(?!\w)", re.MULTILINE)
    return any(whole in text or stands.search(text) for text in (block.text.casefold() for block in page.blocks))


def _numbers_section(label: re.Match[str], quote: Quotation, page: Page) -> bool:
    """No other number of the label's kind heads a line between the label's own line and the quote."""
    number = _fold(label["name"]).split("(")[0]
    before = _before(quote, page).casefold()
    own = [match.start() for match in re.finditer(_head(re.escape(number)), before, re.MULTILINE)]
    if not own:  # named in running text only, or after the quote
        return _fold(label["label"]) in _fold(next(block.text for block in page.blocks if block.n == quote.block))
    kind = r"[a-z]?\d+" + r"\.\d+" * number.count(".") if number[-1].isdigit() else r"[ivxlc]+|[a-z]"
    last = max(match.start() for match in re.finditer(_head(f"(?:{kind})"), before, re.MULTILINE))
    return own[-1] >= last


def _head(number: str) -> str:
    """A line that begins with this number, with or without a word before it."""
    ends = r"[.):\s—–-](?!\d)" if "\\d" in number or number[-1].isdigit() else r"[.):—–-](?!\d)"
    return rf"^(?:#+\s*)?(?:(?:{_LABEL_WORD}\s+|§+\s*){number}(?![\w.]\w)|{number}(?:{ends}|$))"


def _heading_stands(label: re.Match[str], page: Page) -> bool:
    wanted = _name(label)
    return any(wanted in _fold(text) for text in (page.title, *(block.text for block in page.blocks)))


def _heads_section(label: re.Match[str], quote: Quotation, page: Page) -> bool:
    """The heading stands before the quote."""
    return _name(label) in _fold(f"{page.title} {_before(quote, page)}")


def _before(quote: Quotation, page: Page) -> str:
    """The page up to the quote, a line for each block."""
    assert quote.block is not None  # noqa: S101 - callers pass verified quotes
    texts = [block.text if block.n < quote.block else block.text[: quote.end] for block in page.blocks
             if block.n <= quote.block]  # fmt: skip
    return "\n".join(texts)


def _name(label: re.Match[str]) -> str:
    return _fold(label["name"]).strip(" “”'\"")


def _not_legal_advice(answer: str, _page: Page, _question: str) -> Outcome:
    return _ends_with(answer, _NOT_LEGAL_ADVICE)


def _clinician_named(answer: str, _page: Page, _question: str) -> Outcome:
    return _ends_with(answer, _CLINICIAN)


def _ends_with(answer: str, closing: str) -> Outcome:
    if answer.rstrip().endswith(closing):
        return True, f"The answer ends with “{closing}”"
    return False, f"The answer does not end with “{closing}”"


def _evidence_graded(answer: str, _page: Page, _question: str) -> Outcome:
    grade = _EVIDENCE.match(answer.lstrip())
    if grade:
        return True, f"The evidence is graded {grade[1]}."
    return False, "The answer does not begin with “Evidence: strong, moderate, weak or none”."


def _hedged(answer: str, _page: Page, _question: str) -> Outcome:
    own_words = _EVIDENCE.sub("", _QUOTED.sub("", answer)).replace(_CLINICIAN, "")
    hedge = _HEDGES.search(own_words)
    return (
        (True, f"The answer is careful (“{hedge[0]}”).")
        if hedge
        else (False, "The answer shows no doubt in its own words.")
    )


def _lines_listed(answer: str, _page: Page, _question: str) -> Outcome:
    lines = [line for line in answer.splitlines() if line.strip() and not line.startswith("From the page:")]
    other = [line for line in lines if not line.startswith("- ")]
    if other or not lines:
        return False, "Not every line begins with “- ”."
    return True, f"{_count(len(lines), 'line begins', 'lines begin')} with “- ”."


def _lengths_kept(answer: str, _page: Page, question: str) -> Outcome:
    complaint = wrong_count(answer, question) or too_long(answer, question)
    if complaint:
        return False, complaint
    return True, f"{_count(len(pieces(answer)), 'piece keeps', 'pieces keep')} to the length that was asked for."


def _numbers_on_page(answer: str, page: Page, question: str) -> Outcome:
    known = set(_numbers(" ".join([page.title, question, *(block.text for block in page.blocks)])))
    invented = [number for number in _numbers(_ENUMERATOR.sub("", _CITED.sub("", answer))) if number not in known]
    if invented:
        return False, f"The number {invented[0]} is not on the page."
    return True, "Every number stands on the page."


def _numbers(text: str) -> list[str]:
    """1,204 and 1204 are the same number; so are 4.90 and 4.9."""
    found = []
    for raw in _DIGITS.findall(text):
        plain = raw.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", raw) else raw.replace(",", ".")
        found.append(plain.rstrip("0").rstrip(".") if plain.count(".") == 1 else plain)
    return found


def _source_quoted(answer: str, page: Page, _question: str) -> Outcome:
    last = answer.strip().split("\n")[-1].strip()
    if not _SOURCE.fullmatch(last):
        return False, "The last line is not “From the page:” with a quote and its block."
    if not all(quote.verified for quote in quotations(last, page)):
        return False, "The quote in the last line does not stand on the page."
    return True, "The last line quotes the page."


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


CHECKS: dict[str, CheckFunction] = {
    "quotes_verbatim": _quotes_verbatim,
    "cites_block": _cites_block,
    "section_named": _section_named,
    "not_legal_advice": _not_legal_advice,
    "evidence_graded": _evidence_graded,
    "hedged": _hedged,
    "clinician_named": _clinician_named,
    "lines_listed": _lines_listed,
    "lengths_kept": _lengths_kept,
    "numbers_on_page": _numbers_on_page,
    "source_quoted": _source_quoted,
}
_ALSO_WHEN_ABSTAINING = frozenset({"quotes_verbatim", "numbers_on_page"})
