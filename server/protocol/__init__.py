"""The frames of the socket: JSON text, one strict model each; `client`, `server` and `run` have them. `make protocol`
writes the TypeScript.

client: hello -> (challenge) -> proof -> (ready), then page.open, page.close, ask, cancel, resume, train.start,
        train.cancel, ping
server: challenge, ready, error, page.reading, page.ready, run.start, run.passages, run.delta, run.quote, run.done,
        run.error, train.progress, train.report, copilots, pong, going_away
Events of one run carry `seq` 0, 1, 2 … so that a client that reconnects can ask for what it missed. A training
belongs to the server: every client hears of it, and a new one hears its latest frame right after `ready`.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

VERSION = 2  # one more in each release whose frames an older client would not understand

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CopilotId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(/[a-z0-9][a-z0-9-]{0,63})?$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Frame(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )
