"""Answers the frames of teaching. Called by channel, which never waits for it.

Knows frames, the kept corrections and the versions of adapters. What comes from inside a web page is refused: the page
could have placed the click. Where a panel stands is the word of the extension's background, which no page can change.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from server.catalog import versions
from server.catalog.copilots import Copilot, Copilots
from server.catalog.layout import adapter_folder, user_root
from server.catalog.teaching.corrections import CorrectedPage, Correction, Corrections
from server.catalog.teaching.reports import Taught, read_report, read_taught
from server.conversation.desk_requests import Requests
from server.conversation.pages import OpenPage
from server.conversation.run import CHECKS_S_MAX
from server.conversation.teaching.judge import Judged, judge, refuse_unless_it_fits
from server.conversation.threads.address import normalised
from server.conversation.threads.keeper import Keeper
from server.errors import PageError, TeachError
from server.protocol import Frame
from server.protocol.teaching import (
    AdapterRestore,
    AdaptersList,
    AdaptersListed,
    AdapterVersion,
    CorrectionCard,
    CorrectionChange,
    CorrectionCheck,
    CorrectionChecked,
    CorrectionDelete,
    CorrectionKeep,
    CorrectionKept,
    CorrectionsChanged,
    CorrectionsList,
    CorrectionsListed,
    TeachDone,
    TeachRequest,
    TurnRate,
)
from server.protocol.threads import ThreadsChanged
from server.settings import Settings
from server.text.page import Page, read_page

_FAILED = TeachError("This failed inside the server. Try again.", code="teach_failed")
FindPage = Callable[[str], OpenPage]


class TeachDesk:
    """`changed` sends every client the copilots; `tell` sends it a frame."""

    def __init__(
        self, settings: Settings, copilots: Copilots, corrections: Corrections, *, keeper: Keeper | None,
        tell: Callable[[Frame], None], changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._settings, self._copilots, self._corrections, self._keeper = settings, copilots, corrections, keeper
        self._tell, self._changed = tell, changed
        self._requests = Requests("teaching", each_max=settings.kept_requests_max, failed=_FAILED)

    def receive(self, frame: TeachRequest, *, page: FindPage, client: str, reply: Callable[[Frame], None]) -> None:
        """`page` finds an open page of the client's."""
        self._requests.serve(frame, lambda: self._answer(frame, page), client=client, reply=reply)

    async def _answer(self, frame: TeachRequest, page: FindPage) -> Frame:
        refuse_in_page(frame.place)
        match frame:
            case TurnRate():
                return await self._rate(frame)
            case CorrectionsList():
                return await asyncio.to_thread(self._listed, frame)
            case CorrectionCheck():
                judged = await self._check(frame, page)
                return CorrectionChecked(
                    request=frame.request, fits=judged.fits, quotes=judged.quotes, checks=judged.checks
                )
            case CorrectionKeep():
                return self._kept(frame, await self._keep(frame, page))
            case CorrectionChange():
                return self._kept(frame, await self._change(frame))
            case CorrectionDelete():
                await asyncio.to_thread(self._corrections.remove, frame.copilot, frame.correction)
            case AdaptersList():
                return await asyncio.to_thread(self._adapters, frame)
            case AdapterRestore():
                await self._restore(frame)
        self._tell(CorrectionsChanged(copilot=frame.copilot))
        return TeachDone(request=frame.request)

    async def _rate(self, frame: TurnRate) -> TeachDone:
        if self._keeper is None:
            raise TeachError("No conversations are kept here, so no thumbs either.", code="teach_failed")
        await self._keeper.do(lambda store: store.rate(frame.thread, frame.run, frame.thumb))
        self._keeper.changed(ThreadsChanged(what="rated", thread=frame.thread))
        return TeachDone(request=frame.request)

    # --- corrections ----------------------------------------------------------------------------

    def _listed(self, frame: CorrectionsList) -> CorrectionsListed:
        found, used = self._corrections.of(frame.copilot), self._used(frame.copilot)
        cards = [card(one, used) for one in found]
        end = frame.skip + self._settings.kept_rows_max
        return CorrectionsListed(
            request=frame.request, copilot=frame.copilot, corrections=cards[frame.skip : end],
            next=end if end < len(cards) else None, total=len(cards),
            unused=sum(one.used == "no" for one in cards),
        )  # fmt: skip

    async def _check(self, frame: CorrectionCheck, page: FindPage) -> Judged:
        copilot = self._copilots.get(frame.copilot)
        if frame.correction is not None:
            kept = await asyncio.to_thread(self._corrections.get, copilot.id, frame.correction)
            return await self._judge(frame.corrected, await self._page_of(kept), kept.question, copilot)
        if frame.page is None:
            raise TeachError("A correction is about a page. Open one.", code="teach_page")
        return await self._judge(frame.corrected, await _laid_out(page(frame.page)), frame.question, copilot)

    async def _keep(self, frame: CorrectionKeep, find: FindPage) -> Correction:
        copilot, opened = self._copilots.get(frame.copilot), find(frame.page)
        if opened.facts.private and not frame.although_private:
            raise TeachError("This window is private: nothing is kept unless you say so.", code="teach_private")
        page = await _laid_out(opened)
        judged = await self._judge(frame.corrected, page, frame.question, copilot)
        refuse_unless_it_fits(judged.quotes)
        kept = CorrectedPage(title=page.title, address=normalised(page.url), blocks=blocks_of(page))
        return await asyncio.to_thread(
            lambda: self._corrections.add(
                copilot.id, kept, question=frame.question.strip(), answer=frame.answer,
                corrected=frame.corrected.strip(),
            )
        )  # fmt: skip

    async def _change(self, frame: CorrectionChange) -> Correction:
        copilot = self._copilots.get(frame.copilot)
        former = await asyncio.to_thread(self._corrections.get, copilot.id, frame.correction)
        judged = await self._judge(frame.corrected, await self._page_of(former), former.question, copilot)
        refuse_unless_it_fits(judged.quotes)
        return await asyncio.to_thread(
            lambda: self._corrections.change(copilot.id, former.id, corrected=frame.corrected.strip())
        )

    async def _judge(self, corrected: str, page: Page, question: str, copilot: Copilot) -> Judged:
        if not corrected.strip():
            raise TeachError("The corrected answer is empty.", code="teach_empty")
        try:
            async with asyncio.timeout(CHECKS_S_MAX):
                return await asyncio.to_thread(judge, corrected, page=page, question=question, copilot=copilot)
        except TimeoutError:
            raise TeachError("Checking this took too long. Shorten it.", code="teach_failed") from None

    async def _page_of(self, correction: Correction) -> Page:
        kept = await asyncio.to_thread(self._corrections.page_of, correction)
        chars_max = self._settings.page_chars_max
        return await asyncio.to_thread(read_page, title=kept.title, url="", blocks=kept.blocks, chars_max=chars_max)

    def _kept(self, frame: CorrectionKeep | CorrectionChange, made: Correction) -> CorrectionKept:
        self._tell(CorrectionsChanged(copilot=made.copilot))
        return CorrectionKept(request=frame.request, correction=card(made, {}))

    # --- adapters -------------------------------------------------------------------------------

    def _own(self, copilot: str) -> Path:
        return adapter_folder(user_root(self._settings.user_dir), copilot, self._copilots.base_name)

    def _used(self, copilot: str) -> dict[str, Taught]:
        return read_taught(self._own(copilot))

    def _adapters(self, frame: AdaptersList) -> AdaptersListed:
        copilot = self._copilots.get(frame.copilot)
        own = self._own(copilot.id)
        earlier = sorted(map(_version, versions.kept(own)), key=lambda one: one.made_ms or 0, reverse=True)
        shipped = AdapterVersion(id=versions.SHIPPED, in_use=not own.is_dir(), made_ms=None, report=None)
        now = [_version(own).model_copy(update={"id": "now", "in_use": True})] if own.is_dir() else []
        return AdaptersListed(request=frame.request, copilot=copilot.id, versions=[*now, *earlier, shipped])

    async def _restore(self, frame: AdapterRestore) -> None:
        own = self._own(self._copilots.get(frame.copilot).id)
        try:
            await asyncio.to_thread(versions.restore, own, frame.version)
        except OSError as error:
            raise TeachError(f"The version could not be put in use ({error.strerror}).", code="teach_failed") from error
        await asyncio.to_thread(self._copilots.refresh)
        self._changed()


def refuse_in_page(place: str) -> None:
    """Raises TeachError (`teach_in_page`)."""
    if place == "page":
        raise TeachError(
            "Teach in the side panel or in a tab: a web page could place this click.", code="teach_in_page"
        )


def card(one: Correction, used: dict[str, Taught]) -> CorrectionCard:
    """One that was changed since counts as not used."""
    taught = used.get(one.id)
    split = taught.split if taught is not None and taught.changed_ms == one.changed_ms else "no"
    fields = one.model_dump(exclude={"page"})
    return CorrectionCard(**fields, used=split)


def blocks_of(page: Page) -> list[str]:
    """Block n at place n - 1; those without text are empty."""
    texts = {block.n: block.text for block in page.blocks}
    return [texts.get(n, "") for n in range(1, max(texts) + 1)]


def _version(folder: Path) -> AdapterVersion:
    try:
        made_ms = int(folder.joinpath("lock.json").stat().st_mtime * 1000)
    except OSError:
        made_ms = None
    return AdapterVersion(id=folder.name, in_use=False, made_ms=made_ms, report=read_report(folder))


async def _laid_out(page: OpenPage) -> Page:
    """Raises PageError (`page_closed`), and what reading the page raised."""
    try:
        return await asyncio.shield(page.laid_out)
    except asyncio.CancelledError:
        await page.ready()  # raises why it could not be read
        raise PageError("The page was closed. Open it again.", code="page_closed") from None
