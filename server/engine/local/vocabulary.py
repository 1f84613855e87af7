"""The bytes of every token of a base's tokenizer, and the tokens that a quotation needs. Called by quoting and the
worker. Byte-level and sentencepiece spellings are both read.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

MARK = b'"'
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_TO_BYTE = {char: byte for byte, char in bytes_to_unicode().items()}


class Vocabulary:
    """The bytes of every token, and the tokens that a quotation needs."""

    def __init__(self, token_bytes: list[bytes], encode_words: Callable[[list[str]], list[list[int]]]) -> None:
        self.bytes_of = token_bytes
        self.encode_words = encode_words
        self.ids_of: dict[bytes, int] = {}
        for token, text in enumerate(token_bytes):
            self.ids_of.setdefault(text, token)
        self.longest = max(map(len, token_bytes))
        marked = [(token, text) for token, text in enumerate(token_bytes) if MARK in text]
        self.closers = [(token, text.split(MARK)[0]) for token, text in marked if _closes(text)]
        self.citation_ends = [token for token, text in enumerate(token_bytes) if _ends_citation(text)]
        # A mark that brings its own first letters (`"The`) or a second mark would slip past the guard.
        self.marked = frozenset(token for token, _ in marked)
        self.unguarded = frozenset(token for token, text in marked if text.count(MARK) > 1 or not text.endswith(MARK))

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """From a base model's tokenizer.json; byte-level and sentencepiece spellings are both read."""
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        vocabulary = tokenizer.get_vocab(with_added_tokens=True)
        special = {token for token, added in tokenizer.get_added_tokens_decoder().items() if added.special}
        spelled = _byte_level if _is_byte_level(tokenizer) else _sentencepiece
        table = [b""] * (max(vocabulary.values()) + 1)
        for spelling, token in vocabulary.items():
            if token not in special:
                table[token] = spelled(spelling)

        def encode(texts: list[str]) -> list[list[int]]:
            return [one.ids for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

        if spelled is _byte_level:
            return cls(table, encode)

        def encode_behind_mark(words: list[str]) -> list[list[int]]:
            return [made.after_mark(ids) for ids in encode([f'"{word}' for word in words])]

        made = cls(table, encode_behind_mark)
        pieces = {token for spelling, token in vocabulary.items() if not _BYTE.fullmatch(spelling)}
        made.ids_of |= {table[token]: token for token in sorted(pieces - special, reverse=True)}  # before single bytes
        return made

    def after_mark(self, ids: Sequence[int]) -> list[int]:
        """The tokens of a word from those of `"word`: a sentencepiece tokenizer begins every text with a space, which
        must not stand behind the mark.
        """
        said = b""
        for place, token in enumerate(ids):
            said = (said + self.bytes_of[token]).lstrip()
            if said == MARK:
                return list(ids[place + 1 :])
        return self._pieces(b"".join(self.bytes_of[token] for token in ids).lstrip().removeprefix(MARK))

    def _pieces(self, text: bytes) -> list[int]:
        """The longest tokens that write `text`, for a mark and a letter that the tokenizer writes as one."""
        found: list[int] = []
        while text:
            sizes = (size for size in range(min(self.longest, len(text)), 0, -1) if text[:size] in self.ids_of)
            size = next(sizes, 0)
            if not size:
                break
            found.append(self.ids_of[text[:size]])
            text = text[size:]
        return found

    def prefixes_of(self, text: bytes) -> Iterator[int]:
        """Tokens whose bytes begin `text`."""
        for size in range(1, min(self.longest, len(text)) + 1):
            token = self.ids_of.get(text[:size])
            if token is not None:
                yield token


def _closes(text: bytes) -> bool:
    head, _, rest = text.partition(MARK)
    return not head.endswith(b" ") and MARK not in rest and b"[" not in rest


def _ends_citation(text: bytes) -> bool:
    """`]` and what a tokenizer writes in one token with it: `],`."""
    return text.startswith(b"]") and MARK not in text and b"[" not in text


def _is_byte_level(tokenizer: Tokenizer) -> bool:
    """By what turns its tokens into text again: the spelling of a token does not tell."""
    part = tokenizer.decoder or tokenizer.pre_tokenizer
    state: Any = part.__getstate__() if part is not None else b""
    return b"ByteLevel" in state


def _byte_level(spelling: str) -> bytes:
    if all(char in _TO_BYTE for char in spelling):
        return bytes(_TO_BYTE[char] for char in spelling)
    return spelling.encode()  # a token that was added as it is written


def _sentencepiece(spelling: str) -> bytes:
    byte = _BYTE.fullmatch(spelling)
    return bytes.fromhex(byte[1]) if byte else spelling.replace("▁", " ").encode()
