"""How one training goes, from its events: losses so far, how far it is, how long it will take. Called by trainings.

Pure but for the clock that it is given. A client that comes late is sent all of it in one frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from server.catalog.train_events import Epoch, Resumed, Step
from server.protocol.server import LossPoint, Phase, TrainProgress

POINTS_MAX = 101  # one for each percent
HELD_OUT_MAX = 64
_RECENT = 40  # steps whose pace counts


@dataclass
class Curve:
    """`preparing_s`: from the examples to the first step. Mostly it measures, and does so again at the end."""

    now_s: Callable[[], float]
    steps: int = 0
    step: int = 0
    trained: list[LossPoint] = field(default_factory=list)
    heldout: list[LossPoint] = field(default_factory=list)
    preparing_s: float | None = None
    _of_epochs: int = 0
    _by_epoch: list[tuple[int, float]] = field(default_factory=list)
    _started_s: float | None = None
    _measured_s: float | None = None
    _recent: list[tuple[int, float]] = field(default_factory=list)
    _sum: float = 0.0
    _count: int = 0

    def loaded(self) -> None:
        """The examples were read: from now on the base is loaded and measured."""
        self._started_s = self.now_s()

    def resumed(self, event: Resumed) -> None:
        """The epochs before are the checkpoint's; what was drawn beyond it is done again."""
        self._of_epochs, self.step = event.of or self._of_epochs, event.step
        self.trained = [point for point in self.trained if point.step <= event.step]
        self._by_epoch = [(one.epoch, one.heldout_loss) for one in event.epochs]
        self._ends_preparing()

    def epoch(self, event: Epoch) -> None:
        if event.epoch == 0:  # a fresh run
            self.trained, self._by_epoch, self.step = [], [], 0
            self._ends_preparing()
        self._of_epochs = event.of
        self._by_epoch.append((event.epoch, event.heldout_loss))
        self._place_heldout()

    def stepped(self, event: Step) -> bool:
        """True when another percent is done."""
        self.steps = event.steps
        before = self.percent if self.trained else -1
        self.step = min(event.step, event.steps)
        self._recent = [*self._recent[-_RECENT:], (event.step, self.now_s())]
        self._sum, self._count = self._sum + event.loss, self._count + 1
        if self.percent == before:
            return False
        self.trained = [*self.trained, LossPoint(step=self.step, loss=round(self._sum / self._count, 4))][-POINTS_MAX:]
        self._sum, self._count = 0.0, 0
        self._place_heldout()
        return True

    def measuring(self) -> None:
        self._measured_s = self.now_s()

    @property
    def percent(self) -> int:
        return min(100, 100 * self.step // self.steps) if self.steps else 0

    @property
    def remaining_s(self) -> int | None:
        """To the report, not only to the last step; None while nobody knows. At most: a training can end early."""
        after = self.preparing_s or 0.0
        if self._measured_s is not None:
            left = after - (self.now_s() - self._measured_s)
            return round(left) if left > 0 else None
        if len(self._recent) < 2:
            return None
        (first, began_s), (last, ended_s) = self._recent[0], self._recent[-1]
        pace_s = (ended_s - began_s) / max(1, last - first)
        return round(pace_s * (self.steps - self.step) + after)

    def frame(self, copilot: str, *, phase: Phase) -> TrainProgress:
        return TrainProgress(
            copilot=copilot, phase=phase, percent=self.percent if phase == "training" and self.steps else None,
            remaining_s=None if phase == "preparing" else self.remaining_s,
            steps=self.steps or None, trained=self.trained, heldout=self.heldout,
        )  # fmt: skip

    def _ends_preparing(self) -> None:
        if self._started_s is not None:
            self.preparing_s = self.now_s() - self._started_s

    def _place_heldout(self) -> None:
        """An epoch's place among the steps is known once the steps are."""
        if not self.steps or not self._of_epochs:
            return
        places = [LossPoint(step=epoch * self.steps // self._of_epochs, loss=loss) for epoch, loss in self._by_epoch]
        self.heldout = places[-HELD_OUT_MAX:]
