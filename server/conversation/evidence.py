"""What an answer rests on: the passages for its prompt, the sentence chosen for each quotation, the closest passage
when the page does not say.

The chooser is made by run and training for each answer, and called by the engine in its own thread with the answer's
token ids so far. The model says that it quotes; what it quotes is chosen here, so that a quotation is a whole unit of
the page with its own block number.
"""

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from server.engine import AdapterRef, Opening
from server.text.checks import ABSTAIN, CLOSEST
from server.text.finder import Encoder, Finder, Passage, asks_for_much, words_of
from server.text.prompt import PagePrefix
from server.text.units import Unit

Encode = Callable[[str], list[int]]
Decode = Callable[[Sequence[int]], str]

CLAIM_WEIGHT = 0.2  # of the claim's words that stand in the unit, added to the finder's score for the question
POINT_WEIGHT = 1.2  # the same in a list or table, where each point has words of its own and the question is one for all
CLOSEST_MIN = 0.45  # cosine from which a passage is shown after an abstention
OPENING_TOKENS = 2  # "The page": hardly an answer begins so that is none; with "The" alone many do
ABSTAIN_LEAST = 0.5  # probability of this opening, of an adapter that was not calibrated
CONSIDERED_MAX = 8  # passages beyond those of the prompt that a reader may look at and choose instead
QUOTABLE_MAX = 2_000  # of the best units; a choice among them takes milliseconds
NEAR = 0.02  # units whose scores differ by less are equal: the shortest is taken
_PAGES = (" pages", "page", "pages", " Page")
_MARK = '"'
_QUOTED = re.compile(r'"([^"\n]*)"(?: ?\[\d{1,5}\])?')
_POINT = re.compile(r"^\s*(?:[-*•]|\d+[.)]|\|)\s*")


@dataclass(frozen=True, slots=True)
class Found:
    """What a page has on a question: `passages` stand in the prompt, `ranked` are all units, best first."""

    passages: tuple[Passage, ...] = ()
    ranked: tuple[Passage, ...] = ()


def find(
    finder: Finder, question: str, encoder: Encoder | None, *, earlier: str = "", read: Container[int] | None = None
) -> Found:
    """Search for the question; a follow-up with the turn before. `read` has the blocks that the model has read, None
    for all: a passage of another block comes with its neighbours.
    """
    ranked = finder.search(question, encoder, earlier=earlier)
    passages = finder.passages(question, ranked)
    shown = (one if read is None or one.unit.block in read else finder.with_neighbours(one) for one in passages)
    return Found(tuple(shown), tuple(ranked))


def considered(found: Found) -> list[Passage]:
    """The units that ranked next: likely ones that do not stand in the prompt, best first, each text once."""
    shown = {passage.unit.text for passage in found.passages}
    fresh: dict[str, Passage] = {}
    for passage in found.ranked:
        if len(fresh) == CONSIDERED_MAX or passage.score <= 0:
            break
        if passage.unit.text not in shown:
            fresh.setdefault(passage.unit.text, passage)
    return list(fresh.values())


def abstention(question: str, adapter: AdapterRef | None, encode: Encode, *, instructed: bool) -> Opening | None:
    """An answer to a question may begin as an abstention does only when the model is sure: small models say it too
    easily. How sure was calibrated for each adapter, and separately for questions after a copilot's instructions. The
    base alone is left as it is. Requests for a summary or a list are not held to it: they cannot fail for want of a
    fact.
    """
    if adapter is None or asks_for_much(question):
        return None
    least = adapter.abstain_least if instructed else adapter.abstain_least_plain
    alike = frozenset(encode(word)[0] for word in _PAGES)  # "The pages do not say." would be the same
    return Opening(tuple(encode(ABSTAIN)[:OPENING_TOKENS]), least or ABSTAIN_LEAST, alike)


def after_abstention(answer: str, found: Found, prefix: PagePrefix) -> str:
    """What follows "The page does not say.": how much of the page was read, and the passage that comes closest."""
    if answer.strip() != ABSTAIN:
        return ""
    note = ""
    if prefix.blocks_read < prefix.blocks_total:
        note = f" ({_read_part(prefix)}, the rest was only searched.)"
    best = next(iter(found.passages), None)
    if best is None or (best.similarity or 0.0) < CLOSEST_MIN or _MARK in best.unit.text:
        return note
    return f'{note}{CLOSEST}"{best.unit.text}" [{best.unit.block}]'


def _read_part(prefix: PagePrefix) -> str:
    if prefix.blocks_read == 0:
        return f"Only the beginning of the first of {prefix.blocks_total} blocks was read"
    return f"Blocks 1 to {prefix.blocks_read} of {prefix.blocks_total} were read"


class QuoteChooser:
    """`found`: the page's units with their scores for the question. Knows no torch and keeps no state between calls."""

    def __init__(self, found: Sequence[Passage], *, decode: Decode, encode: Encode) -> None:
        quotable = (one for one in found[:QUOTABLE_MAX] if _MARK not in one.unit.text)
        self._found = [(one, frozenset(words_of(one.unit.text))) for one in quotable]  # here: the engine must not wait
        self._decode, self._encode = decode, encode

    def __call__(self, answer: Sequence[int]) -> list[int] | None:
        """The ids that finish the quotation just opened: its text, the closing mark and the block number.

        None when no unit fits; the token guard then follows the model.
        """
        text = self._decode(answer)
        if not text.endswith(_MARK) or text.count(_MARK) % 2 == 0:
            return None
        unit = self.choose(text)
        if unit is None:
            return None
        added = f"{unit.text}{_MARK} [{unit.block}]"
        whole = self._encode(text + added)
        return whole[len(answer) :] if whole[: len(answer)] == list(answer) else self._encode(added)

    def choose(self, text: str) -> Unit | None:
        """The best unit that the answer has not quoted yet, for the claim that ends at the opening mark."""
        said = text[: -len(_MARK)]
        quoted = {match[1] for match in _QUOTED.finditer(said)}
        claim, weight = _claim(said)
        wanted = set(words_of(claim))
        scored = [
            (passage.score + weight * len(wanted & words) / max(1, len(wanted)), passage.unit)
            for passage, words in self._found
            if passage.unit.text not in quoted
        ]
        if not scored:
            return None
        best = max(score for score, _ in scored)
        return min((unit for score, unit in scored if score >= best - NEAR), key=lambda unit: len(unit.text))


def _claim(said: str) -> tuple[str, float]:
    """The words that the quotation is to prove, those of its line without other quotations, and how much they count."""
    line = said.rpartition("\n")[2]
    if _POINT.match(line):
        return _QUOTED.sub(" ", _POINT.sub("", line)), POINT_WEIGHT
    own = _QUOTED.split(line)[-1].strip(" .,;:")
    return own or _QUOTED.sub(" ", said), CLAIM_WEIGHT
