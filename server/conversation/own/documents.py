"""Answers the frames about a copilot's documents: takes files, has pairs drafted while nobody asks, makes examples.

Called by channel, which never waits for it. One change is made at a time, in a thread; drafting is one task for the
whole server, and gives way to every answer.
"""

import asyncio
import base64
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from server.catalog.copilot_files import CopilotFile
from server.catalog.layout import split_id
from server.catalog.own import papers as files
from server.catalog.own.papers import Pair, Papers
from server.catalog.own.shelf import Shelf
from server.conversation.desk_requests import Requests
from server.conversation.own.drafting import Drafter, pair_id, sentences
from server.conversation.page_work import PageWork
from server.conversation.pages import Parts
from server.errors import Busy, CopilotError, LimitExceeded, RetinueError
from server.protocol import Frame
from server.protocol.documents import (
    DocumentCard,
    DocumentPut,
    DocumentRemove,
    DocumentsDone,
    DocumentsDraft,
    DocumentsOpen,
    DocumentsRequest,
    DocumentsState,
    DocumentsTeach,
    PairCard,
    PairJudge,
)
from server.protocol.server import Error
from server.text.checks import CheckSpec
from server.text.checks.form import HasForm
from server.text.checks.wording import MustEndWith
from server.text.documents import read_content
from server.text.finder import Finder
from server.text.page import Page
from server.text.units import Unit

_log = logging.getLogger(__name__)
_FAILED = CopilotError("This failed inside the server. Try again.", code="documents_failed")
_LOOK_AGAIN_S = 0.25
UPLOADS_MAX = 4  # files of one socket that are only half here
_UPLOADED_FILES_MAX = 4  # of the largest size, from all sockets together


@dataclass(frozen=True, slots=True)
class _Work:
    """A sentence to draft from: of which document, on which of its pages."""

    document: str
    place: int
    page: Page
    unit: Unit

    @property
    def name(self) -> str:
        return pair_id(self.document, self.place, self.unit)

    def pair(self, drafted: tuple[str, str]) -> Pair | None:
        """None when its quotation does not stand on the page."""
        question, answer = drafted
        if not files.proven(answer, self.page):
            return None
        return Pair(
            id=self.name,
            document=self.document,
            place=self.place,
            unit=self.unit.text,
            question=question,
            answer=answer,
        )


class DocumentsDesk:
    """`tell` reaches every client; `changed` sends them the copilots."""

    def __init__(self, parts: Parts, *, tell: Callable[[Frame], None], changed: Callable[[], None]) -> None:
        self._parts, self._settings, self._shelf = parts, parts.settings, Shelf(parts.settings)
        self._tell, self._changed = tell, changed
        self._one_at_a_time = asyncio.Lock()
        self._requests = Requests("documents", each_max=self._settings.own_requests_max, failed=_FAILED)
        self._uploads: dict[tuple[int, str, str], list[bytes]] = {}
        self._reading = PageWork("read-document", threads=2)
        self._drafting: tuple[str, asyncio.Task[None]] | None = None
        self._way = (0, 0)

    def receive(self, frame: DocumentsRequest, *, client: str, socket: int, reply: Callable[[Frame], None]) -> None:
        """`socket` tells which parts of a file belong together."""
        self._requests.serve(frame, lambda: self._answer(frame, socket), client=client, reply=reply)

    async def adopt(self, parts: Parts) -> None:
        """Another base runs. Drafting stops: what it has is kept, and the user may go on with the new one."""
        self._parts = parts
        if self._drafting is not None:
            await self._stop(self._drafting[1])

    def leave(self, socket: int) -> None:
        """Half a file of a socket that is closed is forgotten."""
        for upload in [upload for upload in self._uploads if upload[0] == socket]:
            del self._uploads[upload]

    async def close(self) -> None:
        if self._drafting is not None:
            await self._stop(self._drafting[1])
        await self._requests.close()

    async def _answer(self, frame: DocumentsRequest, socket: int) -> Frame:
        folder, _ = await asyncio.to_thread(self._folder, frame.copilot)
        match frame:
            case DocumentsOpen():
                return self._state(frame.copilot, await asyncio.to_thread(files.read, folder), request=frame.request)
            case DocumentPut():
                await self._take(frame, socket, folder)
            case DocumentRemove():
                await self._change(frame.copilot, lambda papers: files.remove(papers, frame.document))
            case PairJudge():
                said = {"question": frame.question, "answer": frame.answer}
                await self._change(frame.copilot, lambda papers: files.judge(papers, frame.pair, frame.verdict, **said))
            case DocumentsDraft():
                await self._switch(frame)
            case DocumentsTeach():
                return await self._teach(frame, folder)
        return DocumentsDone(request=frame.request)

    def _folder(self, copilot: str) -> tuple[Path, CopilotFile]:
        """Raises CopilotError (`documents_no_copilot`)."""
        split_id(copilot)
        if not self._shelf.owns(copilot):
            raise CopilotError(
                "Save the copilot first: only your own learn from documents.", code="documents_no_copilot"
            )
        return self._shelf.folder(copilot), self._shelf.read(copilot)[0]

    async def _take(self, frame: DocumentPut, socket: int, folder: Path) -> None:
        """Raises LimitExceeded, CopilotError (`document_parts`), PageError."""
        key = (socket, frame.copilot, frame.name)
        parts = self._uploads.setdefault(key, [])
        if frame.part == 0:
            parts.clear()
        own = sum(1 for upload in self._uploads if upload[0] == socket)
        if frame.part != len(parts) or frame.part >= frame.parts or own > UPLOADS_MAX:
            del self._uploads[key]
            raise CopilotError("The parts of this file do not follow each other. Send it again.", code="document_parts")
        try:
            parts.append(base64.b64decode(frame.data, validate=True))
        except ValueError:
            del self._uploads[key]
            raise CopilotError("This part of the file is no base64.", code="document_parts") from None
        most = self._settings.document_bytes_max
        if sum(map(len, parts)) > most:
            del self._uploads[key]
            raise LimitExceeded(f"A file may have {most // 1024**2} MiB.", code="document_too_large")
        self._make_room()
        if frame.part < frame.parts - 1:
            return
        content = b"".join(self._uploads.pop(key))
        name = Path(frame.name.replace("\\", "/")).name  # the name alone: nothing is opened by it
        seconds = self._settings.document_s_max
        read = partial(read_content, content, name, seconds_max=seconds)
        document = await self._reading.do(str(socket), read)
        await self._change(frame.copilot, lambda papers: files.add(papers, document))

    def _make_room(self) -> None:
        """Half files of all sockets have bounded room: where it is not enough, those of whoever holds most are
        forgotten, and the next part of such a file is refused.
        """
        held: dict[int, int] = {}
        for (socket, _, _), parts in self._uploads.items():
            held[socket] = held.get(socket, 0) + sum(map(len, parts))
        if sum(held.values()) > _UPLOADED_FILES_MAX * self._settings.document_bytes_max:
            self.leave(max(held, key=held.__getitem__))

    async def _change(self, copilot: str, change: Callable[[Papers], None]) -> None:
        """Read, change, write and tell, one after the other."""
        async with self._one_at_a_time:
            papers = await asyncio.to_thread(self._changed_papers, copilot, change)
        self._tell(self._state(copilot, papers))

    def _changed_papers(self, copilot: str, change: Callable[[Papers], None]) -> Papers:
        folder, _ = self._folder(copilot)
        papers = files.read(folder)
        change(papers)
        files.write(folder, papers)
        return papers

    async def _teach(self, frame: DocumentsTeach, folder: Path) -> DocumentsDone:
        async with self._one_at_a_time:
            papers = await asyncio.to_thread(files.read, folder)
            train, heldout = await asyncio.to_thread(files.teach, folder, papers)
        self._changed()
        return DocumentsDone(request=frame.request, train=train, heldout=heldout)

    # --- drafting

    async def _switch(self, frame: DocumentsDraft) -> None:
        """Raises Busy while it is done for another copilot."""
        if self._drafting is not None:
            running, task = self._drafting
            if not frame.on and running == frame.copilot:
                await self._stop(task)
            elif frame.on and running != frame.copilot:
                raise Busy("Drafts are being made for another copilot. Stop that first.")
            return
        if frame.on:
            self._drafting = (frame.copilot, asyncio.create_task(self._draft(frame.copilot)))

    @staticmethod
    async def _stop(task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _draft(self, copilot: str) -> None:
        try:
            await self._draft_all(copilot)
        except RetinueError as error:
            self._tell(Error(code=error.code, message=error.message))
        except Exception as error:  # the text of the error may hold a document's
            _log.error("drafting failed error=%s", type(error).__name__)
        finally:
            self._drafting, self._way = None, (0, 0)
            self._requests.start(self._change(copilot, lambda papers: None))

    async def _draft_all(self, copilot: str) -> None:
        folder, content = await asyncio.to_thread(self._folder, copilot)
        papers = await asyncio.to_thread(files.read, folder)
        known = {pair.id for pair in papers.pairs}
        pages = [(paper.id, place, page.page) for paper in papers.papers for place, page in enumerate(paper.pages)]
        work = [_Work(*page, unit) for page in pages for unit in sentences(page[2])]
        work = [one for one in work if one.name not in known][: max(0, files.PAIRS_MAX - len(papers.pairs))]
        asked = [pair.question for pair in papers.pairs]
        async with Drafter(self._parts, closing=_closing(content.checks)) as drafter:
            finders: dict[Page, Finder] = {}
            for done, one in enumerate(work):
                self._way = (done, len(work))
                if one.page not in finders:  # they come page by page: only the last one's is kept
                    finders = {one.page: await asyncio.to_thread(self._found_in, one.page)}
                await self._until_idle()
                drafted = await drafter.draft(one.unit, finders[one.page], asked=asked)
                pair = one.pair(drafted) if drafted is not None else None
                asked += [pair.question] if pair else []
                await self._change(copilot, partial(_added, pair=pair))

    def _found_in(self, page: Page) -> Finder:
        finder = Finder(page)
        if self._parts.encoder is not None:
            finder.encode(self._parts.encoder)
        return finder

    async def _until_idle(self) -> None:
        """Answers come first."""
        while self._parts.engine.stats().get("rows_running", 0):  # noqa: ASYNC110 - the engine has no event for it
            await asyncio.sleep(_LOOK_AGAIN_S)

    def _state(self, copilot: str, papers: Papers, *, request: str | None = None) -> DocumentsState:
        drafting = self._drafting is not None and self._drafting[0] == copilot
        done, total = self._way if drafting else (0, 0)
        return DocumentsState(
            request=request, copilot=copilot, drafting=drafting, done=done, total=total,
            documents=[DocumentCard(id=one.id, name=one.name, pages=len(one.pages)) for one in papers.papers],
            pairs=[
                PairCard(
                    id=one.id, document=one.document, question=one.question, answer=one.answer, verdict=one.verdict
                )
                for one in papers.pairs
            ],
        )  # fmt: skip


def _added(papers: Papers, pair: Pair | None) -> None:
    """Unless its document was removed meanwhile."""
    if pair is not None and any(paper.id == pair.document for paper in papers.papers):
        papers.pairs.append(pair)


def _closing(checks: Sequence[CheckSpec]) -> str:
    """The line that every answer of the copilot ends with."""
    lines = [check.text for check in checks if isinstance(check, MustEndWith)]
    lines += [check.closing for check in checks if isinstance(check, HasForm)]
    return next((line for line in lines if line), "")
