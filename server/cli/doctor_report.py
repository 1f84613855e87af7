"""What `retinue doctor --json` prints and the sidebar's self-test shows. Called by cli; checks nothing
itself.

Explained in docs/guides/when-something-is-wrong.md.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server import __version__
from server.cli.doctor import Finding, examine
from server.protocol.server import DoctorLine
from server.settings import Settings


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str = Field(min_length=1)
    code: str = Field(pattern="^[a-z][a-z0-9_]*$")
    found: str
    fix: str


class Report(BaseModel):
    """`version` steps when a field changes its meaning or goes; new codes do not step it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    retinue: str = __version__
    ok: bool
    lines: tuple[Line, ...]


def report_of(findings: Iterable[Finding]) -> Report:
    lines = tuple(Line(what=one.what, code=one.code, found=one.found, fix=one.fix) for one in findings)
    return Report(ok=all(line.code == "ok" for line in lines), lines=lines)


def lines_for_sidebar(settings: Settings) -> list[DoctorLine]:
    """Without `found`, which names folders: the sidebar has words of its own for what is in order."""
    return [DoctorLine(what=one.what, code=one.code, fix=one.fix) for one in examine(settings)]
