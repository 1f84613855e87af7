import pytest
import torch

from server.engine.local.sampling import Draw, looping, pick
from server.errors import RunError


def test_the_likeliest_token_is_picked_among_those_allowed() -> None:
    logits = torch.tensor([0.1, 3.0, 2.0, 1.0])

    assert pick(logits) == 1
    assert pick(logits, allowed=[0, 3]) == 3
    assert pick(logits, banned=[1]) == 2


def test_a_drawn_token_is_the_same_for_the_same_attempt_and_another_for_some_other() -> None:
    logits = torch.tensor([1.0, 1.1, 0.9, 1.05])

    drawn = [pick(logits, draw=Draw(attempt, 3)) for attempt in range(1, 40)]

    assert drawn == [pick(logits, draw=Draw(attempt, 3)) for attempt in range(1, 40)]
    assert set(drawn) == {0, 1, 2, 3}


def test_a_drawn_token_is_allowed_not_banned_and_not_unlikely() -> None:
    logits = torch.tensor([5.0, 4.5, 4.4, -2.0])

    for place in range(60):
        assert pick(logits, draw=Draw(1, place)) != 3
        assert pick(logits, draw=Draw(1, place), banned=[0]) in {1, 2}
        assert pick(logits, draw=Draw(1, place), allowed=[3]) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_an_error(value: float) -> None:
    with pytest.raises(RunError) as failure:
        pick(torch.tensor([0.0, value]))

    assert failure.value.code == "run_nan"


@pytest.mark.parametrize(
    ("answer", "cut"),
    [([], set()), ([1, 2, 3], set()), ([1, 2, 3, 9, 1, 2], {3}), ([5, 5, 5], {5}), ([1, 2, 3, 1, 2, 4, 1, 2], {3, 4})],
)
def test_a_token_that_repeats_a_run_is_a_loop(answer: list[int], cut: set[int]) -> None:
    assert looping(answer, size=3) == cut
