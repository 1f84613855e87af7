"""adapters/ and the user's own folder -> validated copilots. Called by app, session (through `get`), cli and training.

One bad folder never hides the others: it is listed as refused, with the reason. Knows files; tensors are checked by
the `check_adapter` that app passes in, so that this module never imports torch.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from server.catalog.adapter_files import check_files
from server.catalog.bases import FINDER
from server.engine import AdapterRef, BaseInfo
from server.errors import CopilotError, RetinueError
from server.text.checks import CHECKS

CheckAdapter = Callable[[Path, BaseInfo], AdapterRef]
_File = TypeVar("_File", bound="CategoryFile")
Mode = Literal["tuned", "general", "instructed", "base"]

GENERALIST = "generalist"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_DEVICE_NAMES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
GENERAL = "general"  # the folder of the general adapter: adapters/general/<base>
_NOT_CATEGORIES = frozenset({GENERAL, FINDER})
_TOML_BYTES_MAX = 64 * 1024


class CategoryFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, max_length=80)
    instructions: str = Field(default="", max_length=4_000)
    checks: list[str] = Field(default=[], max_length=32)

    @field_validator("checks")
    @classmethod
    def _known(cls, checks: list[str]) -> list[str]:
        unknown = [name for name in checks if name not in CHECKS]
        if unknown:
            raise ValueError(f"unknown check {unknown[0]}")
        return checks


class CopilotFile(CategoryFile):
    promise: str = Field(min_length=1, max_length=200)
    starters: list[str] = Field(default=[], max_length=8)
    hints: list[str] = Field(default=[], max_length=64)


@dataclass(frozen=True, slots=True)
class Copilot:
    """`refused` says why its adapter is not used; `usable` is False when not even its instructions could be read."""

    id: str
    name: str
    category: str
    category_name: str
    promise: str = ""
    instructions: str = ""
    starters: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    mode: Mode = "instructed"
    adapter: AdapterRef | None = None
    refused: str | None = None
    usable: bool = True


_GENERALIST = Copilot(
    id=GENERALIST,
    name="Generalist",
    category="general",
    category_name="General",
    promise="Answers from the page, with quotes.",
    starters=("What is this page about?", "List the key facts with quotes", "What does the page not say?"),
    checks=("quotes_verbatim", "cites_block"),
    mode="base",
)


class Copilots:
    """All copilots for one running base. `refresh` reads the folders again when a file in them changed."""

    def __init__(
        self,
        *,
        adapters_dir: Path,
        user_dir: Path,
        base: BaseInfo | None = None,
        check_adapter: CheckAdapter | None = None,
        adapter_bytes_max: int = 256 * 1024**2,
    ) -> None:
        self._roots = (adapters_dir, user_dir / "copilots")
        self._base = base
        self._check_adapter = check_adapter
        self._adapter_bytes_max = adapter_bytes_max
        self._signature: tuple[object, ...] | None = None
        self._all: dict[str, Copilot] = {}

    def refresh(self) -> None:
        signature = tuple(_stamps(self._roots))
        if signature != self._signature:
            generalist = self._read_generalist()
            found = (_with_general(copilot, generalist) for copilot in self._read_all())
            self._all = {copilot.id: copilot for copilot in [generalist, *found]}
            self._signature = signature

    def all(self) -> list[Copilot]:
        if self._signature is None:
            self.refresh()
        return list(self._all.values())

    def get(self, wanted: str) -> Copilot:
        """By id, or by the part after the slash when only one category has it. Raises CopilotError."""
        known = self.all()
        matches = [copilot for copilot in known if wanted in (copilot.id, copilot.id.rpartition("/")[2])]
        exact = [copilot for copilot in matches if copilot.id == wanted] or matches
        if not exact:
            raise CopilotError(f"There is no copilot {wanted!r}. `retinue copilots` lists them.")
        if len(exact) > 1:
            ids = " or ".join(copilot.id for copilot in exact)
            raise CopilotError(f"{wanted!r} can mean {ids}. Use the whole name.", code="copilot_ambiguous")
        if not exact[0].usable:
            raise CopilotError(exact[0].refused or "This copilot cannot be read.", code="copilot_refused")
        return exact[0]

    def _read_generalist(self) -> Copilot:
        """With the general adapter for the running base, where there is one. The user's own wins."""
        for root in reversed(self._roots):
            found = self._read_adapter(_GENERALIST, root / GENERAL)
            if found is not None:
                return found if found.adapter is None else replace(found, mode="general")
        return _GENERALIST

    def _read_all(self) -> Iterator[Copilot]:
        folders: dict[str, list[Path]] = {}  # the user's folder comes last and wins
        for root in self._roots:
            for folder in _copilot_folders(root):
                folders.setdefault(f"{folder.parent.name}/{folder.name}", []).append(folder)
        for copilot_id in sorted(folders):
            yield self._read(copilot_id, folders[copilot_id])

    def _read(self, copilot_id: str, folders: list[Path]) -> Copilot:
        category, _, short = copilot_id.partition("/")
        try:
            copilot = self._read_texts(copilot_id, folders)
        except CopilotError as error:
            return Copilot(copilot_id, short, category, category, refused=error.message, usable=False)
        for folder in reversed(folders):
            tuned = self._read_adapter(copilot, folder)
            if tuned is not None:
                return tuned
        return copilot

    def _read_texts(self, copilot_id: str, folders: list[Path]) -> Copilot:
        category, _, short = copilot_id.partition("/")
        check_name(category)
        check_name(short)
        files = [folder / "copilot.toml" for folder in folders if (folder / "copilot.toml").exists()]
        if not files:
            raise CopilotError(f"{copilot_id}: copilot.toml is missing.", code="copilot_refused")
        own = _parse(CopilotFile, files[-1], copilot_id)
        shared_files = [
            folder.parent / "category.toml" for folder in folders if (folder.parent / "category.toml").exists()
        ]
        shared = (
            _parse(CategoryFile, shared_files[-1], copilot_id) if shared_files else CategoryFile(name=category.title())
        )
        return Copilot(
            id=copilot_id,
            name=own.name,
            category=category,
            category_name=shared.name,
            promise=own.promise,
            instructions="\n".join(
                instructions.strip() for instructions in (shared.instructions, own.instructions) if instructions.strip()
            ),
            starters=tuple(own.starters),
            hints=tuple(own.hints),
            checks=tuple(dict.fromkeys([*shared.checks, *own.checks])),
        )

    def _read_adapter(self, copilot: Copilot, folder: Path) -> Copilot | None:
        """The copilot with the adapter for the running base, or with the reason for refusing it. None: it has none."""
        if self._base is None or self._check_adapter is None or not (folder / self._base.name).exists():
            return None
        adapter = folder / self._base.name
        try:
            check_files(adapter, bytes_max=self._adapter_bytes_max)
            found = self._check_adapter(adapter, self._base)
        except RetinueError as error:
            return replace(copilot, refused=error.message)
        except Exception as error:  # a broken adapter must not hide 150 good ones
            return replace(copilot, refused=f"The adapter cannot be read ({type(error).__name__}).")
        return replace(copilot, adapter=replace(found, id=copilot.id), mode="tuned")


def _with_general(copilot: Copilot, generalist: Copilot) -> Copilot:
    """A copilot without an adapter of its own answers with the general one, after its own instructions."""
    if copilot.adapter is not None or not copilot.usable or generalist.adapter is None:
        return copilot
    return replace(copilot, adapter=replace(generalist.adapter, id=copilot.id), mode="general")


def _copilot_folders(root: Path) -> Iterator[Path]:
    """Each <category>/<copilot> below the root, bad names and links included: `_read` refuses them with a reason."""
    if not root.is_dir():
        return
    for category in sorted(root.iterdir()):
        if category.name in _NOT_CATEGORIES or category.name.startswith(".") or not category.is_dir():
            continue
        for folder in sorted(category.iterdir()):
            if folder.is_dir() and not folder.name.startswith((".", "_")):
                yield folder


def check_name(name: str) -> None:
    """A category's or copilot's folder name. Raises CopilotError (`copilot_refused`)."""
    if not _NAME.fullmatch(name) or name in _DEVICE_NAMES:
        raise CopilotError(
            f"The folder name {name!r} is not allowed: use a to z, 0 to 9 and dashes.", code="copilot_refused"
        )


def _parse(model: type[_File], file: Path, copilot_id: str) -> _File:
    where = f"{copilot_id}: {file.name}"
    if file.is_symlink() or file.parent.is_symlink() or file.parent.parent.is_symlink():
        raise CopilotError(f"{where} is reached through a link; copy the folder instead.", code="copilot_refused")
    try:
        if file.stat().st_size > _TOML_BYTES_MAX:
            raise CopilotError(f"{where} is larger than {_TOML_BYTES_MAX // 1024} KiB.", code="copilot_refused")
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        if "norms" in content:  # its name in files of the first format
            raise CopilotError(f"{where}: rename `norms` to `instructions`.", code="copilot_refused")
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise CopilotError(
            f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}.", code="copilot_refused"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CopilotError(f"{where} cannot be read: it is no valid TOML in UTF-8.", code="copilot_refused") from error


def _stamps(roots: tuple[Path, ...]) -> Iterator[tuple[str, int, int]]:
    """Name, time and size of every file and folder that `refresh` depends on: <category>/<copilot>/<base>/<file>."""
    for root in roots:
        yield from _stamps_below(str(root), depth=4)


def _stamps_below(folder: str, *, depth: int) -> Iterator[tuple[str, int, int]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            stat = entry.stat()
        except OSError:
            continue
        yield entry.path, stat.st_mtime_ns, stat.st_size
        if depth > 1 and entry.is_dir():
            yield from _stamps_below(entry.path, depth=depth - 1)
