"""HTML and PDF -> title and texts, in a process of its own that may take so much time and memory and no more: a file of
some kilobytes can keep a parser busy for hours. Called by documents.
"""

import io
import multiprocessing
import signal
import time
from collections.abc import Callable
from html.parser import HTMLParser
from multiprocessing.connection import Connection
from typing import Any, Literal

from server.errors import LimitExceeded, PageError, RetinueError

MEMORY_BYTES_MAX = 4 * 1024**3  # of addresses, of which a parser and its libraries use few
_POLL_S = 0.2
_END_S_MAX = 2.0  # for a child that has said its last word
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
_INLINE = frozenset({"a", "b", "i", "em", "strong", "span", "code", "sup", "sub", "small", "mark", "abbr", "q"})

Kind = Literal["html", "pdf"]
Parsed = tuple[str, list[str]]  # title, texts in reading order
Tell = Callable[[int, int], None]


def parse_apart(kind: Kind, content: bytes | str, *, seconds_max: float, tell: Tell) -> Parsed:
    """Raises PageError (`page_unreadable`, `page_too_slow`), LimitExceeded (`page_too_long`)."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_work, args=(kind, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        ours.send(content)
        return _follow(ours, until=time.monotonic() + seconds_max, seconds_max=seconds_max, tell=tell)
    except (EOFError, OSError) as error:
        raise PageError("The file cannot be read; it may be damaged.", code="page_unreadable") from error
    finally:
        ours.close()
        child.join(_END_S_MAX)  # killed in the middle of its end, it would leave half-written files: those of coverage
        child.kill()
        child.join()


def _follow(pipe: Connection, *, until: float, seconds_max: float, tell: Tell) -> Parsed:
    while time.monotonic() < until:
        if not pipe.poll(_POLL_S):
            continue
        said: Any = pipe.recv()
        match said:
            case ("progress", int(done), int(total)):
                tell(done, total)
            case ("done", str(title), list(texts)):
                return title, texts
            case ("refused", code, message):
                raise (LimitExceeded if code == "page_too_long" else PageError)(message, code=code)
    raise PageError(
        f"Reading the file takes longer than {seconds_max:.0f} s. Save the part to ask about as text.",
        code="page_too_slow",
    )


def _work(kind: Kind, pipe: Connection) -> None:
    """The child: one document, then it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business, which kills this process
    _bound_memory()
    content = pipe.recv()
    try:
        if kind == "pdf":
            title, texts = _parse_pdf(content, tell=lambda done, total: pipe.send(("progress", done, total)))
        else:
            title, texts = _parse_html(content)
        pipe.send(("done", title, texts))
    except RetinueError as error:
        pipe.send(("refused", error.code, error.message))
    except MemoryError:
        pipe.send(("refused", "page_too_long", "Reading the file takes too much memory."))
    except Exception:  # a parser that fails on a damaged file, in whichever way
        pipe.send(("refused", "page_unreadable", f"The {kind.upper()} cannot be read; it may be damaged."))


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))


def _parse_html(html: str) -> Parsed:
    from trafilatura import bare_extraction

    found = bare_extraction(html, with_metadata=True, include_comments=False, favor_recall=True)
    title, text = (str(found.title or ""), found.text) if found is not None else ("", None)
    if text:
        return title, str(text).split("\n")
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


def _parse_pdf(content: bytes, *, tell: Tell) -> Parsed:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise PageError("The PDF is protected by a password.", code="page_unreadable")
    title = str(reader.metadata.title or "") if reader.metadata else ""
    texts = list[str]()
    for number, page in enumerate(reader.pages, start=1):
        texts.append(page.extract_text())
        tell(number, len(reader.pages))
    return title, texts
