"""A panel: one question to several copilots -> one question for each of them. Called by session. Pure.

All of them are asked about the same page, so its reading serves them all, and the engine decodes them in one batch.
"""

from server.conversation.threads.record import new_thread
from server.errors import LimitExceeded
from server.protocol import PANEL_MAX, PANEL_MIN
from server.protocol.client import Ask, PanelAsk
from server.protocol.run import PanelPlace


def asks_of(panel: PanelAsk) -> list[Ask]:
    """In the order of its members. All of them go on the same thread, a new one where none is named.

    Raises LimitExceeded (`panel_too_few`, `panel_too_many`, `panel_doubled`).
    """
    _check(panel)
    thread = panel.thread or new_thread()
    return [
        Ask(
            type="ask", run=member.run, page=panel.page, copilot=member.copilot, question=panel.question,
            history=member.history, max_tokens=panel.max_tokens, thread=thread, private=panel.private,
            panel=PanelPlace(group=panel.group, place=place),
        )
        for place, member in enumerate(panel.members)
    ]  # fmt: skip


def _check(panel: PanelAsk) -> None:
    count = len(panel.members)
    if count < PANEL_MIN:
        raise LimitExceeded(f"A panel has at least {PANEL_MIN} copilots. Choose another one.", code="panel_too_few")
    if count > PANEL_MAX:
        raise LimitExceeded(f"A panel has at most {PANEL_MAX} copilots. Leave some out.", code="panel_too_many")
    if any(len(set(names)) < count for names in zip(*((one.run, one.copilot) for one in panel.members), strict=True)):
        raise LimitExceeded("A copilot stands in this panel twice. Choose each once.", code="panel_doubled")
