"""What is asked: pages, questions and copilots, the same token ids for every contender.

A page has both forms: blocks for our socket, ids for the peers. Each page is new (its title is numbered), so that
nobody has read it before.
"""

import itertools
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from server.catalog.bases import load_text
from server.catalog.copilots import Copilots
from server.settings import Settings
from server.text.documents import read_document
from server.text.page import read_page
from server.text.prompt import Turn

SOURCE = Path(__file__).parents[1] / "tests" / "e2e" / "pages" / "contract.html"
QUESTIONS = ("When does it renew?", "What is the late fee?", "Who may end it?", "What is the liability cap?")
QUOTING = "Quote the clause on termination for convenience."
EARLIER = Turn(QUESTIONS[0], "It renews for successive periods of one year unless a party gives notice. [4]")


@dataclass(frozen=True, slots=True)
class PageCase:
    title: str
    blocks: tuple[str, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionCase:
    """`copilot` is an index into the contender's copilots; `tokens` is how long the answer shall be."""

    page: PageCase
    copilot: int
    question: str
    history: tuple[Turn, ...] = ()
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Stamp:
    """Seconds on one clock: asked, first token, last token. `tokens` of the answer; its ids where they are known.

    `first_tokens` came together with the first one: several, where a draft was accepted at once.
    """

    sent_s: float
    first_s: float
    ended_s: float
    tokens: int
    ids: tuple[int, ...] = ()
    first_tokens: float = 1

    @property
    def ttft_ms(self) -> float:
        return 1e3 * (self.first_s - self.sent_s)


class Contender(Protocol):
    """One way to serve several adapters over one base."""

    name: str

    def open(self, page: PageCase) -> Awaitable[None]:
        """Read the page in advance, if this contender can."""
        ...

    def close(self, page: PageCase) -> Awaitable[None]: ...

    def answer(self, ask: QuestionCase) -> Awaitable[Stamp]:
        """A page that is not open yet is read as part of the answer."""
        ...

    def warm(self, asks: Sequence[QuestionCase]) -> Awaitable[object]:
        """Ask once before the clock runs, where that warms a cache."""
        ...

    def together(self, asks: Sequence[QuestionCase]) -> Awaitable[list[Stamp]]:
        """All at once, in the way that this contender offers."""
        ...


class Cases:
    """Makes pages and prompts for one base. `copilots` are ids, read from the folders that serving reads."""

    def __init__(self, base: Path, settings: Settings, copilots: Sequence[str]) -> None:
        self.text = load_text(base)
        self.copilots = tuple(copilots)
        known = Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir)
        self._instructions = [known.get(copilot).instructions for copilot in copilots]
        self._chars_max = settings.page_chars_max
        self._blocks = read_document(str(SOURCE)).blocks
        self._numbers = itertools.count(1)

    def page(self, tokens: int) -> PageCase:
        """A new page of about `tokens` tokens: the contract, cut short or repeated."""
        title = f"Agreement {next(self._numbers)}"
        whole = len(self._lay_out(title, self._blocks))
        blocks = self._blocks * max(1, -(-tokens // whole))
        low, high = 1, len(blocks)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if len(self._lay_out(title, blocks[:middle])) < tokens else (low, middle)
        kept = tuple(blocks[:low])
        return PageCase(title, kept, self._lay_out(title, kept))

    def turn(self, ask: QuestionCase) -> list[int]:
        """What follows the page."""
        layout = self.text.layout
        return [*layout.history(ask.history), *layout.ask(ask.question, instructions=self._instructions[ask.copilot])]

    def prompt(self, ask: QuestionCase) -> list[int]:
        return [*ask.page.ids, *self.turn(ask)]

    def _lay_out(self, title: str, blocks: Sequence[str]) -> tuple[int, ...]:
        page = read_page(title=title, url="", blocks=blocks, chars_max=self._chars_max)
        return self.text.layout.page(page, tokens_max=10**6).ids
