"""A page's encoding beside its reading: complete while the page is open, over soon after it was closed."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from server.catalog.copilots import Copilots
from server.catalog.suggest import Suggester
from server.conversation.outbox import Outbox
from server.conversation.pages import ENCODED_AT_ONCE, OpenPage, Parts
from server.conversation.session import Session
from server.protocol.client import PageOpen
from server.text.finder import Vectors
from tests.server.fakes import FakeEngine, base_text, eventually, page_open, settings, until, write_copilot

SENTENCES = [f"Sentence number {n} of the page {'goes on ' * (n % 7)}and ends." for n in range(10 * ENCODED_AT_ONCE)]


class Lengths:
    """A vector that tells its text apart; each batch waits for `go`."""

    def __init__(self) -> None:
        self.batches = 0
        self.go = threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.batches += 1
        self.go.wait(5)
        return np.array([[len(text), sum(map(ord, text))] for text in texts], dtype=np.float32)


def opened(tmp_path: Path, encoder: Lengths) -> OpenPage:
    parts = Parts(settings(tmp_path), FakeEngine(), base_text(), encoder)
    frame = PageOpen.model_validate(page_open(blocks=SENTENCES))
    return OpenPage(frame, parts=parts, report=lambda _: None)


async def test_every_unit_of_an_open_page_gets_its_own_vector(tmp_path: Path) -> None:
    encoder = Lengths()
    encoder.go.set()
    read = await opened(tmp_path, encoder).ready()
    await read.settled()

    found = read.finder.vectors
    await asyncio.to_thread(read.finder.encode, encoder)
    assert found is not None and read.finder.vectors is not None
    assert np.array_equal(found, read.finder.vectors)
    assert encoder.batches > 2


async def test_a_closed_page_is_closed_at_once_and_soon_encoded_no_more(tmp_path: Path) -> None:
    encoder = Lengths()
    page = opened(tmp_path, encoder)
    read = await page.ready()
    await eventually(lambda: encoder.batches == 1)

    page.drop()
    await asyncio.wait_for(page.released(), 1)
    assert not read.encoded.done()
    encoder.go.set()
    await asyncio.wait_for(read.encoded, 5)

    assert encoder.batches == 1
    assert read.finder.vectors is None


async def test_a_page_that_a_run_still_uses_is_encoded_to_its_end(tmp_path: Path) -> None:
    encoder = Lengths()
    page = opened(tmp_path, encoder)
    page.enter()
    read = await page.ready()

    page.drop()
    encoder.go.set()
    await asyncio.wait_for(read.encoded, 5)

    assert read.finder.vectors is not None
    page.leave()


async def test_the_copilots_that_fit_are_told_before_the_page_is_read_and_again_after_a_reconnect(
    tmp_path: Path,
) -> None:
    chosen = settings(tmp_path)
    write_copilot(chosen.adapters_dir, text='name = "Lease"\npromise = "Reads leases."\nhints = ["tenant"]\n')
    copilots = Copilots(adapters_dir=chosen.adapters_dir, user_dir=chosen.user_dir)
    parts = Parts(chosen, FakeEngine(), base_text())
    session = Session(parts, copilots, client="x", suggester=Suggester(None))
    outbox = Outbox(events_max=100)
    session.attach(outbox)
    session.receive(PageOpen.model_validate(page_open(blocks=["The tenant pays the rent on the first of the month."])))

    suggested, _ = await until(outbox, "page.suggested")
    assert [(one.copilot, one.why) for one in suggested.copilots] == [("legal/lease", ["tenant"])]

    again = Outbox(events_max=100)
    session.attach(again)
    assert (await until(again, "page.suggested"))[0] == suggested
    await session.close()
