"""The frames of the user's own copilots: get, check, save, delete, restore, export, import, and what comes back.

`request` is the client's name for what it asked; the answer, also an `error`, carries it. What is saved or deleted is
told to every client by `copilots`. Nothing is written by `copilot.import`: it only reads the file.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.protocol import Frame, Name

FILE_CHARS_MAX = 64 * 1024  # of an exported copilot
DRAFT_CHARS_MAX = 16_000  # of each text of a draft: what is longer is no draft, what is shorter is told its own limit

OwnId = Annotated[str, Field(max_length=200)]  # what is wrong with it is told as a fault of the field
DraftText = Annotated[str, Field(max_length=DRAFT_CHARS_MAX)]
Parameter = bool | int | float | DraftText | list[DraftText] | dict[Name, int]


class CheckChoice(Frame):
    """A check by its name, with its parameters: docs/checks.md lists them."""

    check: Annotated[str, Field(max_length=64)]
    parameters: dict[Name, Parameter] = Field(max_length=8)


class CopilotDraft(Frame):
    """A copilot as its user writes it. `copilot` is `category/name`: lower-case letters, digits and dashes."""

    copilot: OwnId
    name: DraftText
    promise: DraftText
    instructions: DraftText
    starters: list[DraftText] = Field(max_length=64)
    hints: list[DraftText] = Field(max_length=256)
    checks: list[CheckChoice] = Field(max_length=64)


class CopilotGet(Frame):
    """The definition of a copilot, the user's own or one that ships."""

    type: Literal["copilot.get"]
    request: Name
    copilot: OwnId


class CopilotCheck(Frame):
    """What would be said of this draft if it were saved. Nothing is written."""

    type: Literal["copilot.check"]
    request: Name
    draft: CopilotDraft


class CopilotSave(Frame):
    """`seen`: the token of the version that was edited, null for a new one. Where another is there now, the answer is
    the error `copilot_edited`, and nothing is written."""

    type: Literal["copilot.save"]
    request: Name
    draft: CopilotDraft
    seen: Name | None = None


class CopilotDelete(Frame):
    """Also its examples and its adapter. For some seconds `copilot.restore` brings it back."""

    type: Literal["copilot.delete"]
    request: Name
    copilot: OwnId


class CopilotRestore(Frame):
    type: Literal["copilot.restore"]
    request: Name
    copilot: OwnId


class CopilotExport(Frame):
    type: Literal["copilot.export"]
    request: Name
    copilot: OwnId


class CopilotImport(Frame):
    """Reads an exported file. The answer is `copilot.got`; saving is another step."""

    type: Literal["copilot.import"]
    request: Name
    text: Annotated[str, Field(max_length=FILE_CHARS_MAX)]


CopilotRequest = (
    CopilotGet | CopilotCheck | CopilotSave | CopilotDelete | CopilotRestore | CopilotExport | CopilotImport
)


class DraftFault(Frame):
    """`field`: of the draft, with the place in a list: `starters.2`, `checks.0.text`."""

    field: str
    code: str
    message: str


class DraftState(Frame):
    """What the server says of a draft. `tokens`: of all instructions, those of the category included. `shadows`: a
    copilot that ships has this id, and the user's own takes its place. `exists`: the user has one of this id."""

    faults: list[DraftFault]
    tokens: int
    tokens_max: int
    shadows: bool
    exists: bool
    inherited_instructions: str
    inherited_checks: list[str]


class CopilotGot(Frame):
    """`seen` is the token of the user's own version, null where there is none."""

    type: Literal["copilot.got"] = "copilot.got"
    request: str
    draft: CopilotDraft
    seen: str | None
    state: DraftState


class CopilotChecked(Frame):
    """What `copilot.check` found."""

    type: Literal["copilot.checked"] = "copilot.checked"
    request: str
    state: DraftState


class CopilotSaved(Frame):
    """It is on the disk, and answers from now on."""

    type: Literal["copilot.saved"] = "copilot.saved"
    request: str
    copilot: str
    seen: str
    shadows: bool


class CopilotExported(Frame):
    """A file to save."""

    type: Literal["copilot.exported"] = "copilot.exported"
    request: str
    name: str
    text: str


class CopilotDone(Frame):
    """It is deleted, or back."""

    type: Literal["copilot.done"] = "copilot.done"
    request: str
    copilot: str


OwnFrame = CopilotGot | CopilotChecked | CopilotSaved | CopilotExported | CopilotDone
