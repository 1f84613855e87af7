"""Each copilot that ships keeps its norms on the fixture pages, no less often than the base alone does."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from server import bases
from server.copilots import Copilot, Copilots
from server.documents import read_document
from server.engine import AdapterRef, PageText, Request, Tokens
from server.engine.loader import check_adapter
from server.engine.local import LocalEngine
from server.grounding import quotations
from server.page import Page, read_page
from server.settings import load_settings

PAGES = Path(__file__).parent / "e2e" / "pages"
KEPT_MIN = 4  # of five: so small a base gets lost now and then
# What a reader sees at a glance. Written out here: server.checks lets an abstaining answer pass.
CASES = {
    "legal/contract-review": (
        "contract.html",
        re.compile(r'(- )?".+" \[\d+\] .+\nNot legal advice\.', re.DOTALL),
        (
            "What is the liability cap?",
            "Who owns the Customer Data?",
            "How much are service credits?",
            "When can the Customer suspend payment?",
            "What happens to the data at the end?",
        ),
    ),
    "health/evidence-check": (
        "health.html",
        re.compile(
            r"Evidence: (strong|moderate|weak|none)\. .+\nTalk to a clinician before you change anything\.", re.DOTALL
        ),
        (
            "How strong is the evidence for the main claim?",
            "Are there side effects?",
            "Who paid for the study?",
            "What would a careful reader doubt?",
            "When should someone see a clinician?",
        ),
    ),
    "marketing/ad-copy": (
        "shop.html",
        re.compile(r'- .+\nFrom the page: ".+" \[\d+\]', re.DOTALL),
        (
            "Write two headlines of 30 characters or fewer",
            "A meta description under 155 characters",
            "one tagline",
            "Write three headlines of 30 characters or fewer",
            "Give two angles with one call to action each",
        ),
    ),
}


@dataclass
class House:
    """The real embedded base with everything that ships."""

    engine: LocalEngine
    text: bases.BaseText
    copilots: Copilots
    loop: asyncio.AbstractEventLoop

    def page(self, name: str) -> tuple[Page, PageText]:
        document = read_document(str(PAGES / name))
        page = read_page(title=document.title, url="", blocks=document.blocks, chars_max=10**6)
        prefix = self.text.layout.page(page, tokens_max=3_000)
        return page, PageText(prefix.ids, prefix.spans)

    def answer(self, page: PageText, copilot: Copilot, question: str, adapter: AdapterRef | None) -> str:
        async def collect() -> str:
            ids: list[int] = []
            request = Request(
                page=page,
                history=(),
                turn=self.text.layout.ask(question, norms=copilot.norms),
                adapter=adapter,
                stop_ids=self.text.stop_ids,
                tokens_max=160,
                timeout_s=120,
            )
            async for event in self.engine.generate(request):
                if isinstance(event, Tokens):
                    ids += event.ids
            return self.text.decode(ids)

        return self.loop.run_until_complete(collect())


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    settings, loop = load_settings(), asyncio.new_event_loop()
    folder = bases.find(settings, settings.base)
    engine = LocalEngine(settings, folder, dtype=torch.float32)
    loop.run_until_complete(engine.start())
    copilots = Copilots(
        adapters_dir=settings.adapters_dir,
        user_dir=settings.user_dir / "none",
        adapter_bytes_max=settings.adapter_bytes_max,
        base=engine.info,
        check_adapter=check_adapter,
    )
    yield House(engine, bases.load_text(folder), copilots, loop)
    loop.run_until_complete(engine.stop())
    loop.close()


@pytest.mark.parametrize("copilot_id", CASES)
def test_a_copilot_keeps_its_norms_and_no_less_often_than_the_base_alone(house: House, copilot_id: str) -> None:
    file, norm, questions = CASES[copilot_id]
    copilot = house.copilots.get(copilot_id)
    assert copilot.adapter is not None, copilot.refused
    _, text = house.page(file)

    tuned = [house.answer(text, copilot, question, copilot.adapter) for question in questions]
    alone = [house.answer(text, copilot, question, None) for question in questions]

    kept, kept_alone = (sum(norm.fullmatch(answer) is not None for answer in all_) for all_ in (tuned, alone))
    assert kept >= max(KEPT_MIN, kept_alone), (tuned, alone)


@pytest.mark.parametrize("copilot_id", CASES)
def test_every_quotation_of_a_copilot_stands_on_the_page(house: House, copilot_id: str) -> None:
    file, _, questions = CASES[copilot_id]
    copilot = house.copilots.get(copilot_id)
    page, text = house.page(file)

    answers = [house.answer(text, copilot, question, copilot.adapter) for question in questions]

    quotes = [quote for answer in answers for quote in quotations(answer, page)]
    assert quotes
    assert all(quote.verified and quote.cited in (None, quote.block) for quote in quotes), answers
