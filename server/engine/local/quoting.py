"""Keeps quotations verbatim: after an opening quotation mark only words that stand on the page may follow.

`Vocabulary` knows each token's bytes, `PageIndex` a page's bytes and tokens, `QuoteGuard` one answer's state. The
guard works on bytes, so it holds for any tokenizer. When a quotation closes, a citation right after it may only
name its block.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from server.engine import PageTokens
from server.engine.local.lookup import Repeats
from server.engine.local.sampling import looping
from server.engine.local.vocabulary import MARK, Vocabulary

QUOTE_BYTES_MAX = 400
QUOTE_BYTES_MIN = 12  # a quotation of one short word says nothing; shorter only where the block ends
_WORD = re.compile(rb"(?:[0-9A-Za-z]|[\x80-\xff])+")

Place = tuple[int, int]  # block number, byte offset


@dataclass(frozen=True, slots=True)
class PageIndex:
    """What answers take from a page, made once while the page is read: its blocks as bytes, the places at which a
    word begins, and for prompt lookup its tokens.

    `spelled` holds, for each place, the tokens that the tokenizer itself would write there: those of the page, and
    those of a word that follows a quotation mark, without the space. A guard that allowed every split of a word
    would lead the model to spellings that it never saw.
    """

    blocks: dict[int, bytes]
    word_starts: tuple[Place, ...]
    spelled: dict[Place, frozenset[int]]
    openers: frozenset[int]
    repeats: Repeats

    @classmethod
    def build(cls, page: PageTokens, vocabulary: Vocabulary) -> "PageIndex":
        blocks: dict[int, bytes] = {}
        spelled: dict[Place, set[int]] = {}
        for n, (start, end) in page.spans.items():
            text = b"".join(vocabulary.bytes_of[token] for token in page.ids[start:end])
            blocks[n] = text.strip()
            at = len(text.lstrip()) - len(text)  # negative while the first token brings white space
            for token in page.ids[start:end]:
                spelled.setdefault((n, at), set()).add(token)
                at += len(vocabulary.bytes_of[token])
        starts = tuple((n, at) for n, text in blocks.items() for at in range(len(text)) if _begins_word(text, at))
        openers = _spell_first_words(blocks, starts, spelled, vocabulary)
        frozen = {place: frozenset(tokens - vocabulary.marked) for place, tokens in spelled.items()}
        return cls(blocks, starts, frozen, frozenset(openers), Repeats(page.ids))


def _spell_first_words(
    blocks: dict[int, bytes], starts: Iterable[Place], spelled: dict[Place, set[int]], vocabulary: Vocabulary
) -> set[int]:
    """Add the spelling of each word as it stands right after a quotation mark; returns the first tokens."""
    places: dict[bytes, list[Place]] = {}
    for n, at in starts:
        word = _WORD.match(blocks[n], at)
        assert word is not None  # noqa: S101 - a word begins here
        places.setdefault(word[0], []).append((n, at))
    words = [word.decode("utf-8", "ignore") for word in places]
    openers = set()
    for tokens, where in zip(vocabulary.encode_words(words), places.values(), strict=True):
        openers.update(tokens[:1])
        for n, at in where:
            for token in tokens:
                spelled.setdefault((n, at), set()).add(token)
                at += len(vocabulary.bytes_of[token])
    return openers


class QuoteGuard:
    """Follows one answer token by token. `allowed()` is None while any token may come."""

    def __init__(self, index: PageIndex, vocabulary: Vocabulary) -> None:
        self._index, self._vocabulary = index, vocabulary
        self._places: list[Place] | None = None  # where the open quotation may stand: (block, next byte)
        self._quoted = 0
        self._closed_in: int | None = None  # block of the quotation that closed just now
        self._citation = b""  # what is left to write of its `n]`
        self._answer: list[int] = []

    @property
    def banned(self) -> set[int]:
        """Tokens that may not come while `allowed()` is None: loops, and what would slip past the guard."""
        return looping(self._answer) | self._vocabulary.unguarded

    def allowed(self) -> Iterable[int] | None:
        if self._citation == b"]":
            return self._vocabulary.citation_ends
        if self._citation:
            return list(self._vocabulary.prefixes_of(self._citation))
        if self._places is None:
            return None
        if not self._quoted:
            return self._index.openers
        return self._continuations(self._places)

    @property
    def opened(self) -> bool:
        """A quotation was opened by the last token."""
        return self._places is not None and not self._quoted

    def skip(self, tokens: Iterable[int]) -> None:
        """The open quotation was finished with these tokens, its block number included: it needs no guarding."""
        self._answer += tokens
        self._places, self._closed_in, self._citation = None, None, b""

    def accept(self, token: int) -> None:
        """Follow the token that was chosen."""
        self._answer.append(token)
        text = self._vocabulary.bytes_of[token]
        if self._citation:
            self._citation = self._citation[len(text) :]
        elif self._places is not None:
            self._accept_quoted(text)
        elif text.endswith(MARK) and text.count(MARK) == 1:
            self._places, self._quoted, self._closed_in = list(self._index.word_starts), 0, None
        elif self._closed_in is not None and text.strip() and b"[".startswith(text.strip()):
            self._citation, self._closed_in = f"{self._closed_in}]".encode(), None
        elif text.strip(b" .,;:"):
            self._closed_in = None

    def _accept_quoted(self, text: bytes) -> None:
        assert self._places is not None  # noqa: S101 - the caller looked
        blocks = self._index.blocks
        head, mark, _ = text.partition(MARK)
        self._places = [(n, at + len(head)) for n, at in self._places if blocks[n].startswith(head, at)]
        self._quoted += len(head)
        if mark:
            self._closed_in = self._places[0][0] if self._places else None
            self._places = None

    def _continuations(self, places: list[Place]) -> set[int]:
        vocabulary = self._vocabulary
        allowed: set[int] = set()
        for n, at in places:
            block = self._index.blocks[n]
            if self._quoted >= QUOTE_BYTES_MIN or at >= len(block):
                allowed.update(
                    token
                    for token, head in vocabulary.closers
                    if block.startswith(head, at) and _ends_word(block, at + len(head))
                )
            if self._quoted < QUOTE_BYTES_MAX or not _ends_word(block, at):
                allowed.update(t for t in self._index.spelled.get((n, at), ()) if b"\n" not in vocabulary.bytes_of[t])
        return allowed or {token for token, head in vocabulary.closers if not head}


def _begins_word(text: bytes, at: int) -> bool:
    return _is_word(text[at]) and (at == 0 or not _is_word(text[at - 1]))


def _ends_word(text: bytes, at: int) -> bool:
    return at >= len(text) or (at > 0 and text[at - 1 : at] not in (b" ", b"\n") and not (
        _is_word(text[at]) and _is_word(text[at - 1])
    ))  # fmt: skip


def _is_word(byte: int) -> bool:
    return byte >= 0x80 or chr(byte).isalnum()
