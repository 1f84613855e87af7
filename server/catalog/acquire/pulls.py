"""Brings one base at a time to this machine, in a child process, and tells how far it is. Made by connections.

What was agreed to is kept beside the bases, so that a download that was stopped, by the user or by the server's own
end, can go on. Nothing of the hub's client is imported here.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from server.catalog.acquire import install
from server.catalog.acquire.disk import bytes_below
from server.catalog.acquire.errand import Brought, Offered, Refused
from server.catalog.acquire.pull import part_of
from server.errors import BaseError, Busy, RetinueError
from server.files import SMALL_BYTES_MAX, read_regular, refusal_of, replace_file
from server.protocol import Frame
from server.protocol.engines import BasePulled, BasePulling
from server.settings import Settings

_log = logging.getLogger(__name__)
_FILE = ".download.json"
_LOOK_S = 0.5
_OFFER_S_MAX = 60.0
_END_S = 3.0
_LINE_BYTES_MAX = 64 * 1024
Said = TypeVar("Said", bound=BaseModel)


class Pulls:
    """`latest`: the one download; None without one. `tell` gets how far it is; `changed` is called when it begins,
    stops or is done."""

    def __init__(self, settings: Settings, *, tell: Callable[[Frame], None], changed: Callable[[], None]) -> None:
        self._settings, self._tell, self._changed = settings, tell, changed
        self._file = settings.bases_dir / _FILE
        self.latest = self._kept()
        self._offered: Offered | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def running(self) -> bool:
        return self._task is not None

    async def offer(self, repo: str) -> Offered:
        """What it costs, by the hub. Raises BaseError."""
        try:
            async with asyncio.timeout(_OFFER_S_MAX):
                self._offered = await self._said(Offered, "offer", repo)
        except TimeoutError:
            raise BaseError("The hub does not answer. Try again later.", code="base_offline") from None
        return self._offered

    def start(self, repo: str, revision: str) -> None:
        """Raises Busy (`base_pulling`), BaseError (`base_not_offered`)."""
        if self.running:
            raise Busy("Another base is being downloaded. Wait for it, or stop it.", code="base_pulling")
        self.latest = self._agreed(repo, revision)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._pull(self.latest))

    def _agreed(self, repo: str, revision: str) -> BasePulled:
        latest, offered = self.latest, self._offered
        if latest is not None and (latest.repo, latest.revision) == (repo, revision):
            return latest.model_copy(update={"phase": "downloading", "code": None, "message": None})
        if offered is None or (offered.repo, offered.revision) != (repo, revision):
            raise BaseError("Look first at what this base costs.", code="base_not_offered")
        return BasePulled(
            repo=repo, revision=revision, name=offered.name, licence=offered.licence, source=offered.source,
            phase="downloading", bytes_done=offered.bytes_all - offered.bytes, bytes_total=offered.bytes_all,
        )  # fmt: skip

    async def cancel(self) -> None:
        """Stop it; of one that is stopped, delete what has come. Raises OSError."""
        if self.running:
            self._stop.set()
        elif self.latest is not None:
            latest, self.latest = self.latest, None
            await asyncio.to_thread(self._discard, latest)
            self._changed()

    async def close(self) -> None:
        """End the child, if there is one. What has come stays."""
        self._stop.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _pull(self, pulled: BasePulled) -> None:
        why: RetinueError | None = None
        try:
            await asyncio.to_thread(self._keep, pulled)
            self._changed()
            await self._brought(pulled)
            self.latest = None
        except RetinueError as error:
            why = error
        except OSError as error:
            why = refusal_of(error)
        except Exception as error:  # a program that cannot be started, say
            _log.error("download failed error=%s", type(error).__name__)
            why = BaseError("The download failed inside the server. Try again.", code="base_failed")
        finally:
            self._task = None
        if why is not None:
            is_told = why.code != "base_stopped"
            told = {"code": why.code, "message": why.message} if is_told else {}
            self.latest = (self.latest or pulled).model_copy(update={"phase": "stopped", **told})
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._keep, self.latest)
        self._changed()

    async def _brought(self, pulled: BasePulled) -> None:
        """Raises BaseError, `base_stopped` when the user wanted it. The child has ended then."""
        bringing = asyncio.create_task(self._said(Brought, "bring", pulled.repo, pulled.revision))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            while not (bringing.done() or stopped.done()):
                await asyncio.wait({bringing, stopped}, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                await self._look(pulled)
            if not bringing.done():
                raise BaseError("The download was stopped.", code="base_stopped")
            bringing.result()
        finally:
            for task in (bringing, stopped):
                task.cancel()
            await asyncio.gather(bringing, stopped, return_exceptions=True)

    async def _look(self, pulled: BasePulled) -> None:
        done, converts = await asyncio.to_thread(self._way, pulled)
        way = BasePulling(
            phase="converting" if converts else "downloading", bytes_done=min(done, pulled.bytes_total),
            bytes_total=pulled.bytes_total,
        )  # fmt: skip
        self.latest = pulled.model_copy(update={"phase": way.phase, "bytes_done": way.bytes_done})
        self._tell(way)

    def _way(self, pulled: BasePulled) -> tuple[int, bool]:
        if pulled.repo:
            return bytes_below(part_of(pulled.name, self._settings)), False
        return install.way(self._settings)

    async def _said(self, kind: type[Said], *errand: str) -> Said:
        """The child's one line. Raises BaseError. The child has ended then, also when this is cancelled."""
        settings = self._settings
        folders = {"BASES": settings.bases_dir, "USER": settings.user_dir, "CONFIG": settings.config_dir}
        environment = {f"RETINUE_{name}_DIR": str(folder) for name, folder in folders.items()}
        environment |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "server.catalog.acquire.errand", *errand,
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LINE_BYTES_MAX, env=os.environ | environment,
            start_new_session=True,
        )  # fmt: skip
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            return _read(kind, await child.stdout.readline())
        except ValueError as error:
            raise BaseError("The download ended without a word. Try again.", code="base_failed") from error
        finally:
            await _end(child)

    def _kept(self) -> BasePulled | None:
        try:
            kept = BasePulled.model_validate_json(read_regular(self._file, bytes_max=SMALL_BYTES_MAX))
        except (OSError, ValidationError):
            return None
        return kept.model_copy(update={"phase": "stopped", "code": None, "message": None})

    def _keep(self, pulled: BasePulled | None) -> None:
        if pulled is None:
            self._file.unlink(missing_ok=True)
        else:
            replace_file(self._file, pulled.model_dump_json())

    def _discard(self, pulled: BasePulled) -> None:
        self._keep(None)
        folders = [part_of(pulled.name, self._settings)] if pulled.repo else install.part_folders(self._settings)
        for folder in folders:
            if folder.is_dir():
                shutil.rmtree(folder)


def _read(kind: type[Said], line: bytes) -> Said:
    """Raises BaseError, and ValueError for what is neither answer nor refusal."""
    with contextlib.suppress(ValidationError):
        refused = Refused.model_validate_json(line)
        raise BaseError(refused.message, code=refused.code)
    return kind.model_validate_json(line)


async def _end(child: Process) -> None:
    """With all that it has started; returns when it is gone."""
    gone = asyncio.ensure_future(child.communicate())
    for sign in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if child.returncode is None:
            _send(child, sign)
        if (await asyncio.wait({gone}, timeout=_END_S))[0]:
            return


def _send(child: Process, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, sign)
        else:
            child.send_signal(sign)
