"""A file or standard input -> title and blocks, for `retinue ask --page`. HTML, Markdown, plain text and PDF.

Called by ask. Reads local files only; nothing here opens a connection.
"""

import io
import re
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from server.errors import LimitExceeded, PageError

_BYTES_MAX = 32 * 1024 * 1024
_PARAGRAPH = re.compile(r"\n[ \t]*\n+")
_HTML = re.compile(rb"\s*(<!doctype html|<html|<head|<body|<article|<!--|<div|<p\b|<h1)", re.IGNORECASE)
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
_INLINE = frozenset({"a", "b", "i", "em", "strong", "span", "code", "sup", "sub", "small", "mark", "abbr", "q"})


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    url: str
    blocks: list[str]


def read_document(source: str) -> Document:
    """`-` is standard input. Raises PageError (`page_missing`, `page_unreadable`, `page_empty`) and LimitExceeded."""
    if source == "-":
        content, name = sys.stdin.buffer.read(_BYTES_MAX + 1), ""
    else:
        content, name = _read_file(Path(source)), Path(source).name
    if len(content) > _BYTES_MAX:
        raise LimitExceeded(f"The file is larger than {_BYTES_MAX // 1024**2} MiB.", code="page_too_long")
    title, blocks = _parse(content, name)
    blocks = [block for block in blocks if block.strip()]
    if not blocks:
        raise PageError("This page has no readable text.")
    return Document(title.strip()[:2_000] or name, name, blocks)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_BYTES_MAX + 1)
    except FileNotFoundError:
        raise PageError(f"There is no file {path}.", code="page_missing") from None
    except OSError as error:
        raise PageError(f"The file {path} cannot be read: {error.strerror}.", code="page_unreadable") from None


def _parse(content: bytes, name: str) -> tuple[str, list[str]]:
    suffix = Path(name).suffix.lower()
    if content.startswith(b"%PDF"):
        return _parse_pdf(content)
    if suffix in (".html", ".htm", ".xhtml") or (suffix in ("", ".txt") and _HTML.match(content)):
        return _parse_html(content)
    text = content.decode("utf-8", errors="replace").replace("\r\n", "\n")
    blocks = _PARAGRAPH.split(text)
    heading = blocks[0].strip()
    is_title = heading.startswith("# ") and "\n" not in heading
    return (heading[2:], blocks[1:] or blocks) if is_title else ("", blocks)


def _parse_html(content: bytes) -> tuple[str, list[str]]:
    from trafilatura import bare_extraction

    html = content.decode("utf-8", errors="replace")
    found = bare_extraction(html, with_metadata=True, include_comments=False, favor_recall=True)
    title, text = (str(found.title or ""), found.text) if found is not None else ("", None)
    if text:
        return title, text.split("\n")
    plain = _PlainText()  # for pages too small for trafilatura's rules; its html2txt puts all on one line
    plain.feed(html)
    return title, "".join(plain.texts).split("\n")


class _PlainText(HTMLParser):
    """All visible text, one line for each element."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in _UNSEEN
        self.texts.append("\n" if tag not in _INLINE else "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in _UNSEEN))
        self.texts.append("\n" if tag not in _INLINE else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data.replace("\n", " "))


def _parse_pdf(content: bytes) -> tuple[str, list[str]]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise PageError("The PDF is protected by a password.", code="page_unreadable")
        title = str(reader.metadata.title or "") if reader.metadata else ""
        texts = [page.extract_text() for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PageError("The PDF cannot be read; it may be damaged.", code="page_unreadable") from error
    return title, [block for text in texts for block in _PARAGRAPH.split(text)]
