"""The rows that the general adapter sees: the copilots' examples and its own, corpus questions, ordinary requests and
near misses, in chunks that depend on the seed and the chunk's number only, so that a run can go on from any of them.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from server.text.checks import ABSTAIN
from server.text.finder import Finder
from server.text.page import Page
from server.text.units import Unit
from training.dataset.examples import Example, HistoryTurn
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search
from training.general.corpus import HELD_OUT_TITLES, Document
from training.general.pages import PageMaker
from training.general.requests import Requests
from training.general.tasks import HUMAN_TASKS, SUMMARY_TASKS, Asked, asked
from training.general.words import content_words

CHUNK_PAGES = 32
CORPUS_SHARE, OWN_SHARE = 0.25, 0.15  # of a chunk's pages; the rest are the copilots'
GROUP_ROWS = 8  # of one page, next to one another: they share its reading
QUESTIONS_PER_PAGE = 5
TEMPLATES_LAST = 0.8  # of questions made by rule, those that come after people's own
REQUEST_SHARE = 0.3  # of pages, those with an ordinary request
NEAR_MISS_SHARE = 0.25  # of pages, those from which the answer to a question or two was taken out
ELSEWHERE_SHARE = 0.35  # of the others, those with a question that a neighbouring document answers
FOLLOW_UP_SHARE = 0.12
TYPED_SHARE = 0.35  # of the corpus's questions, those written as people type
ANSWER_CHARS_MAX = 1_100
_OPENING = re.compile(r"^(According to (this|the) \w+, |On this page, |Under this provision, |Please )", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Own:
    """One of the project's examples with its page, and the renderer that puts instructions before its question."""

    example: Example
    page: Page
    renderer: Renderer


class Rows:
    """`own`: the generalist's examples; `copilots`: those of all copilots, each seen once before any is seen again.
    What there is none of leaves its share to the corpus.
    """

    def __init__(
        self, documents: Sequence[Document], own: Sequence[Own], renderer: Renderer, search: Search, *,
        seed: int, copilots: Sequence[Own] = (), held_out: bool = False,
    ) -> None:  # fmt: skip
        self._documents = [one for one in documents if one.questions and one.held_out == held_out]
        self._weights = [_weight(document) for document in self._documents]
        self._renderer, self._search, self._seed = renderer, search, seed
        self._own, self._copilots = _Deck(own, seed=seed), _Deck(copilots, seed=seed)

    def chunk(self, number: int) -> list[Rendered]:
        """The rows of some pages, in an order of their own; those of one page stay near one another."""
        choose = random.Random(f"{self._seed}/{number}")  # noqa: S311
        own = round(CHUNK_PAGES * OWN_SHARE) if self._own.groups else 0
        copilots = round(CHUNK_PAGES * (1 - CORPUS_SHARE - OWN_SHARE)) if self._copilots.groups else 0
        places = choose.choices(range(len(self._documents)), self._weights, k=CHUNK_PAGES - own - copilots)
        groups = [list(self._page_rows(place, choose)) for place in places]
        dealt = [*self._own.deal(number, own), *self._copilots.deal(number, copilots)]
        groups += [list(self._own_rows(group)) for group in dealt]
        choose.shuffle(groups)
        return [row for group in groups for row in group]

    def extractive(self, count: int) -> list[Rendered]:
        """The first `count` rows whose answer is a short phrase of the page, with the phrase as their reference."""
        choose, found = random.Random(self._seed), list[Rendered]()  # noqa: S311
        documents = [place for place, one in enumerate(self._documents) if one.title in HELD_OUT_TITLES]
        for place in choose.sample(documents, len(documents)):
            made = PageMaker(choose).around(self._documents, place)
            if made is None:
                continue
            finder = self._search.finder(made[0])
            for one in self._questions(made[1], finder, choose)[:2]:
                if one.short and len(found) < count:
                    example = Example(page="article", question=one.question, answer=one.answer, reference=one.short)
                    row = self._render(example, finder)
                    found += [row] if row is not None else []
        return found

    def _own_rows(self, group: Sequence[Own]) -> Iterator[Rendered]:
        for each in group:
            row = each.renderer.row(each.example, each.page)
            if row is not None:
                yield row

    def _page_rows(self, place: int, choose: random.Random) -> Iterator[Rendered]:
        made_page = PageMaker(choose).around(self._documents, place)
        if made_page is None:
            return
        page, documents = made_page
        finder = self._search.finder(page)
        found = self._questions(documents, finder, choose)
        missed = [one for one in found if one.evidence and not one.whole and one.short.lower() not in ("yes", "no")]
        if missed and choose.random() < NEAR_MISS_SHARE:
            yield from self._near_misses(page, missed[: choose.randint(1, 2)], found, choose)
            return
        chosen = found[:QUESTIONS_PER_PAGE]
        if choose.random() < REQUEST_SHARE:
            made = Requests(choose, self._search.encoder).make(finder)
            chosen += [made] if made else []
        if choose.random() < ELSEWHERE_SHARE:
            chosen += self._asked_elsewhere(place, finder, choose)
        choose.shuffle(chosen)
        yield from self._answered(chosen, finder, choose)

    def _questions(self, documents: Sequence[Document], finder: Finder, choose: random.Random) -> list[Asked]:
        """The questions of the page's documents that its units answer, people's own first; none about the whole of a
        document that is only a part of the page, nor about what one of them lacks and another may say.
        """
        questions = [question for document in documents for question in document.questions]
        if len(documents) > 1:
            questions = [one for one in questions if one.task not in SUMMARY_TASKS and one.task != "not-on-page"]
        choose.shuffle(questions)
        questions.sort(key=lambda question: question.task not in HUMAN_TASKS and choose.random() < TEMPLATES_LAST)
        found: list[Asked] = []
        for question in questions[: 4 * QUESTIONS_PER_PAGE]:
            one = asked(question, finder.units)
            if one is not None and not any(one.question == other.question for other in found):
                found.append(one)
            if len(found) == 2 * QUESTIONS_PER_PAGE:
                break
        return found

    def _near_misses(
        self, page: Page, missed: Sequence[Asked], found: Sequence[Asked], choose: random.Random
    ) -> Iterator[Rendered]:
        """The page without the sentences that answer some questions: those are asked all the same, among others."""
        short = [one.short.lower() for one in missed if one.short]
        phrases = [re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)") for phrase in short]
        finder = self._search.finder(page)
        gone = {(u.block, u.start) for u in finder.units if any(phrase.search(u.text.lower()) for phrase in phrases)}
        evidence = [unit for one in missed for unit in one.evidence]
        gone |= {(u.block, u.start) for u in finder.units if any(_alike(u, unit) for unit in evidence)}
        blocks = []
        for block in page.blocks:
            kept = [u.text for u in finder.units if u.block == block.n and (u.block, u.start) not in gone]
            blocks.append(replace(block, text=" ".join(kept)) if any(u[0] == block.n for u in gone) else block)
        left = [block for block in blocks if block.text]
        if not left or any(phrase.search(page.title.lower()) for phrase in phrases):
            return
        finder = self._search.finder(
            Page(page.title, page.url, tuple(replace(b, n=n) for n, b in enumerate(left, start=1)))
        )
        others = []
        for one in found:
            if one in missed or one.kind == "abstain":
                continue
            still = _again(one, finder)
            others += [still] if still else []
        yield from self._answered([*(Asked(one.question, ABSTAIN) for one in missed), *others[:2]], finder, choose)

    def _asked_elsewhere(self, place: int, finder: Finder, choose: random.Random) -> list[Asked]:
        """A question that a neighbour of the page's documents answers and this page does not."""
        here = self._documents[place]
        near = [
            document for document in self._documents[max(0, place - 12) : place + 12] if document.source == here.source
        ]
        near = [document for document in near if document.title == here.title] if "extract" in _tasks(here) else near
        text = " ".join(block.text for block in finder.page.blocks).lower()
        for _ in range(8):
            question = choose.choice(choose.choice(near).questions)
            said = (question.answer.strip('“”". ').lower()[:60], question.question.strip("? ").lower())
            known = any(words in text for words in said)
            if not known and question.task not in SUMMARY_TASKS and asked(question, finder.units) is None:
                return [Asked(question.question, ABSTAIN)]
        return []

    def _answered(self, chosen: Sequence[Asked], finder: Finder, choose: random.Random) -> Iterator[Rendered]:
        earlier: Asked | None = None
        for one in chosen:
            if len(one.answer) > ANSWER_CHARS_MAX:
                continue
            history = []
            if earlier is not None and choose.random() < FOLLOW_UP_SHARE:
                history = [HistoryTurn(question=earlier.question[:2000], answer=earlier.answer)]
            question = _typed(one.question, choose) if not one.whole else one.question
            row = self._render(
                Example(page="corpus", question=question[:2000], answer=one.answer, kind=one.kind, history=history),
                finder,
            )
            earlier = one
            if row is not None:
                yield row

    def _render(self, example: Example, finder: Finder) -> Rendered | None:
        return self._renderer.row(example, finder.page)


class _Deck:
    """Examples in groups of one page, dealt in an order that is another one each time all were dealt."""

    def __init__(self, examples: Sequence[Own], *, seed: int) -> None:
        self._pages: dict[int, list[Own]] = {}
        for each in examples:
            self._pages.setdefault(id(each.page), []).append(each)
        self._seed, self._dealt = seed, dict[int, list[list[Own]]]()
        self.groups = len(self._shuffled(0))

    def deal(self, chunk: int, count: int) -> list[list[Own]]:
        """The groups of a chunk, `count` of them."""
        first = chunk * count
        return [self._shuffled(place // self.groups)[place % self.groups] for place in range(first, first + count)]

    def _shuffled(self, round_: int) -> list[list[Own]]:
        if round_ not in self._dealt:
            choose = random.Random(f"{self._seed}/{round_}")  # noqa: S311
            groups: list[list[Own]] = []
            for examples in self._pages.values():
                mixed = choose.sample(examples, len(examples))
                groups += [mixed[start : start + GROUP_ROWS] for start in range(0, len(mixed), GROUP_ROWS)]
            choose.shuffle(groups)
            self._dealt = {round_: groups}
        return self._dealt[round_]


def _alike(one: Unit, other: Unit) -> bool:
    """Two units that say nearly the same in words."""
    words = content_words(other.text)
    return one == other or len(words & content_words(one.text)) > 0.6 * max(4, len(words))


def _again(one: Asked, finder: Finder) -> Asked | None:
    """The same answer on the page whose blocks were numbered anew; None when its evidence went with the rest."""
    answer, found = one.answer, []
    for unit in one.evidence:
        same = next((other for other in finder.units if other.text == unit.text), None)
        if same is None:
            return None
        answer = answer.replace(f'"{unit.text}" [{unit.block}]', f'"{same.text}" [{same.block}]')
        found.append(same)
    return replace(one, answer=answer, evidence=tuple(found)) if found else None


def _typed(question: str, choose: random.Random) -> str:
    """As people type: without what leads into it, in lower case, without a question mark."""
    question = _OPENING.sub("", question)
    if choose.random() >= TYPED_SHARE:
        return question[0].upper() + question[1:] if question else question
    question = question.lower() if choose.random() < 0.8 else question
    return question.rstrip("?. ") if choose.random() < 0.8 else question


def _weight(document: Document) -> float:
    """How often a document is taken: people's short questions most, those made by rule least."""
    tasks = _tasks(document)
    if "extract" in tasks:
        return 3.0
    return 1.0 if tasks & HUMAN_TASKS or tasks & SUMMARY_TASKS else 0.3


def _tasks(document: Document) -> set[str]:
    return {question.task for question in document.questions}
