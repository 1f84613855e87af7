"""`retinue ask`: one question, about one file or none, over a server or an engine in this process. Called by cli.

Prints the answer as it comes; `--json` prints one object instead. Knows frames, not tensors.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from server.catalog.copilots import CheckAdapter, Copilots
from server.catalog.layout import whole_id
from server.compose import adapter_check, make_parts
from server.conversation.pages import Parts
from server.errors import LimitExceeded, RetinueError
from server.protocol.client import Ask, PageOpen
from server.protocol.engines import BaseCard
from server.protocol.run import PassageCard, Quote, RunDelta, RunDone, RunError, RunPassages, RunStart
from server.protocol.server import CopilotCard, Error, PageReading, PageReady
from server.settings import Settings
from server.terminal import cell, plain_json, say
from server.text.documents import Document
from server.transport.client import Link, LocalLink, connect_to_server

_PAGE, _RUN = "page", "run"
MakeParts = Callable[[Settings], tuple[Parts, CheckAdapter | None]]


@dataclass(frozen=True, slots=True)
class Answer:
    done: RunDone
    start: RunStart
    base: str
    passages: list[PassageCard]
    page: PageReady | None


def ask(
    settings: Settings,
    *,
    copilot: str,
    document: Document | None,
    question: str,
    console: Console,
    as_json: bool,
    make_parts: MakeParts,
) -> None:
    """Raises RetinueError. Ctrl-C ends it within one engine step."""
    frame = None if document is None else _page_frame(document, bytes_max=settings.frame_bytes_max)
    say = _Quiet() if as_json else _Terminal(console)
    answer = asyncio.run(_ask(settings, copilot, frame, question, say, make_parts))
    if as_json:
        console.file.write(plain_json(_as_object(answer)) + "\n")
    else:
        _print_quotes(answer, console)


def _page_frame(document: Document, *, bytes_max: int) -> PageOpen:
    frame = PageOpen(type="page.open", page=_PAGE, title=document.title, url=document.url, blocks=document.blocks)
    if len(frame.model_dump_json().encode()) > bytes_max:
        raise LimitExceeded("The page is too long. Cut the file to the part to ask about.", code="page_too_long")
    return frame


async def _ask(
    settings: Settings, copilot: str, page: PageOpen | None, question: str, say: "_Quiet", make_parts: MakeParts
) -> Answer:
    async with _link(settings, make_parts) as (link, base, cards):
        known = _find(copilot, cards)
        if page is not None:
            await link.send(page)
        name = page.page if page else None
        await link.send(Ask(type="ask", run=_RUN, page=name, copilot=known, question=question, private=True))
        start: RunStart | None = None
        page_read: PageReady | None = None
        passages: list[PassageCard] = []
        while True:
            frame = await link.receive()
            if isinstance(frame, RunError | Error):
                raise RetinueError(frame.message, code=frame.code, retry_after_ms=frame.retry_after_ms)
            if isinstance(frame, RunStart):
                start = frame
            if isinstance(frame, PageReady):
                page_read = frame
            if isinstance(frame, RunPassages):
                passages = frame.passages
            if isinstance(frame, RunDone) and start is not None:
                return Answer(frame, start, base.name, passages, page_read)
            say.handle(frame)


@contextlib.asynccontextmanager
async def _link(
    settings: Settings, make_parts: MakeParts
) -> AsyncIterator[tuple[Link, BaseCard, list[CopilotCard] | Copilots]]:
    async with connect_to_server(settings) as server:
        if server is not None:
            link, ready = server
            yield link, ready.base, ready.copilots
            return
    parts, check_adapter = await asyncio.to_thread(make_parts, settings)
    await parts.engine.start()
    try:
        info = parts.engine.info
        copilots = Copilots(
            adapters_dir=settings.adapters_dir,
            user_dir=settings.user_dir,
            base=info,
            check_adapter=check_adapter,
            plain=parts.engine.capabilities.adapters == "plain",
        )
        local = LocalLink(parts, copilots)
        try:
            yield (
                local,
                BaseCard(name=info.name, parameters=info.parameters, context_tokens=info.context_tokens),
                copilots,
            )
        finally:
            await local.close()
    finally:
        await parts.engine.stop()


def make_local_parts(settings: Settings) -> tuple[Parts, CheckAdapter | None]:
    """The real engine and tokenizer, fetched when they are not here yet. Slow: imports torch and transformers."""
    parts = make_parts(settings, say=lambda line: print(line, file=sys.stderr))
    return parts, adapter_check(parts.engine)


def _find(wanted: str, known: list[CopilotCard] | Copilots) -> str:
    """The whole id of a copilot given by its short name. Raises CopilotError."""
    if isinstance(known, Copilots):
        return known.get(wanted).id
    return whole_id(wanted, (card.id for card in known))


class _Quiet:
    """Says nothing on the way."""

    def handle(self, frame: object) -> None:
        """Nothing to do."""


class _Terminal(_Quiet):
    """Writes the answer as it comes; control characters of a page or a model never reach the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def handle(self, frame: object) -> None:
        if isinstance(frame, RunDelta):
            say(frame.text, console=self._console, end="")
        elif isinstance(frame, PageReady):
            self._say_of_the_page(frame)
        elif isinstance(frame, PageReading) and self._console.is_terminal:
            percent = 100 * frame.tokens_done // max(1, frame.tokens_total)
            self._console.print(f"\rReading the page … {percent} %", end="\n" if percent >= 100 else "", style="dim")

    def _say_of_the_page(self, frame: PageReady) -> None:
        if frame.blocks_read < frame.blocks_total:
            read = f"the first {frame.blocks_read} of {frame.blocks_total} blocks were read."
            note = read if frame.blocks_read else "only the beginning of its first block was read."
            self._console.print(Text(f"The page is long: {note}", style="yellow"))
        if frame.ordering:
            order = f"Block {frame.ordering[0]} of the page gives orders to AI programs."
            self._console.print(Text(f"{order} It is read as text; check the answer.", style="yellow"))


def _print_quotes(answer: Answer, console: Console) -> None:
    console.print()
    for quote in answer.done.quotes:
        mark, style = ("✓", "green") if quote.verified else ("✗ not on the page:", "red")
        where = f" [{quote.block}]" if quote.block else ""
        console.print(cell(f"{mark} “{quote.text}”{where}", style), soft_wrap=True)


def _as_object(answer: Answer) -> dict[str, object]:
    done = answer.done
    return {
        "answer": done.answer,
        "copilot": answer.start.copilot,
        "mode": answer.start.mode,
        "base": answer.base,
        "quotes": [_quote_object(quote) for quote in done.quotes],
        "passages": [passage.model_dump() for passage in answer.passages],
        "page": answer.page.model_dump(include={"blocks_read", "blocks_total"}) if answer.page else None,
        "usage": done.usage.model_dump(),
        "timings": done.timings.model_dump(),
    }


def _quote_object(quote: Quote) -> dict[str, object]:
    return {"block": quote.block, "text": quote.text, "verified": quote.verified}
