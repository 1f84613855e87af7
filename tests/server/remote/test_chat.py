"""Any server in OpenAI's form as an engine: recorded streams, and everything that can be wrong with one."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from server.engine import Finished
from server.errors import RetinueError
from server.text.prompt import Turn
from tests.server.fakes import eventually
from tests.server.remote.asking import answer_of, engine_at, request
from tests.server.remote.standin import (
    ANSWER,
    ENDLESS,
    USAGE,
    Play,
    Step,
    as_json,
    chunk,
    event,
    llamacpp,
    ollama,
    vllm,
)  # fmt: skip

CHAT = "/v1/chat/completions"
DONE = event("[DONE]")
BEGUN = event(chunk("The page's own secret"))


@pytest.mark.parametrize(("stream", "cached"), [(vllm(), 16), (llamacpp(), 0)])
async def test_recorded_streams_become_an_answer_with_figures(tmp_path: Path, stream: bytes, cached: int) -> None:
    async with engine_at(tmp_path, Play([stream])) as (engine, server):
        assert await answer_of(engine) == (ANSWER, Finished("stop", 31, cached, 4))
        assert engine.stats() == {"rows_running": 0}

    assert server.bodies(CHAT)[0]["stream"] is True
    assert server.bodies(CHAT)[0]["temperature"] == 0


@pytest.mark.parametrize("form", [vllm, llamacpp, ollama])
async def test_a_stream_may_be_cut_into_pieces_at_every_byte(tmp_path: Path, form: Any) -> None:
    stream = form("€ž”")
    async with engine_at(tmp_path, Play([stream[at : at + 1] for at in range(len(stream))])) as (engine, _):
        assert (await answer_of(engine))[0] == "€ž”"


async def test_the_page_stands_in_the_first_question_and_never_in_the_system_turn(tmp_path: Path) -> None:
    async with engine_at(tmp_path, Play([vllm()])) as (engine, server):
        await answer_of(engine, request(history=[Turn("Who?", "You.")]))

    system, first, answer, last = server.bodies(CHAT)[0]["messages"]
    assert [one["role"] for one in (system, first, answer, last)] == ["system", "user", "assistant", "user"]
    assert "two years" not in system["content"]
    assert "[2] The term is two years." in first["content"]
    assert first["content"].endswith("Who?")
    assert answer["content"] == "You."
    assert last["content"] == "Be brief.\n\nHow long?"


async def test_a_whole_answer_of_a_server_that_does_not_stream_is_taken(tmp_path: Path) -> None:
    whole = {"model": "smol", "usage": USAGE, "choices": [{"message": {"content": "Yes."}, "finish_reason": "length"}]}
    async with engine_at(tmp_path, as_json(whole)) as (engine, _):
        assert await answer_of(engine) == ("Yes.", Finished("length", 31, 0, 4))


LONG = event(chunk("x" * 2_000))
WRONG: dict[str, tuple[Play, str]] = {
    "the wrong key": (as_json({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, 401),
                      "engine_key_refused"),
    "no such model, as vLLM says it": (as_json({"error": {"message": "The model `x` does not exist."}}, 404),
                                       "engine_model_unknown"),
    "no such model, as Ray says it": (as_json({"detail": 'Could not find base model with ID "x".'}, 404),
                                      "engine_model_unknown"),
    "another model, told in the answer": (Play([event(chunk("Hi", model="gemma"))]), "engine_other_model"),
    "an error under 200": (as_json({"error": {"message": "boom", "type": "server_error"}}), "engine_failed"),
    "an error in the first event": (Play([event({"error": {"message": "boom"}})]), "engine_failed"),
    "an error in mid-stream": (Play([BEGUN, event({"error": {"message": "boom"}}), DONE]), "engine_failed"),
    "a detail in mid-stream": (Play([BEGUN, event({"detail": "boom"}), DONE]), "engine_failed"),
    "too long a prompt": (as_json({"error": {"message": "request (11741 tokens) exceeds the available context size",
                                             "type": "exceed_context_size_error"}}, 400), "engine_context"),
    "a web page": (Play([b"<html>Log in</html>"], 200, {"content-type": "text/html"}), "engine_malformed"),
    "no type at all": (Play([b"hello"], 200, {}), "engine_malformed"),
    "packed bytes": (Play([b"\x1f\x8b"], 200, {"content-type": "text/event-stream", "content-encoding": "gzip"}),
                     "engine_malformed"),
    "no JSON": (Play([b"data: {\n\n"]), "engine_malformed"),
    "JSON of another kind": (Play([event({"choices": "none"})]), "engine_malformed"),
    "content that is no text": (Play([event({"choices": [{"delta": {"content": [1]}}]})]), "engine_malformed"),
    "a line without end": (Play([b"data: " + b"x" * 70_000, 0.1, b"x" * 300_000, 5.0]), "engine_endless"),
    "events without end": (Play([b": " + b"x" * 1_000 + b"\n\n", ENDLESS]), "engine_endless"),
    "silence": (Play([5.0]), "engine_silent"),
    "silence in mid-answer": (Play([BEGUN, 5.0]), "engine_silent"),
    "the end of the server": (Play([BEGUN], whole=False), "engine_cut"),
    "an end that was not told": (Play([BEGUN]), "engine_cut"),
    "a batch that was broken off": (Play([BEGUN, event(chunk(None, finish="abort")), DONE]), "engine_cut"),
    "nothing": (Play([DONE]), "engine_empty"),
    "thoughts alone": (Play([event(chunk(None, finish="length")), DONE]), "engine_empty"),
    "a filter": (Play([event(chunk(None, finish="content_filter")), DONE]), "engine_withheld"),
    "another address": (Play([], 307, {"location": "http://127.0.0.1:9/"}), "engine_redirects"),
    "too many questions": (as_json({"error": {"message": "Rate limit"}}, 429, **{"retry-after": "7"}), "engine_busy"),
    "a gateway without a server": (Play([b"Bad gateway"], 502, {}), "engine_busy"),
    "a refusal": (as_json({"error": {"message": "turns must alternate", "param": "messages"}}, 400), "engine_refused"),
    "a validation error": (as_json({"detail": [{"loc": ["body"], "msg": "Field required"}]}, 422), "engine_refused"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_told_in_a_sentence_with_a_code(
    tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "server")
    play, code = WRONG[what]
    bounds = {"engine_silent_s_max": 0.4, "engine_stream_bytes_max": 500_000, "engine_tries_max": 1}
    async with engine_at(tmp_path, play, **bounds) as (engine, _):
        with pytest.raises(RetinueError) as failed:
            await answer_of(engine)

        assert failed.value.code == code
        assert failed.value.message.endswith(".")
        assert "\n" not in failed.value.message
        assert len(failed.value.message) < 500
        assert "secret" not in failed.value.message + caplog.text
        assert engine.stats() == {"rows_running": 0}
        assert failed.value.retry_after_ms == (7_000 if what == "too many questions" else failed.value.retry_after_ms)


async def test_an_answer_longer_than_was_asked_for_is_ended(tmp_path: Path) -> None:
    async with engine_at(tmp_path, Play([LONG, ENDLESS])) as (engine, server):
        text, end = await answer_of(engine, request(tokens_max=10))
        await asyncio.wait_for(server.left.wait(), 5)

    assert len(text) == 160
    assert end.reason == "length"


async def test_an_answer_that_takes_too_long_in_all_is_ended(tmp_path: Path) -> None:
    slow: list[Step] = [BEGUN, 0.1]
    async with engine_at(tmp_path, Play(slow * 50)) as (engine, server):
        with pytest.raises(RetinueError) as failed:
            await answer_of(engine, request(timeout_s=0.5))
        await asyncio.wait_for(server.left.wait(), 5)

    assert failed.value.code == "run_timeout"


async def test_who_stops_reading_closes_the_request(tmp_path: Path) -> None:
    async with engine_at(tmp_path, Play([BEGUN, 10.0])) as (engine, server):
        answer = engine.generate(request())
        await anext(answer)
        await answer.aclose()
        await asyncio.wait_for(server.left.wait(), 5)

        assert engine.stats() == {"rows_running": 0}


async def test_a_task_that_is_cancelled_before_the_first_word_closes_the_request(tmp_path: Path) -> None:
    async with engine_at(tmp_path, Play([10.0])) as (engine, server):
        task = asyncio.create_task(answer_of(engine))
        await eventually(lambda: bool(server.bodies(CHAT)))
        task.cancel()
        await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize("first", [Play([b"x"], 503, {}), Play([], whole=False), Play([])])
async def test_a_question_is_tried_again_before_the_first_word(tmp_path: Path, first: Play) -> None:
    async with engine_at(tmp_path, first, Play([vllm()])) as (engine, server):
        assert (await answer_of(engine))[0] == ANSWER

    assert len(server.bodies(CHAT)) == 2


@pytest.mark.parametrize(
    "first", [Play([BEGUN], whole=False), as_json({"error": {"message": "no"}}, 400), as_json({"error": {}}, 500)]
)
async def test_a_question_is_asked_once_when_an_answer_began_or_was_refused(tmp_path: Path, first: Play) -> None:
    async with engine_at(tmp_path, first, Play([vllm()])) as (engine, server):
        with pytest.raises(RetinueError):
            await answer_of(engine)

    assert len(server.bodies(CHAT)) == 1


async def test_a_parameter_that_is_refused_by_name_is_left_out_from_then_on(tmp_path: Path) -> None:
    refused = as_json({"error": {"message": "Use 'max_completion_tokens' instead.", "param": "max_tokens"}}, 400)
    async with engine_at(tmp_path, refused, Play([vllm()])) as (engine, server):
        await answer_of(engine)
        await answer_of(engine)

    first, second, third = server.bodies(CHAT)
    assert first["max_tokens"] == second["max_completion_tokens"] == third["max_completion_tokens"] == 50
    assert "max_tokens" not in second


async def test_the_key_goes_into_the_header_and_nowhere_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "server")
    async with engine_at(tmp_path, Play([b"x"], 401, {}), engine_key="sk-hush") as (engine, server):
        with pytest.raises(RetinueError) as failed:
            await answer_of(engine)

    assert {headers["authorization"] for _, headers, _ in server.asked} == {"Bearer sk-hush"}
    assert "hush" not in failed.value.message + caplog.text + repr(engine.__dict__)


async def test_another_attempt_samples(tmp_path: Path) -> None:
    async with engine_at(tmp_path, Play([vllm()])) as (engine, server):
        await answer_of(engine, request(attempt=3))

    assert server.bodies(CHAT)[0]["temperature"] > 0
    assert server.bodies(CHAT)[0]["seed"] == 3
