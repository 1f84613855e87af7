"""A file or standard input -> title and blocks, for `retinue ask --page`. HTML, Markdown, plain text and PDF.

Called by ask, and by the desk for documents for files that were sent. Reads local files only; nothing here opens a
connection. HTML and PDF are read by `parsing`, in a process of its own.
"""

import codecs
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from server.errors import LimitExceeded, PageError
from server.text.parsing import parse_apart

BLOCK_CHARS_MAX = 1_000  # of lines that follow each other without an empty one: a longer run becomes several blocks
_BYTES_MAX = 32 * 1024 * 1024
_LOOKED_AT_BYTES = 4_096  # for what says the character set
_PARAGRAPH = re.compile(r"\n[ \t]*\n+")
_HTML = re.compile(rb"<!doctype html|<html|<head|<body|<article|<!--|<div|<p\b|<h1", re.IGNORECASE)
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)\b[^>]{0,400}?(?:charset|encoding)\s{0,8}=\s{0,8}["']?([\w:.-]{1,40})""", re.IGNORECASE
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Name in a page -> what browsers read it as. Codecs that are no character sets (hex, punycode) are not in it.
_CHARSETS = {
    **dict.fromkeys(("utf-8", "utf8", "unicode-1-1-utf-8", "utf-16", "utf-16le", "utf-16be"), "utf-8"),
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii", "windows-1252", "cp1252"), "cp1252"),
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows-125{part}": f"cp125{part}" for part in (0, 1, 3, 4, 5, 6, 7, 8)},
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "x-gbk"), "gb18030"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "windows-949"), "cp949"),
    "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "windows-874": "cp874", "tis-620": "cp874", "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp", "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "koi8-r": "koi8_r",
    "koi8-u": "koi8_u", "macintosh": "mac_roman",
}  # fmt: skip

Tell = Callable[[int, int], None]  # pages done, pages in all


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    url: str
    blocks: list[str]


def read_document(source: str, *, seconds_max: float = 60.0, tell: Tell = lambda done, total: None) -> Document:
    """`-` is standard input; `tell` hears how far a PDF is read.

    Raises PageError (`page_missing`, `page_unreadable`, `page_too_slow`, `page_empty`) and LimitExceeded.
    """
    if source == "-":
        content, name = sys.stdin.buffer.read(_BYTES_MAX + 1), ""
    else:
        content, name = _read_file(Path(source)), Path(source).name
    return read_content(content, name, seconds_max=seconds_max, tell=tell)


def read_content(content: bytes, name: str, *, seconds_max: float, tell: Tell = lambda done, total: None) -> Document:
    """What a file of this name holds. Raises as `read_document`."""
    if len(content) > _BYTES_MAX:
        raise LimitExceeded(f"The file is larger than {_BYTES_MAX // 1024**2} MiB.", code="page_too_long")
    if content.startswith(b"%PDF"):
        title, texts = parse_apart("pdf", content, seconds_max=seconds_max, tell=tell)
        blocks = [block for text in texts for block in _PARAGRAPH.split(text)]
    elif _is_html(content, name):
        title, blocks = parse_apart("html", _decoded(content, name), seconds_max=seconds_max, tell=tell)
    else:
        title, blocks = _parse_text(_decoded(content, name).replace("\r\n", "\n"))
    blocks = [part for block in blocks for part in _in_lines(block) if part.strip()]
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


def _is_html(content: bytes, name: str) -> bool:
    suffix = Path(name).suffix.lower()
    if suffix in (".html", ".htm", ".xhtml"):
        return True
    return suffix in ("", ".txt") and _HTML.match(content[:_LOOKED_AT_BYTES].lstrip()) is not None


def _decoded(content: bytes, name: str) -> str:
    """By its byte order mark, else by what it declares, else UTF-8. Raises PageError (`page_unreadable`)."""
    charset = next((charset for mark, charset in _MARKS if content.startswith(mark)), None)
    if charset is None:
        declared = _DECLARED.search(content[:_LOOKED_AT_BYTES]) if _is_html(content, name) else None
        label = declared[1].decode("ascii", "replace").lower() if declared else "utf-8"
        charset = _CHARSETS.get(label)
        if charset is None:
            raise PageError(f"The page's character set {label!r} is not known here.", code="page_unreadable")
    try:
        return content.decode(charset).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise PageError(
            f"The file is no text in {charset.upper()}, as which it is read. Save it as UTF-8, or let an HTML page "
            "declare its character set.",
            code="page_unreadable",
        ) from None


def _parse_text(text: str) -> tuple[str, list[str]]:
    blocks = _PARAGRAPH.split(text)
    heading = blocks[0].strip()
    is_title = heading.startswith("# ") and "\n" not in heading
    return (heading[2:], blocks[1:] or blocks) if is_title else ("", blocks)


def _in_lines(block: str) -> Iterator[str]:
    """The block, or parts of its lines: a log or a list without empty lines is no single block."""
    part = ""
    for line in block.split("\n"):
        if part and len(part) + len(line) >= BLOCK_CHARS_MAX:
            yield part
            part = ""
        part = f"{part}\n{line}" if part else line
    yield part
