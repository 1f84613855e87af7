"""What a run measured, as a flat list: tables, JSON and plots are made from it alone.

Called by every measure. Knows numbers and names; no models, no servers.
"""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

FORMAT = 1
Key = tuple[str, str, str]  # model, table, measure
Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure of one contender: a value for each round, in `unit`. `at` is the x of a curve (tokens, rows …)."""

    model: str
    table: str
    measure: str
    unit: str
    better: Better
    contender: str
    rounds: list[float]
    at: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


@dataclass(slots=True)
class Results:
    """`machine` and `plan` say what ran on what; `notes` are sentences for the reader."""

    machine: dict[str, Any]
    plan: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        key: Key,
        rounds: list[float],
        *,
        unit: str,
        contender: str,
        better: Better = "lower",
        at: float | None = None,
    ) -> None:
        model, table, measure = key
        self.figures.append(
            Figure(
                model=model,
                table=table,
                measure=measure,
                unit=unit,
                better=better,
                contender=contender,
                rounds=rounds,
                at=at,
            )
        )

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def table(self, model: str, name: str) -> list[Figure]:
        return [figure for figure in self.figures if (figure.model, figure.table) == (model, name)]

    def tables(self) -> list[tuple[str, str]]:
        """(model, table) in the order in which they were measured."""
        return list(dict.fromkeys((figure.model, figure.table) for figure in self.figures))


def to_json(results: Results) -> str:
    content = {
        "format": FORMAT,
        "machine": results.machine,
        "plan": results.plan,
        "figures": [{**asdict(figure), "median": figure.median} for figure in results.figures],
        "notes": results.notes,
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def from_json(file: Path) -> Results:
    """Raises ValueError when the file was written by another version."""
    content = json.loads(file.read_text(encoding="utf-8"))
    if content.get("format") != FORMAT:
        raise ValueError(f"{file.name} has format {content.get('format')}, not {FORMAT}")
    figures = [Figure(**{key: value for key, value in row.items() if key != "median"}) for row in content["figures"]]
    return Results(content["machine"], content["plan"], figures, content["notes"])
