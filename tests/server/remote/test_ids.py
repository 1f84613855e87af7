"""The same base elsewhere, by token ids: recorded streams of vLLM and llama.cpp, chosen quotations, what is wrong."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from server.compose import make_engine
from server.engine import Finished, Opening, PageTokens, Request, Tokens
from server.engine.remote.identity import PROBE
from server.errors import EngineError, RetinueError
from tests import tiny
from tests.server.remote.asking import chosen
from tests.server.remote.recorded import llamacpp_ids, vllm_ids
from tests.server.remote.standin import Play, StandIn, as_json, event

MARK, CHOSEN, STOP = 34, (70, 71, 72), 2
PAGE, HISTORY, TURN = (1, 10, 11), (20, 21), (1, 30, 31)
PROMPT = [*PAGE, *HISTORY, *TURN]


@dataclass(frozen=True)
class Dialect:
    engine: str
    path: str
    stream: Callable[..., bytes]
    field: str  # how many tokens are asked for

    def __str__(self) -> str:
        return self.engine


LLAMACPP = Dialect("llamacpp", "/completion", llamacpp_ids, "n_predict")
VLLM = Dialect("vllm", "/v1/completions", vllm_ids, "max_tokens")
both = pytest.mark.parametrize("dialect", [LLAMACPP, VLLM], ids=str)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_base(tmp_path_factory.mktemp("bases") / "tiny", layers=1)


def probe_ids(base: Path) -> list[int]:
    return list(Tokenizer.from_file(str(base / "tokenizer.json")).encode(PROBE, add_special_tokens=False).ids)


@contextlib.asynccontextmanager
async def serving(base: Path, *plays: Play, dialect: Dialect = LLAMACPP) -> AsyncIterator[StandIn]:
    async with StandIn().serving() as server:
        server.plays |= {
            "/tokenize": [as_json({"count": 1, "tokens": probe_ids(base)})], "/lora-adapters": [as_json([])],
            dialect.path: list(plays),
        }  # fmt: skip
        yield server


@contextlib.asynccontextmanager
async def engine_at(
    tmp_path: Path, base: Path, *plays: Play, dialect: Dialect = LLAMACPP, **more: Any
) -> AsyncIterator[tuple[Any, StandIn]]:
    async with serving(base, *plays, dialect=dialect) as server:
        engine = make_engine(chosen(tmp_path, server.url, engine=dialect.engine, **more), base)
        try:
            await engine.start()
            yield engine, server
        finally:
            await engine.stop()


def request(**more: Any) -> Request:
    asked = Request(
        page=PageTokens(PAGE), history=HISTORY, turn=TURN, adapter=None, stop_ids=frozenset({STOP}), tokens_max=20,
        timeout_s=10.0,
    )  # fmt: skip
    return replace(asked, **more)


async def answer_of(engine: Any, asked: Request | None = None) -> tuple[list[int], Finished]:
    ids: list[int] = []
    async with asyncio.timeout(20), contextlib.aclosing(engine.generate(asked or request())) as events:
        async for one in events:
            if isinstance(one, Finished):
                return ids, one
            assert isinstance(one, Tokens)
            ids += one.ids
    raise AssertionError("the answer has no end")


@both
async def test_recorded_streams_become_ids_with_figures(tmp_path: Path, base: Path, dialect: Dialect) -> None:
    stream = dialect.stream([[40], [41, 42], [STOP]])
    async with engine_at(tmp_path, base, Play([stream]), dialect=dialect) as (engine, server):
        found, end = await answer_of(engine)

    assert found == [40, 41, 42]
    assert end == Finished("stop", len(PROMPT), end.cached_tokens, 3)
    assert end.cached_tokens == (3 if dialect is LLAMACPP else 0)
    [body] = server.bodies(dialect.path)
    assert body["prompt"] == PROMPT
    assert body[dialect.field] == 20
    assert body["temperature"] == 0


@both
async def test_a_stream_may_be_cut_into_pieces_at_every_byte(tmp_path: Path, base: Path, dialect: Dialect) -> None:
    stream = dialect.stream([[40], [41], [STOP]])
    play = Play([stream[at : at + 1] for at in range(len(stream))])
    async with engine_at(tmp_path, base, play, dialect=dialect) as (engine, _):
        assert (await answer_of(engine))[0] == [40, 41]


@both
async def test_where_a_quotation_opens_the_chosen_one_is_added_and_the_server_goes_on(
    tmp_path: Path, base: Path, dialect: Dialect
) -> None:
    asked: list[list[int]] = []

    def choose(ids: Sequence[int]) -> Sequence[int] | None:
        asked.append(list(ids))
        return CHOSEN if ids[-1] == MARK else None

    plays = [Play([dialect.stream([[40], [MARK, 50], [51], [STOP]])]), Play([dialect.stream([[41], [STOP]])])]
    async with engine_at(tmp_path, base, *plays, dialect=dialect) as (engine, server):
        found, end = await answer_of(engine, request(choose_quote=choose))

    assert found == [40, MARK, *CHOSEN, 41]  # what the model would have quoted is void
    assert asked[:2] == [[40], [40, MARK]]
    assert (end.reason, end.prompt_tokens, end.answer_tokens) == ("stop", len(PROMPT), 6)
    first, second = server.bodies(dialect.path)
    assert second["prompt"] == [*PROMPT, 40, MARK, *CHOSEN]
    assert second[dialect.field] == first[dialect.field] - 5


@both
async def test_an_answer_begins_as_an_abstention_only_when_the_model_is_sure(
    tmp_path: Path, base: Path, dialect: Dialect
) -> None:
    opening = Opening((60,), 0.85, frozenset({61}))
    sure = Play([dialect.stream([[60], [41], [STOP]], log_p=math.log(0.9))])
    unsure = Play([dialect.stream([[60], [41], [STOP]], log_p=math.log(0.8))])
    other = [Play([dialect.stream([[40]], **{"end": "limit" if dialect is LLAMACPP else "length"})]),
             Play([dialect.stream([[41], [STOP]])])]  # fmt: skip
    async with engine_at(tmp_path, base, sure, unsure, *other, dialect=dialect) as (engine, server):
        assert (await answer_of(engine, request(unless_sure=opening)))[0] == [60, 41]
        assert (await answer_of(engine, request(unless_sure=opening)))[0] == [40, 41]

    _, asked, banned, on = server.bodies(dialect.path)
    assert asked["n_probs" if dialect is LLAMACPP else "logprobs"] == 1
    assert banned["logit_bias"] == ([[60, False], [61, False]] if dialect is LLAMACPP else {"60": -100, "61": -100})
    assert (banned[dialect.field], on[dialect.field]) == (1, 19)
    assert not on.get("logit_bias")
    assert on["prompt"] == [*PROMPT, 40]


@both
async def test_an_answer_has_no_more_tokens_than_were_asked_for(tmp_path: Path, base: Path, dialect: Dialect) -> None:
    async with engine_at(tmp_path, base, Play([dialect.stream([[40] * 9] * 9)]), dialect=dialect) as (engine, _):
        found, end = await answer_of(engine)

    assert len(found) == 20
    assert end.reason == "length"


@both
async def test_another_attempt_samples(tmp_path: Path, base: Path, dialect: Dialect) -> None:
    async with engine_at(tmp_path, base, Play([dialect.stream([[40]])]), dialect=dialect) as (engine, server):
        await answer_of(engine, request(attempt=3))

    assert server.bodies(dialect.path)[0]["temperature"] > 0
    assert server.bodies(dialect.path)[0]["seed"] == 3


CARD = {"id": "smol", "meta": {"n_ctx": 512, "n_embd": 999}}


@both
@pytest.mark.parametrize(
    ("what", "plays"),
    [
        ("other tokens", {"/tokenize": as_json({"tokens": [1, 2, 3]})}),
        ("another size", {"/v1/models": as_json({"data": [CARD]})}),
    ],
)
async def test_another_base_is_found_out_before_a_question(
    tmp_path: Path, base: Path, dialect: Dialect, what: str, plays: dict[str, Play]
) -> None:
    async with serving(base, dialect=dialect) as server:
        server.plays |= {path: [play] for path, play in plays.items()}
        engine = make_engine(chosen(tmp_path, server.url, engine=dialect.engine), base)
        with pytest.raises(EngineError) as refused:
            await engine.start()
        await engine.stop()

    assert refused.value.code == "engine_other_base"
    assert not server.bodies(dialect.path)


BEGUN = {LLAMACPP: event({"tokens": [40], "stop": False}), VLLM: event({"choices": [{"token_ids": [40]}]})}
WRONG: dict[str, tuple[Callable[[Dialect], Play], str]] = {
    "an error in mid-stream": (lambda d: Play([BEGUN[d], event({"error": {"message": "boom"}})]), "engine_failed"),
    "a detail in mid-stream": (lambda d: Play([BEGUN[d], event({"detail": "boom"})]), "engine_failed"),
    "the end of the server": (lambda d: Play([BEGUN[d]], whole=False), "engine_cut"),
    "an end that was not told": (lambda d: Play([BEGUN[d]]), "engine_cut"),
    "a reason that is none": (lambda d: Play([d.stream([[40]], end="abort")]), "engine_cut"),
    "no ids": (lambda d: Play([event({"choices": "none", "tokens": "none"})]), "engine_malformed"),
    "ids that are none": (
        lambda d: Play([event({"choices": [{"token_ids": [-1]}], "tokens": [-1]})]), "engine_malformed"),
    "nothing": (lambda d: Play([d.stream([[]], end="limit" if d is LLAMACPP else "length")]), "engine_empty"),
    "another model": (lambda d: Play([d.stream([[40]], model="gemma")]), "engine_other_model"),
    "too long a prompt": (lambda d: as_json({"error": {"code": 400, "message": "request (9 tokens) exceeds the "
        "available context size (4 tokens)", "type": "exceed_context_size_error"}}, 400), "engine_context"),
    "ids that it does not know": (lambda d: as_json({"error": {"code": 400, "message": "Prompt contains invalid "
        "tokens", "type": "invalid_request_error"}}, 400), "engine_refused"),
    "silence": (lambda d: Play([BEGUN[d], 5.0]), "engine_silent"),
}  # fmt: skip


@both
@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_told_in_a_sentence_with_a_code(
    tmp_path: Path, base: Path, dialect: Dialect, what: str
) -> None:
    play, code = WRONG[what]
    bounds = {"engine_silent_s_max": 1.5, "engine_tries_max": 1}
    async with engine_at(tmp_path, base, play(dialect), dialect=dialect, **bounds) as (engine, _):
        with pytest.raises(RetinueError) as failed:
            await answer_of(engine)

        assert failed.value.code == code
        assert failed.value.message.endswith(".")
        assert engine.stats() == {"rows_running": 0}


async def test_who_stops_reading_closes_the_request(tmp_path: Path, base: Path) -> None:
    async with engine_at(tmp_path, base, Play([BEGUN[LLAMACPP], 10.0])) as (engine, server):
        answer = engine.generate(request())
        await anext(answer)
        await answer.aclose()
        await asyncio.wait_for(server.left.wait(), 5)

        assert engine.stats() == {"rows_running": 0}


async def test_the_context_is_the_smaller_one(tmp_path: Path, base: Path) -> None:
    async with serving(base) as server:
        server.plays["/v1/models"] = [as_json({"data": [{"id": "smol", "meta": {"n_ctx": 256, "n_embd": 64}}]})]
        engine = make_engine(chosen(tmp_path, server.url, engine="llamacpp"), base)
        await engine.start()
        await engine.stop()

    assert engine.info.context_tokens == 256
    assert engine.info.name == "tiny"
