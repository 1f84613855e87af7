"""Adapters on a server that runs the same base: which it has, how they are named, what it says when it cannot."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.compose import adapter_check, make_engine
from server.engine import AdapterRef, Engine
from server.engine.fingerprint import base_fingerprint
from server.errors import CopilotError, EngineError
from tests.server.remote.asking import chosen
from tests.server.remote.standin import Play, as_json
from tests.server.remote.test_ids import LLAMACPP, STOP, VLLM, answer_of, base, engine_at, request, serving

__all__ = ["base"]  # the fixture
DIGEST = "ab12cd34ef56" + "0" * 52
NAME = f"legal-lease-{DIGEST[:12]}"
LOAD = "/v1/load_lora_adapter"


@pytest.fixture
def adapter(tmp_path: Path) -> AdapterRef:
    return AdapterRef("legal/lease", tmp_path / "lease", DIGEST)


async def test_llamacpp_is_asked_with_the_number_of_the_file_named_by_the_digest(
    tmp_path: Path, base: Path, adapter: AdapterRef
) -> None:
    listed = [{"id": 0, "path": "/x/other-00.gguf", "scale": 1.0}, {"id": 7, "path": f"gguf/{NAME}.gguf", "scale": 1.0}]
    async with serving(base, Play([LLAMACPP.stream([[40], [STOP]])])) as server:
        server.plays["/lora-adapters"] = [as_json(listed)]
        async with _started(tmp_path, base, server.url, "llamacpp") as engine:
            await answer_of(engine, request(adapter=adapter))
            await answer_of(engine, request())

    with_adapter, alone = server.bodies(LLAMACPP.path)
    assert with_adapter["lora"] == [{"id": 0, "scale": 0.0}, {"id": 7, "scale": 1.0}]
    assert alone["lora"] == [{"id": 0, "scale": 0.0}, {"id": 7, "scale": 0.0}]  # else those of its start would speak


async def test_an_adapter_that_llamacpp_was_started_without_is_not_used(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / "legal" / "lease" / "_adapters" / "tiny"
    _write_adapter(folder, base)
    async with engine_at(tmp_path, base, Play([])) as (engine, _):
        check = adapter_check(engine)
        assert check is not None
        with pytest.raises(CopilotError) as refused:
            check(folder, engine.info)

    assert refused.value.code == "copilot_not_there"
    assert "retinue engine adapters" in refused.value.message


async def test_vllm_loads_an_adapter_once_and_is_asked_by_its_name(
    tmp_path: Path, base: Path, adapter: AdapterRef
) -> None:
    answer = Play([VLLM.stream([[40], [STOP]], model=NAME)])
    async with engine_at(tmp_path, base, answer, dialect=VLLM) as (engine, server):
        server.plays[LOAD] = [Play([b"Success: LoRA adapter added successfully."], 200, {})]
        await answer_of(engine, request(adapter=adapter))
        await answer_of(engine, request(adapter=adapter))

    assert server.bodies(LOAD) == [{"lora_name": NAME, "lora_path": str(adapter.folder)}]
    assert [body["model"] for body in server.bodies(VLLM.path)] == [NAME, NAME]


async def test_an_adapter_that_vllm_was_started_with_is_not_loaded_again(
    tmp_path: Path, base: Path, adapter: AdapterRef
) -> None:
    cards = [{"id": "smol"}, {"id": NAME, "parent": "smol", "max_model_len": None}]
    async with serving(base, Play([VLLM.stream([[40], [STOP]], model=NAME)]), dialect=VLLM) as server:
        server.plays["/v1/models"] = [as_json({"data": cards})]
        async with _started(tmp_path, base, server.url, "vllm") as engine:
            await answer_of(engine, request(adapter=adapter))

    assert not server.bodies(LOAD)
    assert server.bodies(VLLM.path)[0]["model"] == NAME


@pytest.mark.parametrize(
    "refusal",
    [
        as_json({"error": {"message": "vLLM does not support Activated LoRA (aLoRA)."}}, 500),
        as_json({"error": {"message": "Loading lora x failed: No adapter found for /x"}}, 404),
        as_json({"detail": "Not Found"}, 404),
    ],
)
async def test_what_vllm_says_of_an_adapter_that_it_cannot_load_is_told(
    tmp_path: Path, base: Path, adapter: AdapterRef, refusal: Play
) -> None:
    async with engine_at(tmp_path, base, Play([]), dialect=VLLM) as (engine, server):
        server.plays[LOAD] = [refusal]
        with pytest.raises(EngineError) as failed:
            await answer_of(engine, request(adapter=adapter))

    assert failed.value.code == "engine_adapter_refused"
    assert NAME in failed.value.message
    assert not server.bodies(VLLM.path)


@contextlib.asynccontextmanager
async def _started(tmp_path: Path, base: Path, url: str, engine: str) -> AsyncIterator[Engine]:
    made = make_engine(chosen(tmp_path, url, engine=engine), base)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def _write_adapter(folder: Path, base: Path) -> None:
    """Whole as far as it is read: its weights are not."""
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"x")
    (folder / "lock.json").write_text(json.dumps({"base_fingerprint": base_fingerprint(base)}))
