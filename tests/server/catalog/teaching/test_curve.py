"""A training's losses and its time left, from the events that its program prints."""

from server.catalog.teaching.curve import POINTS_MAX, Curve
from server.catalog.train_events import Epoch, EpochLoss, Resumed, Step


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def step(number: int, steps: int = 1_000) -> Step:
    return Step(event="step", step=number, steps=steps, loss=2.0 - number / steps)


def epoch(number: int, loss: float) -> Epoch:
    return Epoch(event="epoch", epoch=number, of=4, heldout_loss=loss)


def test_a_late_client_gets_every_point_in_one_frame_of_bounded_size() -> None:
    curve = Curve(Clock())
    curve.loaded()
    curve.epoch(epoch(0, 2.0))
    told = sum(curve.stepped(step(number)) for number in range(1, 1_001))
    for number in range(1, 5):
        curve.epoch(epoch(number, 2.0 - number / 10))
    frame = curve.frame("a/b", phase="training")
    assert told == len(frame.trained) == POINTS_MAX
    assert [point.step for point in frame.heldout] == [0, 250, 500, 750, 1_000]
    assert (frame.percent, frame.steps) == (100, 1_000)
    assert frame.trained[0].loss > frame.trained[-1].loss


def test_the_time_left_goes_on_to_the_report_and_is_unknown_before_two_steps() -> None:
    clock = Clock()
    curve = Curve(clock)
    curve.loaded()
    clock.now = 60
    curve.epoch(epoch(0, 2.0))
    assert curve.remaining_s is None
    curve.stepped(step(1, 100))
    assert curve.remaining_s is None
    clock.now = 62
    curve.stepped(step(2, 100))
    assert curve.remaining_s == 2 * 98 + 60
    curve.measuring()
    clock.now = 82
    assert curve.remaining_s == 40
    clock.now = 500
    assert curve.remaining_s is None


def test_a_training_that_goes_on_keeps_what_its_checkpoint_has_and_draws_the_rest_anew() -> None:
    curve = Curve(Clock())
    curve.epoch(epoch(0, 2.0))
    for number in range(1, 301):
        curve.stepped(step(number))
    again = Curve(Clock())
    again.trained = curve.trained
    losses = [EpochLoss(epoch=0, heldout_loss=2.0), EpochLoss(epoch=1, heldout_loss=1.5)]
    again.resumed(Resumed(event="resumed", step=250, of=4, epochs=losses))
    assert max(point.step for point in again.trained) == 250
    assert again.stepped(step(251)) is False
    assert again.stepped(step(260)) is True
    assert [(point.step, point.loss) for point in again.heldout] == [(0, 2.0), (250, 1.5)]
    again.epoch(epoch(0, 2.0))  # the checkpoint was another run's: it begins from the start
    assert again.trained == []
