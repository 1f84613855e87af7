"""Answers the frames about the user's own copilots. Called by channel, which never waits for it.

Knows frames and the shelf; one change is made at a time, in a thread. `changed` tells every client of the new list.
"""

import asyncio
from collections.abc import Callable

from server.catalog.copilot_files import CategoryFile, CopilotFile
from server.catalog.copilots import Copilot, Copilots
from server.catalog.own.drafts import content_of, draft_of, faults, instructions, refusal
from server.catalog.own.shelf import Shelf, imported
from server.conversation.desk_requests import Requests
from server.errors import CopilotError
from server.protocol import Frame
from server.protocol.copilots import (
    CopilotCheck,
    CopilotChecked,
    CopilotDelete,
    CopilotDone,
    CopilotDraft,
    CopilotExport,
    CopilotExported,
    CopilotGet,
    CopilotGot,
    CopilotImport,
    CopilotRequest,
    CopilotRestore,
    CopilotSave,
    CopilotSaved,
    DraftState,
)
from server.settings import Settings
from server.text.prompt import PromptLayout

_FAILED = CopilotError("This failed inside the server. Try again.", code="copilot_failed")


class OwnDesk:
    """`in_training` names the copilot whose adapter is being made, if there is one."""

    def __init__(
        self, settings: Settings, copilots: Copilots, layout: PromptLayout, *,
        changed: Callable[[], None], in_training: Callable[[], str | None],
    ) -> None:  # fmt: skip
        self._settings, self._copilots, self._layout = settings, copilots, layout
        self._shelf = Shelf(settings)
        self._changed, self._in_training = changed, in_training
        self._one_at_a_time = asyncio.Lock()
        self._requests = Requests("own copilots", each_max=settings.own_requests_max, failed=_FAILED)

    def adopt(self, layout: PromptLayout) -> None:
        """Another base runs: its tokens are counted from now on."""
        self._layout = layout

    def receive(self, frame: CopilotRequest, *, client: str, reply: Callable[[Frame], None]) -> None:
        self._requests.serve(frame, lambda: self._in_turn(frame), client=client, reply=reply)

    def tried(self, draft: CopilotDraft) -> Copilot:
        """The copilot that this draft would be. Slow. Raises CopilotError with the field that is to blame."""
        shared = self._shelf.category(draft.copilot)
        found = self._state(draft, shared).faults
        if found:
            raise refusal(found[0])
        return self._copilots.tried(draft.copilot, content_of(draft))

    async def idle(self) -> None:
        """Wait until everything is done that was asked for, deletions for good included."""
        await self._requests.idle()

    async def close(self) -> None:
        """Nobody can bring back what was deleted any more."""
        await self._requests.close()
        await asyncio.to_thread(self.purge)

    def purge(self) -> None:
        """What was deleted and not brought back is gone for good: at the start, after a kill."""
        self._shelf.purge()

    async def _in_turn(self, frame: CopilotRequest) -> Frame:
        async with self._one_at_a_time:
            return await self._answer(frame)

    async def _answer(self, frame: CopilotRequest) -> Frame:
        match frame:
            case CopilotGet():
                return await asyncio.to_thread(self._got, frame)
            case CopilotCheck():
                return CopilotChecked(request=frame.request, state=await asyncio.to_thread(self._judged, frame.draft))
            case CopilotExport():
                name, text = await asyncio.to_thread(self._shelf.exported, frame.copilot)
                return CopilotExported(request=frame.request, name=name, text=text)
            case CopilotImport():
                return await asyncio.to_thread(self._read_import, frame)
            case CopilotSave() | CopilotDelete() | CopilotRestore():
                return await self._change(frame)

    async def _change(self, frame: CopilotSave | CopilotDelete | CopilotRestore) -> Frame:
        answer: Frame
        match frame:
            case CopilotSave():
                answer = await asyncio.to_thread(self._saved, frame)
            case CopilotDelete():
                if self._in_training() == frame.copilot:
                    raise CopilotError("It is being trained. Cancel that first.", code="copilot_busy")
                await asyncio.to_thread(self._shelf.delete, frame.copilot)
                self._requests.start(self._purge_later(frame.copilot))
                answer = CopilotDone(request=frame.request, copilot=frame.copilot)
            case CopilotRestore():
                await asyncio.to_thread(self._shelf.restore, frame.copilot)
                answer = CopilotDone(request=frame.request, copilot=frame.copilot)
        await asyncio.to_thread(self._copilots.refresh)
        self._changed()
        return answer

    async def _purge_later(self, copilot: str) -> None:
        await asyncio.sleep(self._settings.own_undo_s)
        async with self._one_at_a_time:
            await asyncio.to_thread(self._shelf.purge, copilot)

    def _got(self, frame: CopilotGet) -> CopilotGot:
        content, seen = self._shelf.read(frame.copilot)
        return self._shown(frame.request, frame.copilot, content, seen)

    def _read_import(self, frame: CopilotImport) -> CopilotGot:
        copilot_id, content = imported(frame.text)
        seen = self._shelf.read(copilot_id)[1] if self._shelf.owns(copilot_id) else None
        return self._shown(frame.request, copilot_id, content, seen)

    def _shown(self, request: str, copilot_id: str, content: CopilotFile, seen: str | None) -> CopilotGot:
        draft = draft_of(copilot_id, content)
        return CopilotGot(request=request, draft=draft, seen=seen, state=self._judged(draft))

    def _saved(self, frame: CopilotSave) -> CopilotSaved:
        draft = frame.draft
        found = self._judged(draft).faults
        if found:
            raise refusal(found[0])
        seen = self._shelf.save(draft.copilot, content_of(draft), seen=frame.seen)
        shadows = self._shelf.shadows(draft.copilot)
        return CopilotSaved(request=frame.request, copilot=draft.copilot, seen=seen, shadows=shadows)

    def _judged(self, draft: CopilotDraft) -> DraftState:
        return self._state(draft, self._shelf.category(draft.copilot))

    def _state(self, draft: CopilotDraft, shared: CategoryFile) -> DraftState:
        tokens_max = self._settings.instructions_tokens_max
        found = faults(draft, shared, count=self._count, tokens_max=tokens_max)
        nameable = not any(fault.field == "copilot" for fault in found)
        return DraftState(
            faults=found, tokens=self._count(instructions(draft, shared)), tokens_max=tokens_max,
            shadows=nameable and self._shelf.shadows(draft.copilot),
            exists=nameable and self._shelf.owns(draft.copilot),
            inherited_instructions=shared.instructions.strip(),
            inherited_checks=[check.label for check in shared.checks],
        )  # fmt: skip

    def _count(self, text: str) -> int:
        return len(self._layout.text(text))


def placeholder(draft: CopilotDraft) -> Copilot:
    """Stands for a draft until `tried` has looked at it."""
    category = draft.copilot.partition("/")[0]
    return Copilot(draft.copilot, draft.name, category, category)
