"""The frames of the socket: JSON text, one strict model each; the modules of this folder have them.
`make protocol` writes the TypeScript.

client: hello -> (challenge) -> proof -> (ready), then page.open, page.close, ask, panel.ask, cancel, resume,
        train.start, train.cancel, threads.list, threads.search, threads.delete,
        thread.open|rename|pin|delete|restore|export, turn.rate, corrections.list,
        correction.check|keep|change|delete, adapters.list, adapter.restore,
        copilot.get|check|save|delete|restore|export|import, document.put|remove, documents.open|draft|teach,
        pair.judge, engine.show|use|test|connect, base.offer|pull|cancel, doctor, ping
server: challenge, ready, error, page.reading, page.ready, run.start, run.passages, run.delta, run.quote, run.done,
        run.error, train.progress, train.report, threads.listed, threads.found, threads.changed, thread.opened,
        thread.exported, thread.done, corrections.listed, correction.checked|kept, corrections.changed, adapters.listed,
        teach.done, copilots, copilot.got|checked|saved|exported|done, documents.state|done,
        engine.state|changed|tested|done, base.offered|pulling, doctor.report, pong, going_away
Events of one run carry `seq` 0, 1, 2 … so that a client that reconnects can ask for what it missed. A training
belongs to the server: every client hears of it, and a new one hears its latest frame right after `ready`.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

VERSION = 2  # one more in each release whose frames an older client would not understand

PANEL_MIN, PANEL_MAX = 2, 5  # copilots that answer one question together

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CopilotId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(/[a-z0-9][a-z0-9-]{0,63})?$")]
ClientName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._()-]{0,63}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Frame(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )
