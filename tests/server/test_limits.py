"""Every number of `settings` that a session keeps: one below, at, and one above."""

from pathlib import Path
from typing import Any

import pytest

from tests.server.fakes import FakeEngine, Harness, ask, give, opened, page_open, until


async def refusal(harness: Harness, **fields: Any) -> str:
    session, outbox = await opened(harness)
    give(session, ask(**fields))
    frame, before = await until(outbox, "run.error")
    assert frame.seq == 0
    assert not before
    await session.close()
    return str(frame.code)


async def accepted(harness: Harness, **fields: Any) -> None:
    session, outbox = await opened(harness)
    give(session, ask(**fields))
    await until(outbox, "run.done")
    await session.close()


@pytest.mark.parametrize(("length", "code"), [(9, None), (10, None), (11, "question_too_long")])
async def test_a_question_has_a_limit(tmp_path: Path, length: int, code: str | None) -> None:
    harness = Harness(tmp_path, question_chars_max=10)
    if code:
        assert await refusal(harness, question="q" * length) == code
    else:
        await accepted(harness, question="q" * length)


@pytest.mark.parametrize(("turns", "code"), [(1, None), (2, None), (3, "history_too_long")])
async def test_the_history_has_a_limit(tmp_path: Path, turns: int, code: str | None) -> None:
    harness = Harness(tmp_path, history_turns_max=2)
    history = [{"question": "q", "answer": "a"}] * turns
    if code:
        assert await refusal(harness, history=history) == code
    else:
        await accepted(harness, history=history)


@pytest.mark.parametrize(("tokens", "code"), [(19, None), (20, None), (21, "answer_too_long")])
async def test_the_answer_has_a_limit(tmp_path: Path, tokens: int, code: str | None) -> None:
    harness = Harness(tmp_path, answer_tokens_max=20)
    if code:
        assert await refusal(harness, max_tokens=tokens) == code
    else:
        await accepted(harness, max_tokens=tokens)
        assert harness.engine.requests[0].tokens_max == tokens


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"question": "  "}, "question_empty"),
        ({"page": "other"}, "page_unknown"),
        ({"copilot": "legal/none"}, "copilot_unknown"),
        ({"history": [{"question": "q", "answer": "a" * 32_001}]}, "history_too_long"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_a_code(tmp_path: Path, fields: Any, code: str) -> None:
    assert await refusal(Harness(tmp_path), **fields) == code


async def test_a_question_too_long_for_the_context_is_refused(tmp_path: Path) -> None:
    harness = Harness(tmp_path, FakeEngine(context=1200))
    session, outbox = await opened(harness)

    give(session, ask(question="q" * 1000))
    frame, _ = await until(outbox, "run.error")

    assert frame.code == "question_too_long"


@pytest.mark.parametrize(("chars", "code"), [(29, None), (30, None), (31, "page_too_long")])
async def test_a_page_has_a_limit(tmp_path: Path, chars: int, code: str | None) -> None:
    session, outbox = Harness(tmp_path, page_chars_max=30).session()

    give(session, page_open(blocks=["x" * chars]))
    frame, _ = await until(outbox, "error" if code else "page.ready")

    assert frame.page == "p1"
    assert getattr(frame, "code", None) == code


@pytest.mark.parametrize(("count", "code"), [(2, None), (3, None), (4, "page_too_long")])
async def test_the_blocks_of_a_page_have_a_limit(tmp_path: Path, count: int, code: str | None) -> None:
    session, outbox = Harness(tmp_path, page_blocks_max=3).session()

    give(session, page_open(blocks=["x"] * count))
    frame, _ = await until(outbox, "error" if code else "page.ready")

    assert getattr(frame, "code", None) == code


async def test_the_settings_alone_say_how_many_blocks_a_page_has(tmp_path: Path) -> None:
    session, outbox = Harness(tmp_path, page_blocks_max=150_000).session()

    give(session, page_open(blocks=["text", *[""] * 120_000]))
    frame, _ = await until(outbox, "page.ready")

    assert frame.page == "p1"


async def test_a_page_without_text_is_refused_and_so_is_a_question_about_it(tmp_path: Path) -> None:
    session, outbox = Harness(tmp_path).session()

    give(session, page_open(blocks=["\u200b"]))
    give(session, ask())
    refused, before = await until(outbox, "run.error")
    told: dict[str, Any] = {frame.type: frame for frame in before}  # type: ignore[attr-defined]

    assert "run.start" in told
    assert [refused.code, told["error"].code] == ["page_empty", "page_empty"]


@pytest.mark.parametrize(("pages", "code"), [(1, None), (2, None), (3, "page_too_many")])
async def test_the_pages_of_a_client_have_a_limit(tmp_path: Path, pages: int, code: str | None) -> None:
    session, outbox = Harness(tmp_path, pages_per_socket_max=2).session()
    for n in range(pages - 1):
        give(session, page_open(f"p{n}"))
        await until(outbox, "page.ready")

    give(session, page_open(f"p{pages - 1}"))
    frame, _ = await until(outbox, "error" if code else "page.ready")

    assert getattr(frame, "code", None) == code


@pytest.mark.parametrize(("runs", "code"), [(1, None), (2, None), (3, "busy")])
async def test_the_runs_of_a_client_have_a_limit(tmp_path: Path, runs: int, code: str | None) -> None:
    harness = Harness(tmp_path, runs_per_socket_max=2)
    session, outbox = await opened(harness)
    harness.engine.gate.clear()
    for n in range(runs - 1):
        give(session, ask(f"r{n}"))
        await until(outbox, "run.start")

    give(session, ask(f"r{runs - 1}"))
    frame, _ = await until(outbox, "run.error" if code else "run.start")

    assert getattr(frame, "code", None) == code
    assert not code or frame.retry_after_ms
    await session.close()
