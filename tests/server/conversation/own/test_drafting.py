"""Drafts from a copilot's documents, over the socket: sent in parts, drafted in the background, judged, taught."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.conversation.own.drafting import claim_of, question_of, sentences
from server.engine import Finished, Request, Tokens
from server.text.page import read_page
from tests.server.conversation.own.test_desk import DRAFT, ID, asked
from tests.server.fakes import FakeEngine, FakeWire, Harness, decode

UNIT = "The last boat of the day leaves the east pier at 19.10 in summer."
FERRY = f"# Ferry\n\n{UNIT}\n\nDogs travel free on a lead on all of the Harbour boats.\n"
POOL = "# Pool\n\nThe swimming pool in Mill Lane opens at nine on all weekdays.\n\nToo short.\n"


class Asker(FakeEngine):
    """Asks what the sentence begins with, and claims the sentence."""

    async def generate(self, request: Request) -> AsyncIterator[Tokens | Finished]:
        turn = decode(request.turn)
        unit = turn.partition("Sentence: ")[2].split("\n")[0].partition("<")[0]
        self.script = unit if "Question: " in turn else f"Question: When is {unit[:25].lower()}?"
        async for event in super().generate(request):
            yield event


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    one = Harness(tmp_path, Asker(), document_bytes_max=4_096)
    yield one
    await one.connections.shut_down()


async def put(wire: FakeWire, text: str | bytes, *, name: str = "ferry.md", size: int = 40) -> dict[str, Any]:
    """A file in small parts; the last answer."""
    content = text.encode() if isinstance(text, str) else text
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    answer: dict[str, Any] = {}
    for n, part in enumerate(parts):
        data = base64.b64encode(part).decode()
        answer = await asked(wire, "document.put", copilot=ID, name=name, part=n, parts=len(parts), data=data)
        if answer["type"] == "error":
            break
    return answer


async def opened(harness: Harness) -> FakeWire:
    wire, _ = await harness.connect()
    await asked(wire, "copilot.save", draft=DRAFT)
    return wire


async def state(wire: FakeWire) -> dict[str, Any]:
    return await asked(wire, "documents.open", copilot=ID)


async def drafted(wire: FakeWire) -> dict[str, Any]:
    assert (await asked(wire, "documents.draft", copilot=ID, on=True))["type"] == "documents.done"
    while True:
        frame = await wire.next("documents.state", timeout_s=10)
        if not frame["drafting"]:
            return frame


async def test_two_files_become_drafts_examples_and_a_copilot_that_can_be_trained(harness: Harness) -> None:
    wire = await opened(harness)
    assert (await put(wire, FERRY))["type"] == "documents.done"
    assert (await put(wire, POOL, name="../../pool.md"))["type"] == "documents.done"
    found = await state(wire)
    assert [(one["name"], one["pages"]) for one in found["documents"]] == [("ferry.md", 1), ("pool.md", 1)]

    pairs = (await drafted(wire))["pairs"]
    assert {pair["verdict"] for pair in pairs} == {"open"}
    assert any(f'"{UNIT}" [1]\nBye.' in pair["answer"] for pair in pairs)
    assert len({pair["document"] for pair in pairs}) == 2
    for pair in pairs:
        await asked(wire, "pair.judge", copilot=ID, pair=pair["id"], verdict="accepted")
    taught = await asked(wire, "documents.teach", copilot=ID)
    assert (taught["train"] > 0, taught["heldout"] > 0) == (True, True)
    cards = harness.connections.copilot_cards()
    assert next(card.trainable for card in cards if card.id == ID)


async def test_drafts_give_way_to_answers_and_can_be_stopped(harness: Harness) -> None:
    wire = await opened(harness)
    await put(wire, FERRY)
    harness.engine.rows = 1
    await asked(wire, "documents.draft", copilot=ID, on=True)
    assert (await state(wire))["drafting"]
    assert harness.engine.requests == []
    await asked(wire, "documents.draft", copilot=ID, on=False)

    assert not (await state(wire))["drafting"]
    assert harness.engine.open_pages == []
    harness.engine.rows = 0


async def test_a_document_goes_with_its_drafts(harness: Harness) -> None:
    wire = await opened(harness)
    await put(wire, FERRY)
    found = await drafted(wire)
    await asked(wire, "document.remove", copilot=ID, document=found["documents"][0]["id"])

    assert (await state(wire))["pairs"] == []


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"\xff\xfe\xfa", "x.md", "page_unreadable"), (b"%PDF-1.7 broken", "x.pdf", "page_unreadable"),
        (b"  \n\n ", "x.txt", "page_empty"), (b"x" * 5_000, "x.txt", "document_too_large"),
    ],
)  # fmt: skip
async def test_a_file_that_is_none_is_refused(harness: Harness, content: bytes, name: str, code: str) -> None:
    wire = await opened(harness)

    assert (await put(wire, content, name=name, size=1_000))["code"] == code
    assert (await state(wire))["documents"] == []


@pytest.mark.parametrize(("part", "parts", "data"), [(1, 2, "YQ=="), (0, 2, "not base64!"), (3, 2, "YQ==")])
async def test_parts_that_do_not_follow_are_refused(harness: Harness, part: int, parts: int, data: str) -> None:
    wire = await opened(harness)
    answer = await asked(wire, "document.put", copilot=ID, name="x", part=part, parts=parts, data=data)

    assert answer["code"] == "document_parts"


@pytest.mark.parametrize("copilot", ["legal/lease", "../x", "legal/none"])
async def test_only_one_s_own_learn(harness: Harness, copilot: str) -> None:
    wire = await opened(harness)

    assert (await asked(wire, "documents.open", copilot=copilot))["code"] in ("documents_no_copilot", "copilot_refused")


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Question: When does the last boat leave?\nAnswer: at 19.10", "When does the last boat leave?"),
        ('"When does the last boat leave? Or the first?"', "When does the last boat leave?"),
        ("The last boat leaves.", None), ("What does this sentence say about the boat?", None),
        ("Who is the king of France?", None), ("Boat?", None), ("", None),
    ],
)  # fmt: skip
def test_a_question_asks_about_its_sentence(said: str, question: str | None) -> None:
    assert question_of(said, UNIT) == question


@pytest.mark.parametrize(
    ("said", "claim"),
    [
        ("The last boat leaves at 19.10. It is blue.", "The last boat leaves at 19.10."),
        ("Answer: the last boat leaves at 19.10", "the last boat leaves at 19.10."),
        ("It leaves at 20.15 from the east pier.", UNIT), ("Penguins swim in cold water all year.", UNIT), ("", UNIT),
    ],
)  # fmt: skip
def test_a_claim_has_no_words_of_its_own(said: str, claim: str) -> None:
    assert claim_of(said, UNIT) == claim


def test_only_whole_sentences_are_asked_about() -> None:
    blocks = [UNIT, "Fares", "- a list point without an end", "short one.", f"{UNIT} {UNIT}"]
    page = read_page(title="", url="", blocks=blocks, chars_max=10_000)

    assert [unit.block for unit in sentences(page)] == [1, 5, 5]
