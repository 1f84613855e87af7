"""The user's corrections on the disk: a small file each, and each page's text once. Called by the desk of teaching,
trainings, and the training program. Knows no frames and no checks.

<user_dir>/teaching/corrections/<copilot's id>/<id>.json   question, answer, what it should have been
<user_dir>/teaching/pages/<sha256>.json                    a page's title, address and blocks
"""

import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import LimitExceeded, TeachError
from server.files import TEXT_BYTES_MAX, read_regular, replace_file

_log = logging.getLogger(__name__)
_PRIVATE = 0o600
_CORRECTION_BYTES_MAX = 512 * 1024


class CorrectedPage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: str = Field(max_length=2_000)
    address: str = Field(max_length=8_000)
    blocks: list[str]


class Correction(BaseModel):
    """`answer` is what the copilot wrote, `corrected` what it should have written; `page` names the page's file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    copilot: str
    page: str = Field(pattern=r"^[0-9a-f]{64}$")
    title: str
    address: str
    question: str
    answer: str
    corrected: str
    made_ms: int
    changed_ms: int


class Corrections:
    """Safe to use from several threads. Nothing is made on the disk before the first correction."""

    def __init__(
        self, user_dir: Path, *, most: int = 1_000, bytes_max: int = 256 * 1024**2,
        now_s: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._folder = user_dir / "teaching"
        self._most, self._bytes_max, self._now_s = most, bytes_max, now_s
        self._alone = threading.RLock()

    def of(self, copilot: str) -> list[Correction]:
        """The newest first. A file that cannot be read is passed over."""
        folder = self._of(copilot)
        files = folder.glob("*.json") if folder.is_dir() else ()
        found = [one for file in files if (one := _read(file)) is not None and one.copilot == copilot]
        return sorted(found, key=lambda one: (one.made_ms, one.id), reverse=True)

    def get(self, copilot: str, name: str) -> Correction:
        """Raises TeachError (`correction_unknown`)."""
        found = _read(self._file(copilot, name))
        if found is None or found.copilot != copilot:
            raise TeachError("This correction is not there any more.", code="correction_unknown")
        return found

    def page_of(self, correction: Correction) -> CorrectedPage:
        """Raises TeachError (`correction_unknown`)."""
        try:
            text = read_regular(self._page(correction.page), bytes_max=TEXT_BYTES_MAX)
            return CorrectedPage.model_validate_json(text)
        except (OSError, ValidationError) as error:
            raise TeachError("The page of this correction cannot be read.", code="correction_unknown") from error

    def add(self, copilot: str, page: CorrectedPage, *, question: str, answer: str, corrected: str) -> Correction:
        """In the place of an earlier correction of the same question on the same page.

        Raises LimitExceeded (`corrections_full`), TeachError (`teach_failed`) when the disk takes nothing.
        """
        text = page.model_dump_json()
        digest, now_ms = hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest(), self._now_ms()
        with self._alone:
            same = (one for one in self.of(copilot) if (one.page, one.question) == (digest, question))
            former = next(same, None)
            if former is None:
                self._check_room(len(text))
            made = Correction(
                id=former.id if former else secrets.token_hex(8), copilot=copilot, page=digest, title=page.title,
                address=page.address, question=question, answer=answer, corrected=corrected,
                made_ms=former.made_ms if former else now_ms, changed_ms=now_ms,
            )  # fmt: skip
            if not self._page(digest).exists():
                self._write(self._page(digest), text)
            self._write(self._file(copilot, made.id), made.model_dump_json(indent=1))
            return made

    def change(self, copilot: str, name: str, *, corrected: str) -> Correction:
        """Raises TeachError (`correction_unknown`, `teach_failed`)."""
        with self._alone:
            changed = {"corrected": corrected, "changed_ms": self._now_ms()}
            made = self.get(copilot, name).model_copy(update=changed)
            self._write(self._file(copilot, name), made.model_dump_json(indent=1))
            return made

    def remove(self, copilot: str, name: str) -> None:
        """With the page's text, when no other correction needs it. Raises TeachError (`correction_unknown`)."""
        with self._alone:
            gone = self.get(copilot, name)
            self._file(copilot, name).unlink(missing_ok=True)
            if all(one.page != gone.page for one in self._all()):
                self._page(gone.page).unlink(missing_ok=True)

    def any(self, copilot: str) -> bool:
        return next(self._of(copilot).glob("*.json"), None) is not None

    def lines(self, copilot: str) -> Iterator[str]:
        """As lines of JSON for the training program, oldest first; one whose page is gone is passed over."""
        for one in reversed(self.of(copilot)):
            try:
                page = self.page_of(one)
            except TeachError:
                continue
            fields = one.model_dump(include={"id", "copilot", "question", "answer", "corrected", "changed_ms"})
            where = {"title": page.title, "url": page.address, "blocks": page.blocks}
            yield json.dumps(fields | {"page": where}, ensure_ascii=False)

    def _all(self) -> Iterator[Correction]:
        files = (self._folder / "corrections").rglob("*.json")
        yield from (one for file in files if (one := _read(file)) is not None)

    def _check_room(self, page_chars: int) -> None:
        many = sum(1 for _ in (self._folder / "corrections").rglob("*.json"))
        used = sum(file.stat().st_size for file in (self._folder / "pages").glob("*.json"))
        if many >= self._most or used + page_chars > self._bytes_max:
            raise LimitExceeded(
                f"There are {many:,} corrections, and no more fit. Delete some, or set corrections_max.",
                code="corrections_full",
            )

    def _write(self, file: Path, text: str) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(file, text.encode("utf-8", errors="replace"), mode=_PRIVATE)
        except OSError as error:
            raise TeachError(
                f"The correction could not be written ({error.strerror}). Make room on the disk and try again.",
                code="teach_failed",
            ) from error

    def _of(self, copilot: str) -> Path:
        return self._folder / "corrections" / copilot

    def _file(self, copilot: str, name: str) -> Path:
        return self._of(copilot) / f"{name}.json"

    def _page(self, digest: str) -> Path:
        return self._folder / "pages" / f"{digest}.json"

    def _now_ms(self) -> int:
        return int(self._now_s() * 1000)


def _read(file: Path) -> Correction | None:
    try:
        return Correction.model_validate_json(read_regular(file, bytes_max=_CORRECTION_BYTES_MAX))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.warning("a correction cannot be read file=%s", file.name)
        return None
