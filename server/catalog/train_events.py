"""The lines that `python -m training train --progress json` prints, as the server reads them. Called by trainings.

Each line is one JSON object with an `event`; training/README.md has the list. What only a terminal shows is passed
over.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.errors import TrainError
from server.protocol.server import BeforeAfter, TrainFigures

_NAMES_A_FILE = re.compile(r"""(^|[\s'"(])(~?/|[A-Za-z]:\\)""")
_SENTENCE_CHARS_MAX = 500


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class Preparing(_Event):
    event: Literal["start", "memory"]


class EpochLoss(_Event):
    epoch: int = Field(ge=0)
    heldout_loss: float


class Resumed(_Event):
    """An unfinished run goes on after `step`; `epochs` are those that it has done, the first one before any step."""

    event: Literal["resumed"]
    step: int = Field(default=0, ge=0)
    of: int = Field(default=0, ge=0)
    epochs: list[EpochLoss] = Field(default=[], max_length=1_000)


class Epoch(EpochLoss):
    event: Literal["epoch"]
    of: int = Field(ge=1)


class Step(_Event):
    """`loss`: per answer token, in nats, on the step's examples."""

    event: Literal["step"]
    step: int = Field(ge=0)
    steps: int = Field(ge=1)
    loss: float


class Measuring(_Event):
    event: Literal["measuring"]


class Done(_Event):
    """The adapter was made and measured; `active` is its own report's verdict."""

    event: Literal["done"]
    active: bool
    reason: str = Field(max_length=_SENTENCE_CHARS_MAX)
    loss: BeforeAfter
    checks: BeforeAfter
    general_rise: float

    @property
    def figures(self) -> TrainFigures:
        return TrainFigures(loss=self.loss, checks=self.checks, general_rise=self.general_rise)


class Failed(_Event):
    event: Literal["error"]
    code: str = Field(max_length=64)
    message: str

    def why(self, copilot: str) -> str:
        """Its sentence for a client; where that could hold words of a page or a path, where to read it."""
        if self.code.startswith("data_"):
            return f"The examples cannot be used: `python -m training check {copilot}` says why."
        if len(self.message) > _SENTENCE_CHARS_MAX or _NAMES_A_FILE.search(self.message):
            return unexplained(copilot)
        return self.message


Event = Annotated[Preparing | Resumed | Epoch | Step | Measuring | Done | Failed, Field(discriminator="event")]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


async def events(stdout: asyncio.StreamReader) -> AsyncIterator[Event]:
    """What the child says, until it closes its pipe. Raises TrainError (`train_broken`), also for a line over the
    reader's limit."""
    try:
        while line := await stdout.readline():
            yield _EVENT.validate_json(line)
    except (ValidationError, ValueError) as error:
        raise TrainError(
            "The training said something that the server does not understand, so it was ended. Start it again.",
            code="train_broken",
        ) from error


def unexplained(copilot: str) -> str:
    return f"The training ended without a word: `retinue train {copilot} --own` in a terminal shows why."
