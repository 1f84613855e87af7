"""Checks of Markdown tables and of lists of actions. Listed in __init__."""

import re
from dataclasses import dataclass
from typing import Literal

from server.text.checks.answer import Answer, CheckSpec, Outcome, Text, Texts, count, whole_words

_OWNER = ("owner", "who", "responsible", "assignee", "assigned to", "lead")
_DATE = ("date", "due", "by when", "deadline", "when", "due date")
_ACTIONS = ("actions", "action item*", "action table", "task*", "to-do*", "next step*", "commitment*", "follow-up*")
_NO_VALUE = frozenset(("", "-", "–", "—", "?", "n/a", "na", "none", "unknown", "tbd", "tbc", "...", "…", "not given"))
_WHEN = re.compile(
    r"\d{1,4}[./-]\d{1,2}|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]{0,6}\b|\b(?:mon|tues|wednes|thurs"
    r"|fri|satur|sun)day\b|\b(?:today|tomorrow|next week|end of)\b|\bwithin \d",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=\w )[A-Z]\w+|^[- ]*[A-Z]\w+(?: [A-Z]\w+)?(?= (?:to|will|must|shall)\b|:)")


@dataclass(frozen=True, slots=True)
class Table:
    head: list[str]  # in lower case
    rows: list[list[str]]


class NotStatedMarked(CheckSpec):
    """No cell of a table in the answer is empty or a dash: what the page does not give is written `mark`."""

    check: Literal["not_stated_marked"] = "not_stated_marked"
    mark: Text = "not stated"

    def run(self, answer: Answer) -> Outcome:
        for table in tables(answer.text):
            for row in table.rows:
                if len(row) < len(table.head) or any(cell.casefold() in _NO_VALUE - {self.mark} for cell in row):
                    return False, f"An empty cell is not marked “{self.mark}”."
        return True, f"No cell of a table is empty; what is missing would be “{self.mark}”."


class OwnerDatePresent(CheckSpec):
    """Each action has an owner and a date, or the word `open`: each row of a table with a column of owners or actions,
    and each point of the list (`Anna: …`, `Anna will …`) where the question asks for actions.
    """

    check: Literal["owner_date_present"] = "owner_date_present"
    owner: Texts = _OWNER
    date: Texts = _DATE
    open_word: Text = "open"
    when_asked: Texts = _ACTIONS

    def run(self, answer: Answer) -> Outcome:
        asked = whole_words(self.when_asked)
        wanted = asked.search(answer.question) is not None
        found = tables(answer.text)
        actions = [table for table in found if wanted or any(map(asked.search, table.head)) or self._has_owner(table)]
        rows = [row for table in actions for row in table.rows]
        if any(not self._row_is_whole(table, row) for table in actions for row in table.rows):
            return False, f"An action has neither owner and date nor the word “{self.open_word}”."
        points = [line for line in answer.text.split("\n") if line.startswith("- ")] if wanted and not rows else []
        if any(not self._point_is_whole(point) for point in points):
            return False, f"An action has neither owner and date nor the word “{self.open_word}”."
        return True, f"{count(len(rows) + len(points), 'action has', 'actions have')} owner and date, or are open."

    def _has_owner(self, table: Table) -> bool:
        return any(name in table.head for name in self.owner)

    def _row_is_whole(self, table: Table, row: list[str]) -> bool:
        if whole_words((self.open_word,)).search(" ".join(row)):
            return True
        cells = [cell for names in (self.owner, self.date) for cell in self._cells(table, row, names)[:1]]
        return len(cells) == 2 and not any(cell.casefold() in _NO_VALUE | {"not stated"} for cell in cells)

    def _cells(self, table: Table, row: list[str], names: Texts) -> list[str]:
        return [cell for head, cell in zip(table.head, row, strict=False) if head in names]

    def _point_is_whole(self, point: str) -> bool:
        said = re.sub(r'"[^"]*"', " ", point)
        named = [name for name in _NAME.finditer(said) if not _WHEN.search(name[0])]
        return bool(whole_words((self.open_word,)).search(said) or (named and _WHEN.search(said)))


def tables(text: str) -> list[Table]:
    """The Markdown tables of a text: a head, a rule, rows."""
    found: list[Table] = []
    lines = [line.strip() for line in text.split("\n")]
    inside = False
    for above, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|") and "-" in line and not line.strip("|:- ") and above.startswith("|") and not inside:
            found.append(Table([cell.casefold() for cell in _cells_of(above)], []))
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside:
            found[-1].rows.append(_cells_of(line))
    return found


def _cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
