"""A copilot's mechanical checks: what they are called in TOML, and how they are run over an answer.

Used by the live badges (run), the before/after reports and the validation of examples. A new check is a class in one of
the modules here and a name in `AnyCheck`. Knows no tokens and no frames.

What a copilot may want to check, and which check with parameters does it:

    disclaimer, line of care, whom to confirm with   must_end_with, must_say (and entity_fidelity for the name)
    no directive, absolute, biased or loaded terms   must_not_say; none_of takes stems (`cure*`)
    verdict line, table that parses                  form
    length limits, number of pieces                  lengths_kept
    numbers and results of sums                      numbers_on_page, with `sums = true`
    section of a quote                               section_named
    quotes word for word                             quotes_verbatim
    doubt about health claims                        hedged

And what no check judges here, because no simple pattern does so honestly: whether a rewrite keeps a negation (17 % of
the right answers about contracts quote a negated sentence and say it without one), whether all requirements of a page
are met (a matter of meaning, and a list has six points), the language of an answer (too short to tell; the one asked
for stands in free words), whether an abstention is right (one answer does not show it; the reports measure it).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from server.text.checks.answer import ABSTAIN, CLOSEST, Answer, CheckSpec, Outcome, abstains
from server.text.checks.care import DoseQuotedOnly, RedFlagEscalation, SafetyFirst
from server.text.checks.claims import ModalFidelity, NoCausalUpgrade, QuoteCoverage
from server.text.checks.code import BibtexValid, CodeParses
from server.text.checks.form import HasForm, NumberedSteps, RequiredSlots
from server.text.checks.lengths import DistinctVariants, LengthsKept, ReadabilityGrade
from server.text.checks.links import DefangedUrls, NoNewUrls, SafeStepPresent
from server.text.checks.names import AttributionPresent, EntityFidelity, IdentifierFidelity
from server.text.checks.numbers import ArithmeticValid, NumbersOnPage, UnitPeriodPresent
from server.text.checks.quiz import DistractorsValid, KeyInPage
from server.text.checks.quotes import CitesBlock, QuotesVerbatim
from server.text.checks.sections import SectionNamed
from server.text.checks.tables import NotStatedMarked, OwnerDatePresent
from server.text.checks.wording import (
    Hedged,
    MustEndWith,
    MustNotSay,
    MustSay,
    NoUnsupportedPromise,
    NoUnsupportedSuperlatives,
)
from server.text.page import Page

__all__ = ["ABSTAIN", "CHECKS", "CLOSEST", "AnyCheck", "Check", "CheckSpec", "Outcome", "abstains", "run_checks"]

_Specs = (
    QuotesVerbatim | CitesBlock | SectionNamed | HasForm | MustEndWith | MustSay | MustNotSay | Hedged | LengthsKept
    | NumbersOnPage | QuoteCoverage | ModalFidelity | NoCausalUpgrade | AttributionPresent | EntityFidelity
    | IdentifierFidelity | NoUnsupportedSuperlatives | NoUnsupportedPromise | ArithmeticValid | UnitPeriodPresent
    | DistinctVariants | ReadabilityGrade | RequiredSlots | NumberedSteps | DoseQuotedOnly | RedFlagEscalation
    | SafetyFirst | NoNewUrls | DefangedUrls | SafeStepPresent | CodeParses | BibtexValid | NotStatedMarked
    | OwnerDatePresent | KeyInPage | DistractorsValid
)  # fmt: skip
CHECKS: dict[str, type[CheckSpec]] = {spec.model_fields["check"].default: spec for spec in get_args(_Specs)}


def _spelled_out(spec: Any) -> Any:
    """A check without parameters may stand in TOML by its name alone."""
    return {"check": spec} if isinstance(spec, str) else spec


AnyCheck = Annotated[
    Annotated[_Specs, Field(discriminator="check")],
    BeforeValidator(_spelled_out),
]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. `note` is one sentence for people."""

    name: str
    passed: bool
    note: str


def run_checks(specs: Iterable[CheckSpec], text: str, *, page: Page, question: str) -> list[Check]:
    """Each check on the answer `text`, in order."""
    answer = Answer(text, page, question)
    results = []
    for spec in specs:
        if answer.abstains and not spec.when_abstaining:
            results.append(Check(spec.label, True, "The answer says that the page does not say it."))
        else:
            results.append(Check(spec.label, *spec.run(answer)))
    return results
