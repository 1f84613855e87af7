"""Every bound of every frame that a client may send: what is at it passes, what is one beyond is refused."""

import json

import pytest
from pydantic import ValidationError

from server.protocol.client import CLIENT_FRAME
from tests.server.samples import BOUNDS, SMALLEST, UNBOUNDED, Bound


@pytest.mark.parametrize("type_", SMALLEST)
def test_the_smallest_frame_of_each_type_is_a_good_one(type_: str) -> None:
    assert CLIENT_FRAME.validate_json(json.dumps(SMALLEST[type_])).type == type_


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
def test_a_field_may_reach_its_limit_and_not_pass_it(bound: Bound) -> None:
    CLIENT_FRAME.validate_json(json.dumps(bound.frame(bound.at)))

    with pytest.raises(ValidationError):
        CLIENT_FRAME.validate_json(json.dumps(bound.frame(bound.beyond)))


def test_no_text_of_a_frame_is_without_a_limit_but_those_that_settings_limit() -> None:
    """A new field that holds text or a list must say how much, here or in `settings`."""
    by_settings = {
        ("page.open", "blocks"), ("ask", "question"), ("panel.ask", "question"),
        ("ask", "history", "question"), ("ask", "history", "answer"),
        ("panel.ask", "members", "history", "question"), ("panel.ask", "members", "history", "answer"),
    }  # fmt: skip

    assert by_settings == UNBOUNDED
