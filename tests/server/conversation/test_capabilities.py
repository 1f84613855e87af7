"""Session, training and the client's `ready` go by what the engine can do."""

from pathlib import Path

import pytest

from server.conversation.evidence import QuoteChooser
from server.engine import Capabilities
from tests.server.fakes import FakeEngine, Harness, ask, give, opened, until, write_copilot

ELSEWHERE = Capabilities(
    prompt="messages", adapters="none", quotes="checked", shares_page=False, counts_cached=False,
    changes_adapters=False, host="models.example",
)  # fmt: skip


def harness_of(tmp_path: Path, can: Capabilities) -> Harness:
    engine = FakeEngine()
    engine.capabilities = can
    harness = Harness(tmp_path, engine)
    for name in ("train.jsonl", "heldout.jsonl"):
        (write_copilot(harness.settings.adapters_dir) / name).write_text("")
    return harness


async def test_ready_tells_what_the_engine_can_do(tmp_path: Path) -> None:
    _, ready = await harness_of(tmp_path, ELSEWHERE).connect()

    assert ready["engine"] == {
        "adapters": "none", "quotes": "checked", "shares_page": False, "counts_cached": False,
        "changes_adapters": False, "host": "models.example",
    }  # fmt: skip


@pytest.mark.parametrize(("quotes", "asks"), [("guard", True), ("grammar", False), ("checked", False)])
async def test_only_an_engine_with_a_guard_is_given_a_chooser(tmp_path: Path, quotes: str, asks: bool) -> None:
    harness = harness_of(tmp_path, Capabilities(quotes=quotes))  # type: ignore[arg-type]
    session, outbox = await opened(harness)

    give(session, ask())
    done, _ = await until(outbox, "run.done")

    assert isinstance(harness.engine.requests[0].choose_quote, QuoteChooser) is asks
    assert done.quotes[0].verified  # looked up on the page with every engine


@pytest.mark.parametrize("can", [Capabilities(), ELSEWHERE])
async def test_nothing_is_trained_for_an_engine_that_could_not_use_it(tmp_path: Path, can: Capabilities) -> None:
    wire, ready = await harness_of(tmp_path, can).connect()
    trainable = {card["id"]: card["trainable"] for card in ready["copilots"]}

    assert trainable["legal/lease"] is can.changes_adapters
    if not can.changes_adapters:
        wire.say({"type": "train.start", "copilot": "legal/lease", "place": "tab"})
        assert (await wire.next("error"))["code"] == "train_not_here"
