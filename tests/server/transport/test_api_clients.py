"""The HTTP API as ordinary clients of OpenAI's API use it: `openai` (Python and npm), LangChain, the `llm` command."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from server.transport.api.keys import ApiKeys
from tests.server.fakes import settings
from tests.server.live import Live, running

NPM = Path(__file__).parents[2] / "clients"
ANSWER = 'The term is "two years" [2].'
ASKED = "The lease.\n\nThe term is two years.\n\nHow long is the term?"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with running(tmp_path) as live:
        yield live


@pytest.fixture
def key(tmp_path: Path) -> str:
    return ApiKeys(settings(tmp_path).config_dir).create("clients")


@pytest.fixture
async def client(live: Live, key: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{live.port}/v1", api_key=key, max_retries=0) as client:
        yield client


async def test_the_openai_package_lists_models_and_asks_one(client: openai.AsyncOpenAI) -> None:
    models = [model.id async for model in await client.models.list()]
    answer = await client.chat.completions.create(
        model="legal/lease",
        messages=[{"role": "user", "content": "How long is the term?"}],
        extra_body={"page": {"blocks": ["The lease.", "The term is two years."]}},
    )

    assert models == ["generalist", "legal/lease", "base"]
    assert answer.choices[0].message.content == ANSWER
    assert answer.usage is not None and answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens
    assert answer.model_extra is not None
    assert answer.model_extra["retinue"]["quotes"][0]["verified"]


async def test_the_openai_package_streams(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="lease", messages=[{"role": "user", "content": ASKED}], stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0


async def test_the_openai_package_raises_its_own_errors(live: Live, client: openai.AsyncOpenAI) -> None:
    messages = [{"role": "user", "content": ASKED}]
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="no-such", messages=messages)  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError) as bad:
        await client.chat.completions.create(model="lease", messages=messages, stop=["x"])  # type: ignore[arg-type]
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="wrong").models.list()

    assert unknown.value.code == "model_not_found"
    assert (bad.value.code, bad.value.param) == ("parameter_unsupported", "stop")
    assert not live.engine.requests


async def test_langchain_asks_and_streams_with_usage(live: Live, key: str) -> None:
    async with openai.DefaultAsyncHttpxClient() as http:
        model = ChatOpenAI(
            base_url=f"http://127.0.0.1:{live.port}/v1", api_key=SecretStr(key), model="lease", stream_usage=True,
            max_retries=0, http_async_client=http,
        )  # fmt: skip
        whole = await model.ainvoke(ASKED)
        parts = [part async for part in model.astream(ASKED)]

    assert whole.content == ANSWER
    assert whole.usage_metadata is not None and whole.usage_metadata["input_token_details"]["cache_read"]
    assert "".join(str(part.content) for part in parts) == ANSWER
    assert any(part.usage_metadata for part in parts)


async def test_the_llm_command_pipes_a_page_and_asks(live: Live, key: str, tmp_path: Path) -> None:
    folder = tmp_path / "llm"
    folder.mkdir()
    (folder / "extra-openai-models.yaml").write_text(
        f"- model_id: lease\n  model_name: legal/lease\n  api_base: http://127.0.0.1:{live.port}/v1\n"
        "  api_key_name: retinue\n"
    )
    (folder / "keys.json").write_text(json.dumps({"retinue": key}))
    page = "The lease.\n\nThe term is two years.\n"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "llm", "-m", "lease", "-n", "\nHow long is the term?",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LLM_USER_PATH": str(folder), "NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    out, err = await process.communicate(page.encode())

    assert out.decode().strip() == ANSWER, err.decode()


async def test_the_npm_package_lists_asks_streams_and_raises_its_own_errors(live: Live, key: str) -> None:
    node = shutil.which("node")
    if node is None or not (NPM / "node_modules").is_dir():
        pytest.skip("the openai package of npm is not installed: `make setup` does so where node is")
    process = await asyncio.create_subprocess_exec(
        node, str(NPM / "openai.mjs"), f"http://127.0.0.1:{live.port}/v1", key,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()

    assert process.returncode == 0, err.decode()
    found = json.loads(out)
    assert found.pop("tokens") > 0
    assert found == {
        "models": ["generalist", "legal/lease", "base"], "whole": ANSWER, "verified": [True], "streamed": ANSWER,
        "unknown": {"code": "model_not_found", "param": None},
        "unsupported": {"code": "parameter_unsupported", "param": "stop"},
        "wrongKey": {"code": "api_key_wrong", "param": None},
    }  # fmt: skip
