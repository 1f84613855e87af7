"""Corpus documents -> grounded conversations: claims with quotes and block numbers, abstentions, summaries.

Answers are the corpus's own words; the rules here only find where on the page they stand and add the quote.
"""

import bisect
import itertools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.page import Block, Page, read_page
from server.prompt import Turn
from training.base.corpus import Document, Question
from training.base.norms import BARE, NUMBER, SAID, SECTION, THEN, Norms, made_norms
from training.base.sections import clauses, section_of, unnumbered
from training.base.thesaurus import Thesaurus
from training.base.typed import TypedQuestions
from training.base.words import COMMON, WORD, content_words, sentences

ABSTAIN = "The page does not say."
_CLAUSE_END = re.compile(r"(?<=\w\w)[,;:] ")
_QUOTED_TASKS = frozenset({"quote", "quote-clause"})
SUMMARY_TASKS = frozenset({"summarise", "summarise-1", "query-summary"})
WHOLE_PAGE_TASKS = SUMMARY_TASKS | {"objectives", "outline", "title", "steps"}
_ABOUT = (
    "What does the page say about {}?",
    "Quote the part about {}.",
    "Where does it mention {}?",
    "What is said about {}?",
    "{}?",
    "{}",
    "Find {} and quote it.",
    "Tell me about {}.",
    "How about {}?",
    "Is there anything on {}?",
    "I need the part on {}.",
    "What are the details of {}?",
    "Why does {} matter here?",
    "Does it mention {}?",
    "What happens with {}?",
    "Explain {}.",
)
_POINT = ("Which block mentions {}?", "Which block is about {}?", "In which block is {}?", "{}: which block?")
_BLOCK = ("What does block {} say?", "Quote block {}.", "How does block {} begin?")
_ABSTAIN_SHARE, _BLOCK_SHARE, _FOLLOW_UP_SHARE, _OWN_SHARE, _OWN_ENTRY_SHARE = 0.12, 0.08, 0.1, 0.5, 0.5
_SAYING = frozenset({SAID, THEN, SECTION})
_FOREIGN_SHARE, _FOREIGN_MAX = 0.1, 400  # of phrases, those that later pages are asked for in vain


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns about one page; the last question stands behind `norms`, as served."""

    turns: tuple[Turn, ...]
    norms: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A word of the page, or a whole question, and right behind it where the page has it: the shortest form of asking.

    A model learns to look a word up from these within minutes; from whole questions alone, it hardly does.
    """

    word: str
    answer: str  # a block's number or the beginning of the sentence


@dataclass(frozen=True, slots=True)
class _Asked:
    """One of the corpus's questions; `place` is the block and sentence that answer it, `said` other words for it."""

    question: str
    said: str
    place: tuple[int, str] | None

    def turn(self, page: Page, norms: Norms) -> Turn:
        if self.place is None:
            return Turn(self.question, (norms if norms.form in _SAYING else Norms()).applied(self.said))
        said = "" if norms.text and norms.form not in _SAYING else self.said
        return Turn(self.question, norms.applied(_grounded(page, *self.place, said=said, form=norms.form)))


class TaskMaker:
    """Turns documents into conversations; one seeded instance gives the same rows every time."""

    def __init__(
        self, seed: int, *, entry_share: float = 0.0, pointer_share: float = 0.15,
        typed_share: float = 0.0, clause_share: float = 0.0, thesaurus: Thesaurus | None = None,
    ) -> None:  # fmt: skip
        self._random = random.Random(seed)  # noqa: S311
        self._entry_share = entry_share  # of branches that are entries
        self._pointer_share = pointer_share  # of made questions that ask for a block's number only
        self._typed_share = typed_share  # of them, those as people type them
        self._clause_share = clause_share  # of pages cut into numbered clauses
        self._thesaurus = thesaurus  # for their near words
        self._typed: TypedQuestions | None = None  # of the page at hand
        self._foreign: list[str] = []
        self._document: Document | None = None  # that the page at hand is a part of

    def page(self, document: Document, *, chars: int) -> Page | None:
        """The document from its start, as far as `chars` characters reach; None when that is too little."""
        return self._page(document, document.blocks, chars=chars)

    def excerpt(self, document: Document, *, chars: int) -> Page | None:
        """A part of the document of about `chars` characters, with the place that one of its questions asks for."""
        ends = list(itertools.accumulate(map(len, document.blocks), initial=0))
        latest = max(0, bisect.bisect(ends, ends[-1] - chars) - 1)  # from here on there is enough
        first = self._random.randint(0, latest)
        at = self._asked_for(document)
        if at is not None:
            earliest = min(at, bisect.bisect_left(ends, ends[at + 1] - chars))  # from here on it is still reached
            first = self._random.randint(earliest, max(earliest, min(at, latest)))
        return self._page(document, document.blocks[first:], chars=chars)

    def _asked_for(self, document: Document) -> int | None:
        """Place of the block that answers one of the document's questions."""
        if not document.questions:
            return None
        wanted = _fold(self._random.choice(document.questions).answer).strip('“”". ').lower()[:60]
        return next((n for n, block in enumerate(document.blocks) if wanted in block.lower()), None)

    def _page(self, document: Document, blocks: Sequence[str], *, chars: int) -> Page | None:
        kept: list[str] = []
        for block in self._split(blocks):
            if kept and sum(map(len, kept)) + len(block) > chars:
                break
            kept.append(block[:chars])
        if sum(map(len, kept)) < 120:
            return None
        self._document = document
        return read_page(title=document.title, url="", blocks=kept, chars_max=10 * chars)

    def _split(self, blocks: Sequence[str]) -> list[str]:
        """Long blocks cut into one to four sentences each, as paragraphs on real pages are, or all into clauses."""
        if self._random.random() < self._clause_share:
            return clauses(blocks, self._random)
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

    def branches(self, page: Page, questions: Sequence[Question]) -> Iterator[Conversation | Entry]:
        """The corpus's own questions in random order, twice, among made ones and entries, of which there is no end."""
        own = [asked for question in questions if (asked := _asked(page, question))]
        placed = [asked for asked in own if asked.place]
        own = self._random.sample(2 * own, 2 * len(own))
        while True:
            if self._random.random() < self._entry_share:
                yield self._entry(page, placed)
                continue
            norms = made_norms(self._random)
            earlier = (self._made(page, Norms()),) if self._random.random() < _FOLLOW_UP_SHARE else ()
            mine = own and self._random.random() < _OWN_SHARE
            turn = own.pop().turn(page, norms) if mine else self._made(page, norms)
            yield Conversation((*earlier, turn), norms.text)

    def _entry(self, page: Page, placed: Sequence[_Asked]) -> Entry:
        block, sentence, word = self._place(page)
        number, word = block.n, self._as_typed(page, sentence) or word or sentence[:40]
        if placed and self._random.random() < _OWN_ENTRY_SHARE:
            asked = self._random.choice(placed)
            word, (number, sentence) = asked.question, asked.place or (number, sentence)
        if self._random.random() < 0.5:
            return Entry(word, f"[{number}]")
        return Entry(word, f'"{_shorten(sentence, words=4)}')

    def turns(self, page: Page, questions: Sequence[Question], *, made: int) -> list[Turn]:
        """The corpus's own questions and `made` ones without norms, in random order."""
        turns = [asked.turn(page, Norms()) for question in questions if (asked := _asked(page, question))]
        turns += [self._made(page, Norms()) for _ in range(made)]
        self._random.shuffle(turns)
        return turns

    def look_ups(self, page: Page, *, count: int) -> list[Turn]:
        """Up to `count` questions about words of the page, each answered by the sentence with them."""
        places = [self._place(page) for _ in range(count)]
        return [
            Turn(self._question(page, sentence, wanted), _grounded(page, block.n, sentence, said="", form=BARE))
            for block, sentence, wanted in places
            if wanted is not None
        ]

    def _made(self, page: Page, norms: Norms) -> Turn:
        choose = self._random
        kind = choose.random()
        if kind < _ABSTAIN_SHARE and self._foreign:
            beside = self._beside(page)
            if beside:
                return Turn(beside, norms.applied(ABSTAIN))
            foreign = choose.choice(self._foreign)
            if not _times(page, foreign):
                return Turn(choose.choice(_ABOUT).format(foreign), norms.applied(ABSTAIN))
        block, sentence, wanted = self._place(page)
        if norms.form != NUMBER and (wanted is None or kind > 1 - _BLOCK_SHARE):
            first = _shorten(sentences(block.text)[0], words=14)
            return Turn(choose.choice(_BLOCK).format(block.n), norms.applied(f'"{first}" [{block.n}]'))
        wanted = wanted or sentence[:40]
        if choose.random() < _FOREIGN_SHARE:
            self._foreign = [*self._foreign[-_FOREIGN_MAX:], wanted]
        if choose.random() < self._pointer_share or norms.form == NUMBER:
            form = choose.choice(_ABOUT if norms.form == NUMBER else _POINT)
            return Turn(form.format(wanted), norms.applied(f"[{block.n}]"))
        said = _CLAUSE_END.split(unnumbered(_fold(sentence)))[0].strip(" -.:;") if norms.form in _SAYING else ""
        answer = _grounded(page, block.n, sentence, said=_shorten(said, words=20), form=norms.form)
        return Turn(self._question(page, sentence, wanted), norms.applied(answer))

    def _question(self, page: Page, sentence: str, wanted: str) -> str:
        """As people type it, or about words of the sentence that the page has once."""
        return self._as_typed(page, sentence) or self._random.choice(_ABOUT).format(wanted)

    def _as_typed(self, page: Page, sentence: str) -> str | None:
        if self._random.random() >= self._typed_share:
            return None
        return self._typed_on(page).about(sentence)

    def _beside(self, page: Page) -> str | None:
        """As people type it, about what the page's document, or an earlier one, says and the page does not."""
        if not self._document or not self._typed_share or self._random.random() >= self._typed_share:
            return None
        blocks = (self._random.choice(self._document.blocks) for _ in range(8))
        elsewhere = itertools.chain((self._random.choice(sentences(block)) for block in blocks), self._foreign[-8:])
        return next(filter(None, map(self._typed_on(page).beside, elsewhere)), None)

    def _typed_on(self, page: Page) -> TypedQuestions:
        if self._typed is None or self._typed.page is not page:
            self._typed = TypedQuestions(page, self._random, self._thesaurus)
        return self._typed

    def _place(self, page: Page) -> tuple[Block, str, str | None]:
        """A block, a sentence of it, and words that stand there only; None for them when none were found."""
        for _ in range(8):
            block = self._random.choice(page.blocks)
            sentence = self._random.choice(sentences(block.text))
            wanted = self._wanted(page, sentence)
            if wanted is not None:
                break
        return block, sentence, wanted

    def _wanted(self, page: Page, sentence: str) -> str | None:
        """Words of the sentence that the page has once: a phrase as it stands, or two words apart."""
        words = [m for m in WORD.finditer(sentence) if len(m[0]) > 3 and m[0].lower() not in COMMON]
        self._random.shuffle(words)
        for word in words[:5]:
            last = self._random.choice([m for m in words if m.start() >= word.start()])
            near = last.end() - word.start() <= 40
            phrase = sentence[word.start() : (last if near else word).end()]
            if _times(page, phrase) != 1:
                continue
            if self._random.random() < 0.3:
                other = self._random.choice(words)
                if other != word and _times(page, word[0]) == 1:
                    phrase = f"{other[0]} and {word[0]}" if self._random.random() < 0.5 else f"{word[0]} {other[0]}"
            return phrase.lower() if self._random.random() < 0.5 else phrase
        return None


def _asked(page: Page, question: Question) -> _Asked | None:
    """The question with its evidence; None when nothing on the page carries the answer: it would teach to invent."""
    if question.task == "not-on-page":
        return _Asked(question.question, ABSTAIN, None)
    answer = _fold(question.answer)
    if question.task in _QUOTED_TASKS:
        place = _quoted(page, answer.strip('“”"'))
        return _Asked(question.question, "", place) if place else None
    whole = question.task in WHOLE_PAGE_TASKS
    place = _containing(page, answer, question.question) or (None if whole else _nearest(page, answer))
    if place:
        same = answer.strip(". ").lower() == place[1].strip(". ").lower() or len(answer) > 160
        return _Asked(question.question, "" if same else answer.rstrip("."), place)
    short = answer[:500].rpartition(". ")[0] + "." if len(answer) > 500 else answer
    return _Asked(question.question, short, None) if whole and len(short) > 2 else None


def _quoted(page: Page, wanted: str) -> tuple[int, str] | None:
    for block in page.blocks:
        at = block.text.find(wanted[:60])
        if at >= 0:
            return block.n, block.text[at : at + len(wanted)]
    return None


def _grounded(page: Page, number: int, sentence: str, *, said: str, form: str) -> str:
    """An answer in the form that the norms ask for: a quotation, with other words beside it, or a block's number."""
    if form == NUMBER:
        return f"[{number}]"
    quote = f'"{_shorten(sentence)}" [{number}]'
    if form in (THEN, SECTION):
        section = section_of(page, number) if form == SECTION else None
        behind = ": ".join(part for part in (section, said) if part)
        return f"{quote} {behind}".rstrip() + "." * bool(said)
    return f"{said}. {quote}" if said else quote


def _times(page: Page, phrase: str) -> int:
    """How often the page has the phrase, in any case."""
    return sum(block.text.lower().count(phrase.lower()) for block in page.blocks)


def _fold(answer: str) -> str:
    return answer.replace('"', "”").strip()


def _shorten(sentence: str, *, words: int = 40) -> str:
    parts = sentence.split(" ")
    return sentence if len(parts) <= words else " ".join(parts[:words])


def _containing(page: Page, answer: str, question: str) -> tuple[int, str] | None:
    """The sentence with the answer's words in it; of several, the one that shares most words with the question."""
    wanted = answer.strip(". ").lower()
    if len(wanted) < 3:
        return None
    asked = content_words(question)
    found = [
        (block.n, sentence)
        for block in page.blocks
        if wanted in block.text.lower()
        for sentence in sentences(block.text)
        if wanted in sentence.lower()
    ]
    return max(found, key=lambda place: len(asked & content_words(place[1])), default=None)


def _nearest(page: Page, answer: str) -> tuple[int, str] | None:
    """The sentence that shares most content words with the answer; None when fewer than half."""
    wanted = content_words(answer)
    best, found = 0.5, None
    for block in page.blocks:
        for sentence in sentences(block.text):
            shared = len(wanted & content_words(sentence)) / max(4, len(wanted))
            if shared > best:
                best, found = shared, (block.n, sentence)
    return found
