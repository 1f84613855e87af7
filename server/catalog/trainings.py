"""Makes one copilot's adapter at a time, in a child process, and tells every client how it goes. Made by connections.

The child is `python -m training train`, at low priority and with a processor core left for answers. Nothing of
training is imported here; a child that crashes, hangs or prints garbage is ended and reported, and harms nothing else.
A training that the server's own end interrupts is paused: started again it goes on from its last checkpoint.
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

from server.catalog import bases, versions
from server.catalog.copilots import Copilot, Copilots
from server.catalog.layout import adapter_folder, user_root
from server.catalog.teaching.corrections import Corrections
from server.catalog.teaching.curve import Curve
from server.catalog.teaching.reports import read_report
from server.catalog.teaching.state import TrainingState, paused
from server.catalog.train_events import Done, Epoch, Failed, Measuring, Preparing, Resumed, Step, events, unexplained
from server.errors import RetinueError, TrainError
from server.protocol import Frame
from server.protocol.server import Phase, TrainFrame, TrainProgress, TrainReport
from server.settings import Settings

_log = logging.getLogger(__name__)
_NICE = 10
_KEPT_EVERY_S = 5.0  # how far it is, on the disk


class Trainings:
    """`latest` is what a client that comes now must hear: the progress, or the report until it is put away.

    `tell` sends a frame to every client; `changed` sends them the copilots. Without `allowed` the engine could not use
    what was trained, and nothing is.
    """

    def __init__(
        self, settings: Settings, copilots: Copilots, corrections: Corrections, *,
        tell: Callable[[Frame], None], changed: Callable[[], None], allowed: bool = True,
    ) -> None:  # fmt: skip
        self._state = TrainingState(settings.user_dir)
        self.latest: TrainFrame | None = self._state.read()
        self._curve = Curve(time.monotonic)
        self._kept_s = 0.0
        self._is_closing = False
        self._settings = settings
        self._copilots = copilots
        self._corrections = corrections
        self._allowed = allowed
        self._tell = tell
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    def adopt(self, settings: Settings, *, allowed: bool) -> None:
        """Another base runs, while nothing is trained."""
        self._settings, self._allowed = settings, allowed

    def trainable(self, copilot_id: str) -> bool:
        return self._allowed and self._examples(copilot_id) is not None

    def _examples(self, copilot_id: str) -> Path | None:
        """The root that holds the copilot's examples, the user's own before those that ship; None where none does."""
        for root in (user_root(self._settings.user_dir), self._settings.adapters_dir):
            if all((root / copilot_id / f"{split}.jsonl").is_file() for split in ("train", "heldout")):
                return root
        return None

    def start(self, wanted: str) -> None:
        """Raises CopilotError, BaseError, TrainError (`train_not_here`, `train_no_examples`,
        `train_running`).
        """
        copilot = self._copilots.get(wanted)
        if not self._allowed:
            message = "The engine in use takes no new adapter. Start `retinue serve` with the local one to train."
            raise TrainError(message, code="train_not_here")
        if not self.trainable(copilot.id):
            raise TrainError(f"There are no examples to train {copilot.name} on.", code="train_no_examples")
        if self.running:
            running = self._copilots.get(self.running).name
            raise TrainError(f"{running} is being trained. Wait until it is done, or cancel it.", code="train_running")
        command = self._command(copilot)
        self._stop, former = asyncio.Event(), self.latest
        self._curve = Curve(time.monotonic)
        if former is not None and former.copilot == copilot.id:  # it goes on where it was, if its checkpoint is there
            self._curve.trained = list(former.trained)
        self._progress(copilot, "preparing")
        self._task = asyncio.create_task(self._train(copilot, command))

    @property
    def running(self) -> str | None:
        """The id of the copilot that is being trained."""
        is_running = isinstance(self.latest, TrainProgress) and self.latest.phase != "paused"
        return self.latest.copilot if self.latest is not None and is_running else None

    def cancel(self, copilot_id: str) -> None:
        """End the training of this copilot, or put its report or its pause away. Anything else is over already."""
        if self.latest is None or self.latest.copilot != copilot_id:
            return
        if self.running:
            self._stop.set()
        else:
            self.latest = None
            self._state.keep(None)

    async def close(self) -> None:
        """End the child, if there is one, and wait for it. What it has learned so far stays as a checkpoint."""
        self._is_closing = True
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
        if self._corrections.any(copilot.id):
            command.append("--with-corrections")
        return [*command, *(str(part) for option in options.items() for part in option)]

    async def _train(self, copilot: Copilot, command: list[str]) -> None:
        await asyncio.to_thread(self._state.keep, self.latest)
        try:
            report = await self._outcome(copilot, command)
        except RetinueError as error:
            report = TrainReport(copilot=copilot.id, activated=False, code=error.code, why=error.message)
        except Exception as error:  # a program that cannot be started, say
            _log.error("training failed error=%s", type(error).__name__)
            why = unexplained(copilot.id)
            report = TrainReport(copilot=copilot.id, activated=False, code="train_failed", why=why)
        if self._is_closing and report.code == "train_cancelled" and isinstance(self.latest, TrainProgress):
            self._say(paused(self.latest))
        else:
            curve = {"trained": self._curve.trained, "heldout": self._curve.heldout}
            self._say(report.model_copy(update=curve))
        await asyncio.to_thread(self._state.keep, self.latest)

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
        why = unexplained(copilot.id)
        async for event in events(child.stdout):
            if isinstance(event, Done):
                done = event
            elif isinstance(event, Failed):
                why = event.why(copilot.id)
            else:
                self._advance(copilot, event)
                await self._keep_now_and_then()
        if await child.wait() != 0 or done is None:
            raise TrainError(why)
        return done

    def _advance(self, copilot: Copilot, event: Preparing | Resumed | Epoch | Step | Measuring) -> None:
        """A frame for each percent, not for each step."""
        curve = self._curve
        match event:
            case Preparing(event="start"):
                curve.loaded()
            case Resumed():
                curve.resumed(event)
            case Epoch():
                curve.epoch(event)
            case Step() if curve.stepped(event):
                self._progress(copilot, "training")
            case Measuring():
                curve.measuring()
                self._progress(copilot, "measuring")

    def _progress(self, copilot: Copilot, phase: Phase) -> None:
        self._say(self._curve.frame(copilot.id, phase=phase))

    async def _keep_now_and_then(self) -> None:
        if time.monotonic() - self._kept_s >= _KEPT_EVERY_S:
            self._kept_s = time.monotonic()
            await asyncio.to_thread(self._state.keep, self.latest)

    async def _put_to_use(self, copilot: Copilot, done: Done) -> TrainReport:
        """Look the copilots up anew, so that the next answer has the new adapter."""
        await asyncio.to_thread(self._copilots.refresh)
        self._changed()
        now = self._copilots.get(copilot.id)
        activated = done.active and now.mode == "tuned"
        why = done.reason if activated or not done.active else now.refused or "The adapter cannot be found any more."
        own = adapter_folder(user_root(self._settings.user_dir), copilot.id, self._copilots.base_name)
        report = await asyncio.to_thread(read_report, own if done.active else versions.refused_place(own))
        return TrainReport(copilot=copilot.id, activated=activated, why=why, figures=done.figures, report=report)

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
