"""The measures, each written once for every contender: a round returns named values.

`conversation` is one reader on a new page, `decode` the speed of answers on a short page, `panel` eight copilots
asked at once about a long page that has been read.
"""

import logging
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cases import EARLIER, QUESTIONS, QUOTING, Cases, Contender, PageCase, QuestionCase, Stamp
from bench.figures import Better, Results
from bench.models import weight_bytes

_log = logging.getLogger(__name__)
ROWS = 8
Round = Callable[[Contender, Cases, "Sizes"], Awaitable[dict[str, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Tokens of the long page, of the short page, of an answer whose speed is measured, of a panel's answers."""

    page: int
    short_page: int
    answer: int
    panel_answer: int


@dataclass(frozen=True, slots=True)
class Measure:
    """`units` and directions by value name, in the order of the table."""

    table: str
    round: Round
    units: dict[str, tuple[str, Better]]


async def compare(
    results: Results,
    measure: Measure,
    contenders: Sequence[Contender],
    cases: Cases,
    sizes: Sizes,
    *,
    model: str,
    rounds: int,
    warm_up: bool = True,
    at: float | None = None,
) -> None:
    """The contenders take turns, so that whatever else the machine does hits all alike; warming up never counts."""
    _log.info("%s: %s%s", model, measure.table, "" if at is None else f" {at:,.0f}")
    seen: dict[tuple[str, str], list[float]] = {}
    for number in range(-1 if warm_up else 0, rounds):
        for contender in contenders:
            values = await measure.round(contender, cases, sizes)
            for name, value in values.items():
                seen.setdefault((name, contender.name), []).extend([value] if number >= 0 else [])
    for name, (unit, better) in measure.units.items():
        for contender in contenders:
            results.add(
                (model, measure.table, name),
                seen[name, contender.name],
                unit=unit,
                contender=contender.name,
                better=better,
                at=at,
            )


def tokens_per_s(stamps: Sequence[Stamp]) -> float:
    """All tokens after the first ones, over the time from the first row's first token to the last row's last.

    Answers that come whole, in one piece, are timed from the question on.
    """
    ended, tokens = max(stamp.ended_s for stamp in stamps), sum(stamp.tokens for stamp in stamps)
    later = tokens - sum(stamp.first_tokens for stamp in stamps)
    if later < tokens / 2:  # PEFT and llama.cpp never: their first token comes alone
        return tokens / (ended - min(stamp.sent_s for stamp in stamps))
    return later / (ended - min(stamp.first_s for stamp in stamps))


def rows_of(page: PageCase, copilots: Sequence[int], *, tokens: int) -> list[QuestionCase]:
    return [
        QuestionCase(page=page, copilot=copilot, question=QUESTIONS[row % len(QUESTIONS)], tokens=tokens)
        for row, copilot in enumerate(copilots)
    ]


def add_share_of_memory(results: Results, base: Path) -> None:
    """One answer's tokens/s as GB/s of the base's file, against what the memory gives. Above 1: fewer bytes are read
    for a token (narrow weights, drafts), or the base fits into the processor's cache."""
    gigabytes = weight_bytes(base) / 1e9
    roof = max(figure.median for figure in results.table("machine", "memory"))
    for figure in [f for f in results.table(base.name, DECODE.table) if f.measure == "one answer"]:
        share = [value * gigabytes / roof for value in figure.rounds]
        key = figure.model, figure.table, "one answer, share of the memory's speed"
        results.add(key, share, unit="", contender=figure.contender, better="neither")


async def _conversation(contender: Contender, cases: Cases, sizes: Sizes) -> dict[str, float]:
    page = cases.page(sizes.page)
    ask = QuestionCase(page=page, copilot=0, question=QUESTIONS[0])
    cold = await contender.answer(ask)
    follow_up = await contender.answer(replace(ask, question=QUESTIONS[1]))
    switch = await contender.answer(replace(ask, copilot=1, question=QUESTIONS[2]))
    turn = await contender.answer(replace(ask, question=QUESTIONS[3], history=(EARLIER,)))
    await contender.close(page)
    return {
        "page cold": cold.ttft_ms,
        "page read, next question": follow_up.ttft_ms,
        "page read, other copilot": switch.ttft_ms,
        "page read, next turn of a thread": turn.ttft_ms,
    }


async def rows_speed(contender: Contender, page: PageCase, copilots: Sequence[int], *, tokens: int) -> float:
    """Tokens/s of one answer for each copilot, asked at once; each was asked before, so that all is warm."""
    await contender.warm(rows_of(page, copilots, tokens=1))
    return tokens_per_s(await contender.together(rows_of(page, copilots, tokens=tokens)))


async def _decode(contender: Contender, cases: Cases, sizes: Sizes) -> dict[str, float]:
    page = cases.page(sizes.short_page)
    await contender.open(page)
    values = {
        "one answer": await rows_speed(contender, page, [0], tokens=sizes.answer),
        "8 answers, same copilot": await rows_speed(contender, page, [0] * ROWS, tokens=sizes.answer),
        "8 answers, 8 copilots": await rows_speed(contender, page, range(ROWS), tokens=sizes.answer),
    }
    await contender.close(page)
    return values


def rows_measure(rows: int) -> Measure:
    """A point of the curve: `rows` answers at once, each by another copilot."""

    async def one_round(contender: Contender, cases: Cases, sizes: Sizes) -> dict[str, float]:
        page = cases.page(sizes.short_page)
        await contender.open(page)
        speed = await rows_speed(contender, page, range(rows), tokens=sizes.answer)
        await contender.close(page)
        return {"writing speed": speed}

    return Measure("answers at once, each by another copilot", one_round, {"writing speed": ("tokens/s", "higher")})


async def _panel(contender: Contender, cases: Cases, sizes: Sizes) -> dict[str, float]:
    page = cases.page(sizes.page)
    await contender.open(page)
    stamps = await contender.together(rows_of(page, range(ROWS), tokens=sizes.panel_answer))
    await contender.close(page)
    return {
        "all answers done": max(stamp.ended_s - stamp.sent_s for stamp in stamps),
        "first token, the median copilot": statistics.median(stamp.ttft_ms for stamp in stamps) / 1e3,
        "first token, the last copilot": max(stamp.ttft_ms for stamp in stamps) / 1e3,
    }


async def _quoting(contender: Contender, cases: Cases, sizes: Sizes) -> dict[str, float]:
    page = cases.page(sizes.page)
    await contender.open(page)
    stamp = await contender.answer(QuestionCase(page=page, copilot=0, question=QUOTING, tokens=2 * sizes.panel_answer))
    await contender.close(page)
    return {"one answer that quotes": tokens_per_s([stamp])}


CONVERSATION = Measure(
    "time to first token",
    _conversation,
    {
        "page cold": ("ms", "lower"),
        "page read, next question": ("ms", "lower"),
        "page read, other copilot": ("ms", "lower"),
        "page read, next turn of a thread": ("ms", "lower"),
    },
)
DECODE = Measure(
    "writing speed",
    _decode,
    {
        "one answer": ("tokens/s", "higher"),
        "8 answers, same copilot": ("tokens/s", "higher"),
        "8 answers, 8 copilots": ("tokens/s", "higher"),
    },
)
PANEL = Measure(
    "8 copilots asked at once about one page that was read",
    _panel,
    {
        "all answers done": ("s", "lower"),
        "first token, the median copilot": ("s", "lower"),
        "first token, the last copilot": ("s", "lower"),
    },
)
QUOTES = Measure("quotations", _quoting, {"one answer that quotes": ("tokens/s", "higher")})
