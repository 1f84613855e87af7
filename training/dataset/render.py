"""Examples -> token ids, laid out by `server.text.prompt` exactly as serving does. Called by fit and evaluate.

A row is the frozen part (page and earlier turns: base KV) and the active part (turn and answer: adapter).
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from server.conversation.evidence import Found
from server.errors import DataError
from server.text.finder import Passage
from server.text.page import Page
from server.text.prompt import PagePrefix, PromptLayout, Turn
from training.dataset.examples import Example

DROPPED_SHARE_MAX = 0.02
IGNORED = -100
Searched = Callable[[Example, Page], Found]
PAGES_KEPT = 256
PAGE_SHARE = 0.75  # part of the context that a page may fill
TOKENS_UNLIMITED = 1 << 30


@dataclass(frozen=True, slots=True)
class Rendered:
    """`prefix` is read by the base alone: the page, `page_tokens` long, and earlier turns. The adapter acts on all of
    `suffix`, which begins with the user header. Supervised are `suffix[answer_at:]`: the answer and its end token.
    """

    example: Example
    page: Page
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    answer_at: int
    page_tokens: int
    spans: dict[int, tuple[int, int]] = field(default_factory=dict, compare=False)  # of each block, in `prefix`
    ranked: tuple[Passage, ...] = field(default=(), compare=False)  # every unit of the page, best first
    instructed: bool = field(default=False, compare=False)  # asked after a copilot's instructions

    @property
    def offset(self) -> int:
        """Position of the first token on which the adapter acts."""
        return len(self.prefix)

    def whole(self) -> "Rendered":
        """As a plain adapter reads it, which acts on the page too."""
        at = self.offset + self.answer_at
        return replace(self, prefix=(), suffix=(*self.prefix, *self.suffix), answer_at=at, page_tokens=0)

    @property
    def labels(self) -> tuple[int, ...]:
        """One label for each suffix token."""
        return (IGNORED,) * self.answer_at + self.suffix[self.answer_at :]

    @property
    def answer_tokens(self) -> int:
        return len(self.suffix) - self.answer_at


class Renderer:
    """Renders the examples of one copilot for one base. Pages are encoded once.

    `search` finds the passages that stand under a question; without it there are none.
    """

    def __init__(
        self, layout: PromptLayout, *, instructions: str, context: int, search: Searched | None = None
    ) -> None:
        self._layout, self._instructions, self._context, self._search = layout, instructions, context, search
        self._pages: dict[int, tuple[Page, PagePrefix]] = {}
        opened = layout.ask("", instructions="")
        self._header = layout.ask("?", instructions="")[len(layout.user_header) + len(layout.text("?")) :]
        if len(opened) <= len(layout.user_header) or not self._header:
            raise DataError(
                "The chat template has no assistant header, so no answer can be supervised.", code="data_mask"
            )

    def after(self, instructions: str) -> "Renderer":
        """The same for another copilot."""
        return Renderer(self._layout, instructions=instructions, context=self._context, search=self._search)

    def row(self, example: Example, page: Page) -> Rendered | None:
        """None when the row does not fit whole: nothing is ever cut. Raises DataError (`data_mask`)."""
        prefix = self._page(page)
        if prefix is None:
            return None
        history = self._layout.history([Turn(turn.question, turn.answer) for turn in example.history])
        found = self._search(example, page) if self._search else Found()
        asked = self._layout.ask(
            self._layout.with_passages(example.question, found.passages), instructions=self._instructions
        )
        answer = [*self._layout.text(example.answer), self._layout.stop_id]
        ids, size = (*prefix.ids, *history), len(prefix.ids)
        row = Rendered(
            example, page, ids, (*asked, *answer), len(asked), size, prefix.spans, found.ranked,
            instructed=bool(self._instructions),
        )  # fmt: skip
        self._check_mask(row)
        return row if len(row.prefix) + len(row.suffix) <= self._context else None

    def rows(self, examples: Sequence[tuple[Example, Page]]) -> list[Rendered]:
        """Rows that fit. Raises DataError (`data_truncated`) when more than 2 % do not."""
        rendered = [self.row(example, page) for example, page in examples]
        rows = [row for row in rendered if row is not None]
        dropped = len(rendered) - len(rows)
        if dropped > DROPPED_SHARE_MAX * len(rendered) or not rows:
            raise DataError(
                f"{dropped} of {len(rendered)} examples do not fit into {self._context} tokens. Shorten their pages.",
                code="data_truncated",
            )
        if dropped:
            print(
                f"{dropped} of {len(rendered)} examples left out: longer than {self._context} tokens", file=sys.stderr
            )
        return rows

    def _page(self, page: Page) -> PagePrefix | None:
        """The page's prefix, or None when it does not fit whole (the layout would cut or drop blocks)."""
        known = self._pages.get(id(page))  # the page is kept with it, so that its id stays its own
        prefix = known[1] if known else self._layout.page(page, tokens_max=TOKENS_UNLIMITED)
        self._pages[id(page)] = page, prefix
        if len(self._pages) > PAGES_KEPT:
            self._pages.pop(next(iter(self._pages)))
        return prefix if len(prefix.ids) <= int(self._context * PAGE_SHARE) else None

    def _check_mask(self, row: Rendered) -> None:
        """Refuse an empty or full mask, and one that does not begin right after the assistant header."""
        head = row.suffix[: row.answer_at]
        if row.answer_tokens < 2 or not head:
            raise DataError(f"{row.example.question!r}: nothing, or everything, is supervised.", code="data_mask")
        if list(head[-len(self._header) :]) != list(self._header):
            raise DataError(
                f"{row.example.question!r}: the answer does not follow the assistant header.", code="data_mask"
            )
        if list(row.suffix[: len(self._layout.user_header)]) != self._layout.user_header:
            raise DataError(
                f"{row.example.question!r}: the turn does not begin with the user header.", code="data_mask"
            )
