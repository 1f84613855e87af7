"""Frames about engines from where they may not come: a panel inside a web page, an unproven socket, a pinned server."""

from pathlib import Path
from typing import Any

import pytest

from tests.server.conversation.engines.sidebar import Engines, asked, harness_with, heard, state
from tests.server.fakes import eventually

FRAMES: list[dict[str, Any]] = [
    {"type": "engine.show"},
    {"type": "engine.use", "base": "two"},
    {"type": "engine.test", "url": "http://127.0.0.1:9/v1"},
    {"type": "engine.connect", "url": "http://127.0.0.1:9/v1", "model": "m", "key": "k"},
    {"type": "base.offer", "repo": "acme/tiny"},
    {"type": "base.pull", "repo": "acme/tiny", "revision": "c0ffee"},
    {"type": "base.cancel"},
]


def without_type(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if name != "type"}


EACH = pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: str(frame["type"]))


@EACH
async def test_a_panel_inside_a_web_page_is_refused(tmp_path: Path, frame: dict[str, Any]) -> None:
    engines = Engines()
    harness = harness_with(tmp_path, engines, "two")
    wire, _ = await harness.connect()

    refused = await asked(wire, frame["type"], place="page", **without_type(frame))
    wire.say({**frame, "request": "q-unplaced"})  # who says no place is in a page

    assert refused["code"] == "engine_in_page"
    unplaced = await heard(wire, "error")
    assert (unplaced["code"], unplaced["request"]) == ("engine_in_page", "q-unplaced")
    assert engines.made == {}


@EACH
async def test_a_socket_that_has_proved_nothing_is_closed(tmp_path: Path, frame: dict[str, Any]) -> None:
    wire = harness_with(tmp_path, Engines(), "two").knock()

    wire.say({**frame, "request": "q1", "place": "tab"})

    assert (await wire.next())["code"] == "out_of_order"
    await eventually(lambda: wire.closed is not None)


@EACH
async def test_a_pinned_server_shows_and_changes_nothing(tmp_path: Path, frame: dict[str, Any]) -> None:
    engines = Engines()
    wire, _ = await harness_with(tmp_path, engines, "two", engine_pinned=True).connect()

    answer = await asked(wire, frame["type"], **without_type(frame))

    assert answer.get("code", answer["type"]) == ("engine.state" if frame["type"] == "engine.show" else "engine_pinned")
    assert (await state(wire))["pinned"] is True
    assert engines.made == {}


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "engine.use", "base": "x" * 97},
        {"type": "engine.use", "base": 3},
        {"type": "engine.connect", "url": "u" * 2_001, "model": "m"},
        {"type": "engine.connect", "url": "u", "model": "m", "key": "k" * 4_097},
        {"type": "engine.connect", "url": "u", "model": "m", "settings": {"port": 1}},
        {"type": "base.pull", "repo": "a/b", "revision": "r" * 65},
        {"type": "base.offer", "repo": "r" * 201},
        {"type": "engine.show", "place": "window"},
    ],
)
async def test_what_is_no_frame_is_none(tmp_path: Path, broken: dict[str, Any]) -> None:
    wire, _ = await harness_with(tmp_path, Engines()).connect()

    wire.say({"request": "q1", "place": "tab", **broken})

    assert (await heard(wire, "error"))["code"] == "bad_frame"


@pytest.mark.parametrize("repo", ["--help", "../x", "a/b/c", "a", "https://evil.example/x", "a/..", "a/b\n", "ä/b"])
async def test_what_is_no_model_of_the_hub_is_asked_of_nobody(tmp_path: Path, repo: str) -> None:
    wire, _ = await harness_with(tmp_path, Engines()).connect()

    assert (await asked(wire, "base.offer", repo=repo))["code"] == "base_name"


async def test_nothing_is_downloaded_that_was_not_offered(tmp_path: Path) -> None:
    wire, _ = await harness_with(tmp_path, Engines()).connect()

    refused = await asked(wire, "base.pull", repo="acme/tiny", revision="c0ffee")

    assert refused["code"] == "base_not_offered"
