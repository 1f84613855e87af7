"""Makes one copilot's adapter at a time, in a child process, and tells every client how it goes. Made by connections.

The child is `python -m training train`, at low priority and with a processor core left for answers. Nothing of
training is imported here; a child that crashes, hangs or prints garbage is ended and reported, and harms nothing else.
"""

import asyncio
import contextlib
import logging
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path

from server.catalog import bases
from server.catalog.copilots import Copilot, Copilots
from server.catalog.layout import user_root
from server.catalog.train_events import Done, Failed, Measuring, Step, events, unexplained
from server.errors import RetinueError, TrainError
from server.protocol import Frame
from server.protocol.server import TrainFrame, TrainProgress, TrainReport
from server.settings import Settings

_log = logging.getLogger(__name__)
_NICE = 10


class Trainings:
    """`latest` is what a client that comes now must hear: the progress, or the report until it is put away.

    `tell` sends a frame to every client; `changed` sends them the copilots.
    """

    def __init__(
        self, settings: Settings, copilots: Copilots, *, tell: Callable[[Frame], None], changed: Callable[[], None]
    ) -> None:
        self.latest: TrainFrame | None = None
        self._settings = settings
        self._copilots = copilots
        self._tell = tell
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    def trainable(self, copilot_id: str) -> bool:
        return self._examples(copilot_id) is not None

    def _examples(self, copilot_id: str) -> Path | None:
        """The root that holds the copilot's examples, the user's own before those that ship; None where none does."""
        for root in (user_root(self._settings.user_dir), self._settings.adapters_dir):
            if all((root / copilot_id / f"{split}.jsonl").is_file() for split in ("train", "heldout")):
                return root
        return None

    def start(self, wanted: str) -> None:
        """Raises CopilotError, BaseError, TrainError (`train_no_examples`, `train_running`)."""
        copilot = self._copilots.get(wanted)
        if not self.trainable(copilot.id):
            raise TrainError(f"There are no examples to train {copilot.name} on.", code="train_no_examples")
        if isinstance(self.latest, TrainProgress):
            running = self._copilots.get(self.latest.copilot).name
            raise TrainError(f"{running} is being trained. Wait until it is done, or cancel it.", code="train_running")
        command = self._command(copilot)
        self._stop = asyncio.Event()
        self._say(TrainProgress(copilot=copilot.id, phase="preparing"))
        self._task = asyncio.create_task(self._train(copilot, command))

    def cancel(self, copilot_id: str) -> None:
        """End the training of this copilot, or put its report away. Anything else is over already: nothing to do."""
        if self.latest is None or self.latest.copilot != copilot_id:
            return
        if isinstance(self.latest, TrainProgress):
            self._stop.set()
        else:
            self.latest = None

    async def close(self) -> None:
        """End the child, if there is one, and wait for it. What it has learned so far stays as a checkpoint."""
        self._stop.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    def _command(self, copilot: Copilot) -> list[str]:
        settings = self._settings
        options = {
            "--base": bases.find(settings, settings.base), "--data": self._examples(copilot.id), "--progress": "json",
            "--nice": _NICE, "--threads": max(1, settings.threads - 1),
        }  # fmt: skip
        # -P: a folder named training where the server was started is not the program that is meant
        command = [sys.executable, "-P", "-m", "training", "train", copilot.id, "--own"]
        return [*command, *(str(part) for option in options.items() for part in option)]

    async def _train(self, copilot: Copilot, command: list[str]) -> None:
        try:
            report = await self._outcome(copilot, command)
        except RetinueError as error:
            report = TrainReport(copilot=copilot.id, activated=False, code=error.code, why=error.message)
        except Exception as error:  # a program that cannot be started, say
            _log.error("training failed error=%s", type(error).__name__)
            why = unexplained(copilot.id)
            report = TrainReport(copilot=copilot.id, activated=False, code="train_failed", why=why)
        self._say(report)

    async def _outcome(self, copilot: Copilot, command: list[str]) -> TrainReport:
        """Raises TrainError (`train_failed`, `train_broken`, `train_cancelled`). The child has ended then."""
        settings = self._settings
        folders = {"ADAPTERS": settings.adapters_dir, "USER": settings.user_dir, "CONFIG": settings.config_dir}
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, limit=settings.train_line_bytes_max,
            env=os.environ | {f"RETINUE_{name}_DIR": str(folder) for name, folder in folders.items()},
            start_new_session=True,  # Ctrl-C in the server's terminal is the server's business
        )  # fmt: skip
        following, stopped = asyncio.create_task(self._follow(copilot, child)), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                raise TrainError(
                    "The training was cancelled. Started again, it goes on where it was.", code="train_cancelled"
                )
            done = following.result()
        finally:
            following.cancel()
            stopped.cancel()
            await asyncio.gather(following, stopped, return_exceptions=True)
            await self._end(child)
        return await self._put_to_use(copilot, done)

    async def _follow(self, copilot: Copilot, child: Process) -> Done:
        """The child's lines, one after the other, to the last word. Raises TrainError."""
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        done: Done | None = None
        why, first = unexplained(copilot.id), None
        async for event in events(child.stdout):
            if isinstance(event, Step):
                first = first or (event.step, time.monotonic())
                self._advance(copilot, event, first=first)
            elif isinstance(event, Measuring):
                self._say(TrainProgress(copilot=copilot.id, phase="measuring"))
            elif isinstance(event, Done):
                done = event
            elif isinstance(event, Failed):
                why = event.why(copilot.id)
        if await child.wait() != 0 or done is None:
            raise TrainError(why)
        return done

    def _advance(self, copilot: Copilot, event: Step, *, first: tuple[int, float]) -> None:
        """A frame for each percent, not for each step. `first`: a step of this run and when it was done."""
        percent = min(100, 100 * event.step // event.steps)
        if isinstance(self.latest, TrainProgress) and self.latest.percent == percent:
            return
        steps, seconds = event.step - first[0], time.monotonic() - first[1]
        remaining_s = round(seconds / steps * (event.steps - event.step)) if steps > 0 else None
        self._say(TrainProgress(copilot=copilot.id, phase="training", percent=percent, remaining_s=remaining_s))

    async def _put_to_use(self, copilot: Copilot, done: Done) -> TrainReport:
        """Look the copilots up anew, so that the next answer has the new adapter."""
        await asyncio.to_thread(self._copilots.refresh)
        self._changed()
        now = self._copilots.get(copilot.id)
        activated = done.active and now.mode == "tuned"
        why = done.reason if activated or not done.active else now.refused or "The adapter cannot be found any more."
        return TrainReport(copilot=copilot.id, activated=activated, why=why, figures=done.figures)

    async def _end(self, child: Process) -> None:
        """Ask the child to end, then make it; returns when it is gone and its pipe is empty."""
        if child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(self._settings.train_stop_s):
                await child.communicate()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.communicate()

    def _say(self, frame: TrainFrame) -> None:
        self.latest = frame
        self._tell(frame)
