"""Checks of numbers. Listed in __init__."""

import re
from typing import ClassVar, Literal

from server.text.checks.answer import Answer, CheckSpec, Outcome, count, without_citations

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_ENUMERATOR = re.compile(
    r"^(?:- )?(?:(?:headline|description|option|angle|ad|variant|version|line) )?\d{1,2}[.:)] ", re.I | re.M
)


_TERM = r"[$€£¥]?\d{1,15}(?:[.,]\d{1,6}){0,5} ?%?(?: ?[a-z]{2,12})?"
_SUM = re.compile(rf"(?<![\d.,])({_TERM}(?: ?[-+−–x×*/÷] ?{_TERM}){{1,9}}) ?(?:=|≈) ?({_TERM})", re.IGNORECASE)
_PART = re.compile(r"(?P<number>\d[\d.,]*)(?P<percent> ?%)?|(?P<sign>(?<![a-z])x(?![a-z])|[-+−–×*/÷])", re.IGNORECASE)
_OPERATORS = tuple(")+-*/×÷−–x")
_SIGN_BEFORE = re.compile(r"(?:[$€£¥₹%]|\b(?:USD|EUR|GBP|CHF|JPY|Rs\.?)) ?$")
_MONEY = r"[ -]?(?:[%€£$¥]|percent\b|per cent\b|(?:USD|EUR|GBP|CHF|JPY|euros?|dollars?|pounds?|cents?)\b)"
_MONEY_AFTER = re.compile(_MONEY)
_UNIT_AFTER = re.compile(
    r"(?: ?(?:[-–/]|to|and|or|against|versus|vs\.?|than) ?[$€£]?\d[\d.,]{0,12})?"  # 6.1 against 7.5 days
    rf"(?:{_MONEY}|[ -]?(?:[‰°]|(?:million|billion|bn|thousand|[mk]|kWh|[kMG]?Wh?|[kcm]?[gmlL]|oz|lbs?|cups?|tbsp|tsp"
    r"|inch(?:es)?|feet|ft|lit(?:re|er)s?|min(?:ute)?s?|h(?:ou)?rs?|days?|weeks?|months?|years?)\b))"
)
_PERIOD = re.compile(
    r"/ ?(?:mo|month|yr|year|week|day|night|quarter)\b|\b(?:(?:month|year|annual|week|dai|quarter)ly|annual|p\.a\.)"
    r"|\b(?:per|a|each|every) (?:\w{1,20} )?(?:month|year|week|day|night|quarter|annum)\b",
    re.IGNORECASE,
)
_NO_MORE = re.compile(r"[\d\n;]|\. ")
_NEAR_CHARS = 40  # how far behind an amount its period still belongs to it


class NumbersOnPage(CheckSpec):
    """Every number of the answer stands on the page or in the question; the numbers of list points are excused, and
    with `sums` so is what a correct line of arithmetic comes to.
    """

    check: Literal["numbers_on_page"] = "numbers_on_page"
    when_abstaining: ClassVar[bool] = True
    sums: bool = False

    def run(self, answer: Answer) -> Outcome:
        page = answer.page
        known = set(numbers(" ".join([page.title, answer.question, *(block.text for block in page.blocks)])))
        if self.sums:
            known |= {number for left, right in _sums(answer.text) if _adds_up(left, right)
                      for number in numbers(right)}  # fmt: skip
        said = numbers(_ENUMERATOR.sub("", without_citations(answer.text)))
        invented = [number for number in said if number not in known]
        if invented:
            return False, f"The number {invented[0]} is not on the page."
        return True, "Every number stands on the page."


class ArithmeticValid(CheckSpec):
    """Every line of arithmetic (`12 × $30 = $360`) comes to what it says, within the rounding of its result."""

    check: Literal["arithmetic_valid"] = "arithmetic_valid"

    def run(self, answer: Answer) -> Outcome:
        sums = _sums(answer.own_words)
        wrong = next((f"{left} = {right}" for left, right in sums if not _adds_up(left, right)), None)
        if wrong is not None:
            return False, f"It is not true that {wrong[:80]}."
        return True, f"{count(len(sums), 'line of arithmetic is', 'lines of arithmetic are')} right."


class UnitPeriodPresent(CheckSpec):
    """A number that has a unit or currency wherever it stands on the page has one in the answer's own words too, and
    a period (a month, per year) on its line where the page always gives one.
    """

    check: Literal["unit_period_present"] = "unit_period_present"

    def run(self, answer: Answer) -> Outcome:
        with_unit, with_period = _amounts(answer.page_text)
        for line in _ENUMERATOR.sub("", without_citations(answer.own_words)).split("\n"):
            period = _PERIOD.search(line)
            for found in _DIGITS.finditer(line):
                (number,) = numbers(found[0])
                if with_unit.get(number) and not _has_unit(line, found):
                    return False, f"The amount {number[:40]} has no unit."
                if with_period.get(number) and not period:
                    return False, f"The amount {number[:40]} has no period."
        return True, "Every amount has its unit and period."


def numbers(text: str) -> list[str]:
    """1,204 and 1204 are the same number; so are 4.90 and 4.9."""
    found = []
    for raw in _DIGITS.findall(text):
        plain = raw.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", raw) else raw.replace(",", ".")
        found.append(plain.rstrip("0").rstrip(".") if plain.count(".") == 1 else plain)
    return found


def _amounts(text: str) -> tuple[dict[str, bool], dict[str, bool]]:
    """For each number of the page, whether it always has a unit, and always a period."""
    with_unit, with_period = dict[str, bool](), dict[str, bool]()
    for found in _DIGITS.finditer(text):
        (number,) = numbers(found[0])
        unit = _has_unit(text, found)
        behind = _NO_MORE.split(text[found.end() : found.end() + _NEAR_CHARS], maxsplit=1)[0]
        period = _has_unit(text, found, money=True) and _PERIOD.search(behind) is not None
        with_unit[number] = with_unit.get(number, True) and unit
        with_period[number] = with_period.get(number, True) and period
    return with_unit, with_period


def _has_unit(text: str, number: re.Match[str], *, money: bool = False) -> bool:
    """A unit next to the number, or next to the one that it is told with: 6 to 8 days, 6.1 against 7.5 days."""
    if _SIGN_BEFORE.search(text[max(0, number.start() - 5) : number.start()]):
        return True
    return bool((_MONEY_AFTER if money else _UNIT_AFTER).match(text, number.end()))


def _sums(text: str) -> list[tuple[str, str]]:
    """Both sides of each line of arithmetic; what follows a bracket is not judged."""
    found = ((each[1], each[2], text[max(0, each.start() - 2) : each.start()].strip()) for each in _SUM.finditer(text))
    return [(left, right) for left, right, before in found if not before.endswith(_OPERATORS)]


def _adds_up(left: str, right: str) -> bool:
    """Products before sums; a percentage is a hundredth. False for what is no number, and for division by zero."""
    try:
        result, rounding = _value(right)
        total, term, sign = 0.0, 0.0, "+"
        for part in _PART.finditer(left):
            if part["sign"]:
                sign = part["sign"]
            elif sign in "×x*X":
                term *= _value(part[0])[0]
            elif sign in "/÷":
                term /= _value(part[0])[0]
            else:
                total, term = total + term, _value(part[0])[0] * (1 if sign == "+" else -1)
    except (ValueError, ZeroDivisionError):
        return False
    return abs(total + term - result) <= rounding


def _value(text: str) -> tuple[float, float]:
    """The first number of a text, and half a unit of its last place."""
    raw = _DIGITS.findall(text)[0]
    hundredth = 0.01 if "%" in text else 1.0
    decimals = len(raw.rpartition(".")[2]) if "." in raw else 0
    return float(numbers(raw)[0]) * hundredth, (0.5 * 10.0**-decimals + 1e-9) * hundredth
