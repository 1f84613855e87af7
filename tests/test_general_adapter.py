"""The general adapter that ships, on the real base, over whole pages: found, said and proved as a client sees it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.catalog.copilots import GENERALIST, Copilots
from server.cli.ask import make_local_parts
from server.conversation.pages import Parts
from server.engine.adapter_check import check_adapter
from server.protocol.client import Ask, PageOpen
from server.protocol.run import RunDone, RunError, RunPassages
from server.settings import load_settings
from server.text.checks import ABSTAIN
from server.text.documents import read_document
from server.transport.client import LocalLink
from tests.real_base import REAL_BASES

PAGES = Path(__file__).parent / "e2e" / "pages"
RIGHT_MIN, ABSTAINED_MAX = 5, 1  # of nine
QUESTIONS = {  # page -> question and what the quotation must hold
    "contract.html": [
        ("Which law applies?", "England and Wales"),
        ("how long does the first term last", "two years"),
        ("who owns the customer data?", "owns all data"),
    ],
    "health.html": [
        ("who paid for the study", "Calder Minerals"),
        ("how many people took part in the trial", "212"),
        ("are there side effects?", "Loose stools"),
    ],
    "shop.html": [
        ("how much does it weigh", "198 g"),
        ("can i send it back", "30 days"),
        ("what does it cost", "£165"),
    ],
}


@dataclass
class Product:
    """The real base with everything that ships."""

    parts: Parts
    copilots: Copilots
    loop: asyncio.AbstractEventLoop

    def ask(self, page: str, question: str) -> tuple[RunDone, RunPassages]:
        return self.loop.run_until_complete(self._ask(page, question))

    async def _ask(self, page: str, question: str) -> tuple[RunDone, RunPassages]:
        link, found = LocalLink(self.parts, self.copilots), read_document(str(PAGES / page))
        passages: RunPassages | None = None
        try:
            await link.send(PageOpen(type="page.open", page="p", title=found.title, url="", blocks=found.blocks))
            await link.send(Ask(type="ask", run="r", page="p", copilot=GENERALIST, question=question))
            while True:
                frame = await link.receive()
                assert not isinstance(frame, RunError), frame
                if isinstance(frame, RunPassages):
                    passages = frame
                if isinstance(frame, RunDone):
                    assert passages is not None
                    return frame, passages
        finally:
            await link.close()


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    settings, loop = load_settings(bases_dir=REAL_BASES), asyncio.new_event_loop()
    parts, _ = make_local_parts(settings)
    loop.run_until_complete(parts.engine.start())
    copilots = Copilots(
        adapters_dir=settings.adapters_dir, user_dir=settings.user_dir / "none", base=parts.engine.info,
        check_adapter=check_adapter, adapter_bytes_max=settings.adapter_bytes_max,
    )  # fmt: skip
    yield Product(parts, copilots, loop)
    loop.run_until_complete(parts.engine.stop())
    loop.close()


def test_the_generalist_uses_the_adapter_made_for_this_base(product: Product) -> None:
    generalist = product.copilots.get(GENERALIST)

    assert generalist.mode == "general", generalist.refused
    assert product.copilots.get("contract-review").mode == "domain"
    assert product.copilots.get("ad-copy").mode == "general"


def test_most_questions_are_answered_with_evidence_and_every_quotation_stands_on_the_page(product: Product) -> None:
    right, abstained, answers = 0, 0, []
    for page, questions in QUESTIONS.items():
        for question, evidence in questions:
            done, passages = product.ask(page, question)
            answers.append((question, done.answer))
            assert passages.passages
            assert all(quote.verified for quote in done.quotes), done.answer
            right += any(evidence in quote.text for quote in done.quotes) and ABSTAIN not in done.answer
            abstained += ABSTAIN in done.answer

    assert right >= RIGHT_MIN, answers
    assert abstained <= ABSTAINED_MAX, answers


def test_what_the_page_is_about_is_named(product: Product) -> None:
    done, _ = product.ask("contract.html", "What is this page about?")

    assert any(word in done.answer for word in ("Agreement", "agreement", "Service", "Harbourline")), done.answer
    assert ABSTAIN not in done.answer


def test_the_answer_ends_by_itself(product: Product) -> None:
    done, _ = product.ask("shop.html", "list the key facts with quotes")

    assert done.reason == "stop"
    assert len({quote.text for quote in done.quotes}) == len(done.quotes) >= 2, done.answer
