"""The token layout of every prompt, the same for serving and training.

[system: how to answer + the page as numbered blocks]   the page prefix, base model only, shared by all copilots;
                                                         without a page the system turn alone
[earlier turns]                                          base model only
[user header]                                            <- activation: an adapter acts from this token on
[instructions + question][assistant header]                     then the answer

Only the chat template's own parts may become control tokens: every content part (page, question, instructions,
history) is encoded with `split_special_tokens=True`, so no text can forge a turn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from server.errors import BaseError, PageError
from server.text.finder import Passage, confidence
from server.text.page import Block, Page

SYSTEM = (
    "Answer from the page below. Cite blocks as [n]. Quote them word for word in double quotes. "
    "If the page does not say it, answer: The page does not say."
)
BEGINNING_TOKENS_MIN = 32  # of a block that does not fit: less of it says nothing
_FORGED_NUMBER = re.compile(r"\n(?=\[\d)")
SYSTEM_WITHOUT_PAGE = (
    "You are a helpful assistant. No page is open, so answer from what you know, briefly and without quotations."
)
NO_PAGE = "I have no page here, so this comes from your question and general knowledge.\n\n"  # begins such an answer
_SENTINELS = ("⟦system⟧", "⟦first⟧", "⟦reply⟧", "⟦second⟧")
_ROLES = ("system", "user", "assistant", "user")
_TURNS = [{"role": role, "content": said} for role, said in zip(_ROLES, _SENTINELS, strict=True)]
# What is rendered of a chat template, and whether an answer is to follow: the layout is cut out of these texts.
CONVERSATIONS = ((_TURNS, True), (_TURNS[:3], False), (_TURNS[:2], False), (_TURNS[:2], True))


class Tokenizer(Protocol):
    """The part of a transformers fast tokenizer that the layout uses."""

    def __call__(self, text: str, **kwargs: object) -> dict[str, list[int]]: ...

    def apply_chat_template(self, conversation: list[dict[str, str]], **kwargs: object) -> str: ...


@dataclass(frozen=True, slots=True)
class PagePrefix:
    """Token ids of system turn and page. `blocks_read` of `blocks_total` fitted whole; `spans[n]` is the
    half-open token range that holds the text of block n, its number left out. The last span may be of a part only.
    """

    ids: tuple[int, ...]
    spans: dict[int, tuple[int, int]]
    blocks_read: int
    blocks_total: int

    @property
    def whole(self) -> frozenset[int]:
        """The blocks that were read to their end."""
        return frozenset(list(self.spans)[: self.blocks_read])


@dataclass(frozen=True, slots=True)
class Turn:
    question: str
    answer: str


class PromptLayout:
    """Splits a base model's chat template once and lays token ids out piece by piece.

    `rendered`: the texts of CONVERSATIONS, rendered elsewhere; without them the tokenizer renders here and now, which
    an untrusted template can make last for ever. Raises BaseError (`base_unsupported`).
    """

    def __init__(self, tokenizer: Tokenizer, rendered: Sequence[str] | None = None) -> None:
        self._tokenizer = tokenizer
        system, first, reply, second = _SENTINELS
        if rendered is None:
            rendered = [self._render(turns, generate=generate) for turns, generate in CONVERSATIONS]
        whole, answered, asked, opened = rendered
        if any(text.count(turn["content"]) != 1 for text, (turns, _) in zip(rendered, CONVERSATIONS, strict=True)
               for turn in turns):  # fmt: skip
            raise BaseError(
                "The base model's chat template drops or repeats a turn, so a page cannot be shared between "
                "copilots. Choose another base model.",
                code="base_unsupported",
            )
        answer_end = answered.split(reply)[1]
        user_header = whole.split(reply)[1].split(second)[0].removeprefix(answer_end)
        user_end = asked.split(first)[1]
        head, between = opened.split(first)[0].split(system)
        if not user_header or not answer_end or not between.endswith(user_header):
            raise BaseError(
                "The base model's chat template has no user header of its own. Choose another base model.",
                code="base_unsupported",
            )
        self._head = self._control(head)
        self._system_end = self._control(between.removesuffix(user_header))
        self.user_header = self._control(user_header)
        self._user_end = self._control(user_end)
        self._assistant_header = self._control(opened.split(first)[1].removeprefix(user_end))
        self.answer_end = self._control(answer_end)

    def page(self, page: Page, *, tokens_max: int) -> PagePrefix:
        """The shared prefix. The first block that does not fit into `tokens_max` is cut, so that as much is read as the
        context holds, and counts as not read; those behind it are left out.

        Raises PageError (`page_too_long`) when not even 16 tokens of text fit.
        """
        title = f"\n\nPage: {' '.join(page.title.split())}\n\n" if page.title else "\n\n"
        ids = [*self._head, *self.text(SYSTEM + title)[: max(0, tokens_max // 2)]]
        spans: dict[int, tuple[int, int]] = {}
        room, whole = tokens_max - len(self._system_end), 0
        for block in page.blocks:
            marker, text = self.text(f"[{block.n}]"), self._block_text(block)
            fits = len(ids) + len(marker) + len(text) <= room
            if not fits:
                text = text[: max(0, room - len(ids) - len(marker))]
                if spans and len(text) < BEGINNING_TOKENS_MIN:
                    break
            start = len(ids) + len(marker)
            ids += [*marker, *text]
            spans[block.n] = (start, len(ids) - 1)
            whole += fits
            if not fits:
                break
        if len(ids) > room or not spans or min(end - start for start, end in spans.values()) < 0:
            raise PageError("The page does not fit into the base model's context.", code="page_too_long")
        return PagePrefix((*ids, *self._system_end), spans, whole, len(page.blocks))

    def without_page(self) -> PagePrefix:
        """The prefix of a question that is about no page."""
        return PagePrefix((*self._head, *self.text(SYSTEM_WITHOUT_PAGE), *self._system_end), {}, 0, 0)

    def history(self, turns: Sequence[Turn]) -> list[int]:
        """Earlier turns of the same page, as the base model sees them (no instructions)."""
        ids: list[int] = []
        for turn in turns:
            ids += self.ask(turn.question, instructions="") + self.text(turn.answer) + self.answer_end
        return ids

    def ask(self, question: str, *, instructions: str) -> list[int]:
        """User header, instructions, question, assistant header. The adapter acts on all of these tokens."""
        content = f"{instructions}\n\n{question}" if instructions else question
        return [*self.user_header, *self.text(content), *self._user_end, *self._assistant_header]

    @staticmethod
    def with_passages(question: str, passages: Sequence[Passage]) -> str:
        """The question with what the finder found under it, best first; the first word says how sure it is."""
        if not passages:
            return question
        lines = [f"[{passage.unit.block}] {passage.text}" for passage in passages]
        return "\n".join((question, "", f"{confidence(passages)} passages:", *lines))

    def text(self, content: str) -> list[int]:
        """Ids of untrusted text: control tokens cannot come out of it."""
        encoded = self._tokenizer(content, add_special_tokens=False, split_special_tokens=True)
        return list(encoded["input_ids"])

    @cached_property
    def stop_id(self) -> int:
        """The token that ends an answer."""
        return self.answer_end[0]

    def _block_text(self, block: Block) -> list[int]:
        """No line of a block may look like the number of another."""
        return self.text(f" {_FORGED_NUMBER.sub(' ', block.text)}\n")

    def _control(self, content: str) -> list[int]:
        return list(self._tokenizer(content, add_special_tokens=False)["input_ids"])

    def _render(self, conversation: list[dict[str, str]], *, generate: bool) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                conversation, tokenize=False, add_generation_prompt=generate, enable_thinking=False
            )
        )
