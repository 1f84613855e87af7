"""The files of the user's own copilots: read, save, delete with undo, export, import. Called by desk, in threads.

One copilot is `<user_dir>/copilots/<category>/<copilot>/`; a deleted one lies beside it under a name that the catalogue
passes over until it is purged. A file is written whole or not at all. Knows no frames but the draft.
"""

import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Array

from server.catalog.copilot_files import (
    CATEGORY_FILE,
    COPILOT_FILE,
    CategoryFile,
    CopilotFile,
    ExportedFile,
    parse_file,
    read_category,
    read_file,
)
from server.catalog.layout import copilot_folders, split_id, user_root
from server.catalog.new_copilot import make_category
from server.catalog.own.drafts import choice_of
from server.catalog.own.papers import forget_pages
from server.errors import CopilotError
from server.files import SMALL_BYTES_MAX, read_regular_text, replace_file
from server.settings import Settings

_DELETED = ".deleted"


class Shelf:
    def __init__(self, settings: Settings) -> None:
        self._bundled, self._root = settings.adapters_dir, user_root(settings.user_dir)
        self._copilots_max = settings.own_copilots_max

    def owns(self, copilot_id: str) -> bool:
        return os.path.lexists(self._root / copilot_id / COPILOT_FILE)

    def shadows(self, copilot_id: str) -> bool:
        """A copilot that ships has this id."""
        return os.path.lexists(self._bundled / copilot_id / COPILOT_FILE)

    def read(self, copilot_id: str) -> tuple[CopilotFile, str | None]:
        """What its file says, and the token of the user's own; None for one that ships. Raises CopilotError."""
        split_id(copilot_id)
        if self.owns(copilot_id):
            text = self._text(copilot_id)
            return parse_file(CopilotFile, text, where=f"{copilot_id}: {COPILOT_FILE}"), _token(text)
        if not self.shadows(copilot_id):
            raise CopilotError(f"There is no copilot {copilot_id!r} any more.")
        file = self._bundled / copilot_id / COPILOT_FILE
        return read_file(CopilotFile, file, root=self._bundled, owner=copilot_id), None

    def category(self, copilot_id: str) -> CategoryFile:
        """What it inherits from its category; nothing where the id names none. Raises CopilotError."""
        try:
            category, _ = split_id(copilot_id)
        except CopilotError:
            return CategoryFile(name="-")
        return read_category(category, [self._bundled, self._root], owner=copilot_id)

    def save(self, copilot_id: str, content: CopilotFile, *, seen: str | None) -> str:
        """Returns the new token. Raises CopilotError (`copilot_edited` when what is there is not what was `seen`,
        `copilot_too_many`, `copilot_refused`), OSError.
        """
        folder = self.folder(copilot_id)
        former = self._text(copilot_id) if self.owns(copilot_id) else None
        if (None if former is None else _token(former)) != seen:
            raise CopilotError(
                "This copilot was changed or deleted elsewhere meanwhile. Open it again; what you wrote is still here.",
                code="copilot_edited",
            )
        if former is None and sum(1 for _ in copilot_folders(self._root)) >= self._copilots_max:
            raise CopilotError(f"{self._copilots_max} copilots are the most. Delete one.", code="copilot_too_many")
        text = _written(former or "", content)
        folder.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(self._bundled / folder.parent.name / CATEGORY_FILE):
            make_category(folder.parent)
        replace_file(folder / COPILOT_FILE, text)
        return _token(text)

    def delete(self, copilot_id: str) -> None:
        """Out of sight; `restore` brings it back until `purge`. Raises CopilotError (`copilot_unknown`), OSError."""
        folder = self.folder(copilot_id)
        if not self.owns(copilot_id):
            raise CopilotError(f"There is no copilot {copilot_id!r} of yours any more.")
        shutil.rmtree(_put_away(folder), ignore_errors=True)
        os.replace(folder, _put_away(folder))

    def restore(self, copilot_id: str) -> None:
        """Raises CopilotError (`copilot_unknown`, `copilot_exists`), OSError."""
        folder = self.folder(copilot_id)
        if not _put_away(folder).is_dir():
            raise CopilotError("It was deleted for good meanwhile.")
        if folder.exists():
            raise CopilotError("There is another copilot of this name now.", code="copilot_exists")
        os.replace(_put_away(folder), folder)

    def purge(self, copilot_id: str | None = None) -> None:
        """What was deleted, one copilot or all, is gone for good."""
        gone = [_put_away(self.folder(copilot_id))] if copilot_id else self._root.glob(f"*/.*{_DELETED}")
        for folder in list(gone):
            if not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)
                forget_pages(folder.parent)

    def exported(self, copilot_id: str) -> tuple[str, str]:
        """Name and text of a file that `imported` reads. Raises CopilotError."""
        content, _ = self.read(copilot_id)
        name = f"{copilot_id.rpartition('/')[2]}.copilot.toml"
        return name, _written("", ExportedFile(id=copilot_id, **content.model_dump()))

    def _text(self, copilot_id: str) -> str:
        file = self._root / copilot_id / COPILOT_FILE
        try:
            return read_regular_text(file, bytes_max=SMALL_BYTES_MAX, inside=self._root)
        except (OSError, ValueError) as error:
            raise CopilotError(f"{copilot_id}: {COPILOT_FILE} cannot be read.", code="copilot_refused") from error

    def folder(self, copilot_id: str) -> Path:
        """Raises CopilotError (`copilot_refused`) for a name that is none, and for a folder behind a link."""
        category, name = split_id(copilot_id)
        folder = self._root / category / name
        if folder.is_symlink() or folder.parent.is_symlink():
            raise CopilotError(f"{copilot_id}: its folder is a link. Copy the folder instead.", code="copilot_refused")
        return folder


def imported(text: str) -> tuple[str, CopilotFile]:
    """Id and content of an exported file. Raises CopilotError (`copilot_refused`)."""
    if len(text.encode(errors="replace")) > SMALL_BYTES_MAX:
        raise CopilotError(f"The file is larger than {SMALL_BYTES_MAX // 1024} KiB.", code="copilot_refused")
    read = parse_file(ExportedFile, text.removeprefix("\ufeff").replace("\r\n", "\n"), where="The file")
    split_id(read.id)
    return read.id, CopilotFile(**read.model_dump(exclude={"id"}))


def _put_away(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_DELETED}")


def _token(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _written(former: str, content: CopilotFile) -> str:
    """The content as TOML; comments of the former text stay. Raises CopilotError (`copilot_refused`)."""
    document = tomlkit.parse(former)
    wanted = dict(_values(content))
    for name in [name for name in document if name not in wanted and name != "icon"]:
        del document[name]
    for name, value in wanted.items():
        if name not in document or document[name] != value:
            document[name] = _item(name, value)
    text = tomlkit.dumps(document)
    read = tomllib.loads(text)
    if len(text.encode()) > SMALL_BYTES_MAX or any(read.get(name) != value for name, value in wanted.items()):
        raise CopilotError("This copilot has too much text for one file.", code="copilot_refused")
    return text


def _values(content: CopilotFile) -> Iterator[tuple[str, Any]]:
    if isinstance(content, ExportedFile):
        yield "id", content.id
    for name in ("name", "promise", "instructions", "starters", "hints"):
        yield name, getattr(content, name)
    choices = [choice_of(check) for check in content.checks]
    yield "checks", [{"check": one.check, **one.parameters} if one.parameters else one.check for one in choices]


def _item(name: str, value: Any) -> Any:
    if name == "instructions" and "\n" in value:
        return tomlkit.string(value, multiline=True)
    item = tomlkit.item(value)
    if isinstance(item, Array) and name != "hints":
        item.multiline(True)
    return item
