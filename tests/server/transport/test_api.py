"""The HTTP API over a real server and a fake engine: keys, models, answers, streams, refusals."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.transport.api.keys import ApiKeys
from tests.server.fakes import FakeEngine, eventually, settings
from tests.server.live import Live, running

PAGE = {"title": "Lease", "url": "https://example.org/lease", "blocks": ["The lease.", "The term is two years."]}
QUESTION = [{"role": "user", "content": "How long is the term?"}]


class Caller:
    """A client with a key."""

    def __init__(self, live: Live, key: str) -> None:
        self.live, self.key = live, key
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", trust_env=False, timeout=10)

    async def chat(self, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        body = {"model": "lease", "messages": QUESTION, "page": PAGE} | fields
        return await self.http.post("/v1/chat/completions", json=body, headers=self.headers | (headers or {}))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    key = ApiKeys(settings(tmp_path).config_dir).create("test")
    async with running(tmp_path) as live:
        caller = Caller(live, key)
        yield caller
        await caller.http.aclose()


def events(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def test_every_copilot_is_a_model(caller: Caller) -> None:
    answer = await caller.http.get("/v1/models", headers=caller.headers)

    assert answer.status_code == 200
    ids = [model["id"] for model in answer.json()["data"]]
    assert ids == ["generalist", "legal/lease", "base"]
    assert {model["object"] for model in answer.json()["data"]} == {"model"}


async def test_the_base_model_alone_answers_without_any_adapter_or_instructions(caller: Caller) -> None:
    answer = (await caller.chat(model="base")).json()

    (request,) = caller.live.engine.requests
    assert request.adapter is None
    assert answer["retinue"]["mode"] == "base"


async def test_an_answer_has_its_usage_and_its_evidence(caller: Caller) -> None:
    answer = (await caller.chat()).json()

    assert answer["object"] == "chat.completion"
    assert answer["model"] == "legal/lease"
    (choice,) = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": 'The term is "two years" [2].'}
    assert choice["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["prompt_tokens_details"]["cached_tokens"] <= usage["prompt_tokens"]
    (quote,) = answer["retinue"]["quotes"]
    assert (quote["text"], quote["verified"], quote["block"]) == ("two years", True, 2)
    assert (answer["retinue"]["blocks_read"], answer["retinue"]["blocks_total"]) == (2, 2)


async def test_a_stream_brings_the_same_words_then_evidence_then_usage(caller: Caller) -> None:
    whole = (await caller.chat()).json()
    answer = await caller.chat(stream=True, stream_options={"include_usage": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    chunks = events(answer.text)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == whole["choices"][0]["message"]["content"]
    last, usage = chunks[-2:]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["retinue"]["quotes"] == whole["retinue"]["quotes"]
    assert usage["usage"] == whole["usage"]


async def test_the_page_may_stand_above_the_question_in_the_first_message(caller: Caller) -> None:
    content = "The lease.\n\nThe term is two years.\n\nHow long is the term?"
    answer = (await caller.chat(page=None, messages=[{"role": "user", "content": content}])).json()

    assert answer["retinue"]["quotes"][0]["verified"]
    assert answer["retinue"]["blocks_total"] == 2


async def test_earlier_turns_and_system_messages_reach_the_model(caller: Caller) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who lets?"},
        {"role": "assistant", "content": "Ida Holm."},
        {"role": "user", "content": [{"type": "text", "text": "And for how long?"}]},
    ]
    await caller.chat(messages=messages)

    (request,) = caller.live.engine.requests
    assert b"Who lets?" in bytes(i for i in request.history if i < 256)
    assert b"Be brief.\n\nAnd for how long?" in bytes(i for i in request.turn if i < 256)


async def test_without_any_key_the_api_is_off(tmp_path: Path) -> None:
    async with running(tmp_path) as live, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{live.port}/v1/models")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "api_off"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, "api_key_missing"),
        ({"Authorization": "Bearer retinue-wrong"}, 401, "api_key_wrong"),
        ({"Authorization": "Basic abc"}, 401, "api_key_missing"),
        ({"Origin": "https://evil.example"}, 403, "origin_refused"),
        ({"Origin": "null"}, 403, "origin_refused"),
    ],
)
async def test_who_may_not_ask_hears_why(caller: Caller, headers: dict[str, str], status: int, code: str) -> None:
    answer = await caller.chat(headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not caller.live.engine.requests


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"tools": []}, 400, "parameter_unsupported", "tools"),
        ({"n": 2}, 400, "parameter_invalid", "n"),
        ({"temperature": 3}, 400, "parameter_invalid", "temperature"),
        ({"model": "legal/no-such"}, 404, "model_not_found", None),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages_invalid", None),
        ({"messages": []}, 400, "parameter_invalid", "messages"),
        ({"page": None}, 400, "page_missing", None),
        ({"page": {"blocks": ["a"], "text": "a"}}, 400, "parameter_invalid", "page"),
        ({"page": {"blocks": [" "]}}, 400, "page_empty", None),
        ({"messages": [{"role": "user", "content": "x" * 8_001}]}, 400, "question_too_long", None),
        ({"max_tokens": 5_000}, 400, "answer_too_long", None),
    ],
)
async def test_a_bad_request_is_refused_by_name(
    caller: Caller, fields: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    answer = await caller.chat(**fields)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"].endswith((".", "”"))
    await eventually(lambda: not caller.live.engine.open_pages)


async def test_what_is_no_json_and_what_is_no_address_are_refused_in_the_same_form(caller: Caller) -> None:
    answer = await caller.http.post("/v1/chat/completions", content=b"{", headers=caller.headers)
    other = await caller.http.get("/v1/embeddings", headers=caller.headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request_invalid")
    assert (other.status_code, other.json()["error"]["code"]) == (404, "url_unknown")


async def test_a_request_above_its_limit_is_refused_while_it_arrives(tmp_path: Path) -> None:
    key = ApiKeys(settings(tmp_path).config_dir).create("test")
    async with running(tmp_path, frame_bytes_max=4_096) as live:
        caller = Caller(live, key)
        body = json.dumps({"model": "generalist", "messages": QUESTION, "page": {"text": ""}}).encode()
        room = 4_096 - len(body)
        answers = [
            await caller.http.post("/v1/chat/completions", content=body + b" " * (room + more), headers=caller.headers)
            for more in (-1, 0, 1)
        ]
        await caller.http.aclose()

    assert [answer.json()["error"]["code"] for answer in answers] == ["page_empty", "page_empty", "request_too_large"]
    assert answers[-1].status_code == 413


async def test_a_client_that_goes_away_frees_its_row_and_its_page(caller: Caller) -> None:
    engine: FakeEngine = caller.live.engine
    engine.gate.clear()
    for stream in (False, True):
        asking = asyncio.create_task(caller.chat(stream=stream))
        await eventually(lambda: engine.rows == 1)
        asking.cancel()
        await eventually(lambda: engine.rows == 0 and not engine.open_pages)


async def test_a_key_has_only_so_many_answers_at_once(tmp_path: Path) -> None:
    keys = ApiKeys(settings(tmp_path).config_dir)
    first, second = keys.create("first"), keys.create("second")
    async with running(tmp_path, runs_per_socket_max=2) as live:
        live.engine.gate.clear()
        caller, other = Caller(live, first), Caller(live, second)
        waiting = [asyncio.create_task(caller.chat()) for _ in range(2)]
        await eventually(lambda: live.engine.rows == 2)
        refused = await caller.chat()
        waiting.append(asyncio.create_task(other.chat()))
        await eventually(lambda: live.engine.rows == 3)
        live.engine.gate.set()
        answers = await asyncio.gather(*waiting)
        again = await caller.chat()
        await caller.http.aclose()
        await other.http.aclose()

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert [answer.status_code for answer in (*answers, again)] == [200] * 4


async def test_a_fault_in_mid_answer_is_an_event_and_ends_the_stream(caller: Caller) -> None:
    engine: FakeEngine = caller.live.engine
    engine.gate.clear()
    asking = asyncio.create_task(caller.chat(stream=True))
    await eventually(lambda: engine.rows == 1)
    engine.fails_with = RuntimeError("secret of the page")
    engine.gate.set()
    answer = await asking

    last = events(answer.text)[-1]
    assert last["error"]["code"] == "run_failed"
    assert "secret" not in answer.text


async def test_a_key_may_be_held_to_some_copilots(tmp_path: Path) -> None:
    key = ApiKeys(settings(tmp_path).config_dir).create("narrow", copilots=("legal",))
    async with running(tmp_path) as live:
        caller = Caller(live, key)
        models = await caller.http.get("/v1/models", headers=caller.headers)
        allowed, forbidden = await caller.chat(), await caller.chat(model="generalist")
        await caller.http.aclose()

    assert [model["id"] for model in models.json()["data"]] == ["legal/lease"]
    assert allowed.status_code == 200
    assert (forbidden.status_code, forbidden.json()["error"]["code"]) == (403, "copilot_forbidden")


async def test_nothing_that_a_program_asks_is_kept_among_the_conversations(tmp_path: Path) -> None:
    key = ApiKeys(settings(tmp_path).config_dir).create("test")
    async with running(tmp_path) as live:
        caller = Caller(live, key)
        assert (await caller.chat(messages=[{"role": "user", "content": "Where is Zyzzyva?"}])).status_code == 200
        await caller.http.aclose()

    kept = [file.read_bytes() for file in (settings(tmp_path).user_dir / "threads").rglob("*") if file.is_file()]
    assert kept
    assert not any(b"Zyzzyva" in content for content in kept)


async def test_a_revoked_key_is_refused_by_a_running_server(caller: Caller) -> None:
    assert (await caller.chat()).status_code == 200
    assert ApiKeys(caller.live.keys.path.parent).revoke("test")
    ApiKeys(caller.live.keys.path.parent).create("other")

    assert (await caller.chat()).json()["error"]["code"] == "api_key_wrong"
