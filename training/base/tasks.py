"""Corpus documents -> grounded conversations: claims with quotes and block numbers, abstentions, summaries.

Answers are the corpus's own words; the rules here only find where on the page they stand and add the quote.
"""

import random
import re
from collections.abc import Sequence

from server.page import Page, read_page
from server.prompt import Turn
from training.base.corpus import Document, Question

ABSTAIN = "The page does not say."
_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+(?=[A-Z“(\d])|\n")
_WORD = re.compile(r"[A-Za-z][\w’'-]+")
_COMMON = frozenset(
    """about above after also among been before being between both cannot could does each every from have having here
    into its itself just like made make many more most much must need only other over same shall should some such
    than that their them then there these they this those through under until upon used uses using very well were
    what when where which while will with within without would your""".split()
)
_QUOTED_TASKS = frozenset({"quote", "quote-clause"})
SUMMARY_TASKS = frozenset({"summarise", "summarise-1", "query-summary"})
WHOLE_PAGE_TASKS = SUMMARY_TASKS | {"objectives", "outline", "title", "steps"}
_ABOUT = (
    "What does the page say about {}?",
    "Quote the part about {}.",
    "Where does it mention {}?",
    "What is said about {}?",
    "{}?",
    "Find {} and quote it.",
    "Tell me about {}.",
)
_BLOCK = ("What does block {} say?", "Quote block {}.", "How does block {} begin?")


class TaskMaker:
    """Turns documents into conversations; one seeded instance gives the same rows every time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._foreign: list[str] = ["parking permits", "the refund policy", "volcanic activity"]

    def page(self, document: Document, *, chars: int) -> Page | None:
        """The document from its start, as far as `chars` characters reach; None when that is too little."""
        return self._page(document, document.blocks, chars=chars)

    def excerpt(self, document: Document, *, chars: int) -> Page | None:
        """A short page around the place that one of the document's questions asks for."""
        first = 0
        if document.questions:
            wanted = _fold(self._random.choice(document.questions).answer).strip('“”". ').lower()[:60]
            holding = [n for n, block in enumerate(document.blocks) if wanted in block.lower()]
            first = max(0, (holding or [0])[0] - self._random.randrange(3))
        return self._page(document, document.blocks[first:], chars=chars)

    def _page(self, document: Document, blocks: Sequence[str], *, chars: int) -> Page | None:
        kept: list[str] = []
        for block in self._split(blocks):
            if kept and sum(map(len, kept)) + len(block) > chars:
                break
            kept.append(block[:chars])
        if sum(map(len, kept)) < 120:
            return None
        return read_page(title=document.title, url="", blocks=kept, chars_max=10 * chars)

    def _split(self, blocks: Sequence[str]) -> list[str]:
        """Long blocks cut into one to four sentences each, as paragraphs on real pages are."""
        pieces: list[str] = []
        for block in blocks:
            if len(block) < 400:
                pieces.append(block)
                continue
            rest = sentences(block)
            while rest:
                size = self._random.randint(1, 4)
                pieces.append(" ".join(rest[:size]))
                rest = rest[size:]
        return pieces

    def turns(self, page: Page, questions: Sequence[Question], *, synthetic: int) -> list[Turn]:
        """The corpus's own questions and `synthetic` made ones, in random order."""
        turns = [turn for question in questions if (turn := self._own(page, question))]
        turns += [self._made(page) for _ in range(synthetic)]
        self._random.shuffle(turns)
        return turns

    def _own(self, page: Page, question: Question) -> Turn | None:
        answer = _fold(question.answer)
        if question.task == "not-on-page":
            return Turn(question.question, ABSTAIN)
        if question.task in _QUOTED_TASKS:
            return self._quote(page, question.question, answer.strip('“”"'))
        whole = question.task in WHOLE_PAGE_TASKS
        found = _containing(page, answer) or (None if whole else _nearest(page, answer))
        if found is None and not whole:
            return None  # nothing on the page carries the answer: training on it would teach to invent
        if found is None:
            short = answer[:500].rpartition(". ")[0] + "." if len(answer) > 500 else answer
            return Turn(question.question, short) if len(short) > 2 else None
        n, sentence = found
        quote = f'"{_shorten(sentence)}" [{n}]'
        same = answer.strip(". ").lower() == sentence.strip(". ").lower() or len(answer) > 160
        return Turn(question.question, quote if same else f"{answer.rstrip('.')}. {quote}")

    @staticmethod
    def _quote(page: Page, question: str, wanted: str) -> Turn | None:
        for block in page.blocks:
            at = block.text.find(wanted[:60])
            if at >= 0:
                return Turn(question, f'"{_shorten(block.text[at : at + len(wanted)])}" [{block.n}]')
        return None

    def _made(self, page: Page) -> Turn:
        choose = self._random
        block = choose.choice(page.blocks)
        sentence = choose.choice(sentences(block.text))
        if len(sentence) < 25:
            sentence = max(sentences(block.text), key=len)
        phrase = self._phrase(sentence)
        kind = choose.random()
        if kind < 0.12:
            foreign = choose.choice(self._foreign)
            if foreign.lower() not in " ".join(b.text for b in page.blocks).lower():
                return Turn(choose.choice(_ABOUT).format(foreign), ABSTAIN)
        if phrase is None or kind < 0.27:
            first = _shorten(sentences(block.text)[0], words=14)
            return Turn(choose.choice(_BLOCK).format(block.n), f'"{first}" [{block.n}]')
        if choose.random() < 0.05:
            self._foreign = [*self._foreign[-400:], phrase]
        if kind < 0.35:
            return Turn(f"Which block mentions {phrase}?", f"[{block.n}]")
        return Turn(choose.choice(_ABOUT).format(phrase), f'"{_shorten(sentence)}" [{block.n}]')

    def _phrase(self, sentence: str) -> str | None:
        """One to three neighbouring words of the sentence that begin and end with a content word."""
        words = [m for m in _WORD.finditer(sentence) if len(m[0]) > 3 and m[0].lower() not in _COMMON]
        if not words:
            return None
        first = self._random.randrange(len(words))
        last = min(len(words) - 1, first + self._random.randrange(3))
        if words[last].end() - words[first].start() > 40:
            last = first
        return sentence[words[first].start() : words[last].end()]


def sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE_END.split(text) if len(part.strip()) > 2] or [text]


def _fold(answer: str) -> str:
    return answer.replace('"', "”").strip()


def _shorten(sentence: str, *, words: int = 40) -> str:
    parts = sentence.split(" ")
    return sentence if len(parts) <= words else " ".join(parts[:words])


def _containing(page: Page, answer: str) -> tuple[int, str] | None:
    wanted = answer.strip(". ").lower()
    if len(wanted) < 3:
        return None
    for block in page.blocks:
        if wanted in block.text.lower():
            for sentence in sentences(block.text):
                if wanted in sentence.lower():
                    return block.n, sentence
    return None


def _nearest(page: Page, answer: str) -> tuple[int, str] | None:
    """The sentence that shares most content words with the answer; None when fewer than half."""
    wanted = {w.lower() for w in _WORD.findall(answer) if w.lower() not in _COMMON}
    best, found = 0.5, None
    for block in page.blocks:
        for sentence in sentences(block.text):
            shared = len(wanted & {w.lower() for w in _WORD.findall(sentence)}) / max(4, len(wanted))
            if shared > best:
                best, found = shared, (block.n, sentence)
    return found
