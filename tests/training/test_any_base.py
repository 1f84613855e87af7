"""Any full-attention decoder: small random-weight models of the real families, from files to served tokens."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    GraniteConfig,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerBase,
    Qwen3Config,
)

from server.engine import AdapterRef, PageTokens, Request, Tokens
from server.engine.adapter_check import check_adapter
from server.engine.fingerprint import base_fingerprint, weight_files
from server.engine.local.engine import LocalEngine
from server.errors import BaseError
from server.settings import load_settings
from server.text.prompt import PromptLayout
from tests.training.conftest import RECIPE
from training import make
from training.dataset.render import Rendered
from training.fit.adapter import load_base
from training.fit.loop import new_adapter, trainable
from training.fit.memory import check_fits, checkpointed, estimate, free_bytes
from training.fit.prefix import PrefixCache, answer_nll, collate
from training.job import Job
from training.material import Material

SHARED = {
    "hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1,
    "intermediate_size": 128, "max_position_embeddings": 512, "eos_token_id": 2, "pad_token_id": 0,
    "bos_token_id": None, "initializer_range": 0.1,
}  # fmt: skip
FAMILIES: dict[str, Callable[[int], PretrainedConfig]] = {
    "qwen3": lambda words: Qwen3Config(**SHARED, vocab_size=words, head_dim=64, tie_word_embeddings=False),
    "smollm": lambda words: LlamaConfig(**SHARED, vocab_size=words, tie_word_embeddings=True),
    "granite": lambda words: GraniteConfig(
        **SHARED, vocab_size=words, embedding_multiplier=12.0, attention_multiplier=0.015625, residual_multiplier=0.22,
        logits_scaling=4.0, tie_word_embeddings=True,
    ),
}  # fmt: skip


@pytest.fixture(params=FAMILIES)
def family_base(request: pytest.FixtureRequest, tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> Path:
    """The smallest model of a family; Qwen3 in shards."""
    torch.manual_seed(0)
    folder = tmp_path / "bases" / str(request.param)
    model = AutoModelForCausalLM.from_config(FAMILIES[request.param](len(tokenizer)))
    model.save_pretrained(folder, max_shard_size="2MB" if request.param == "qwen3" else "1GB")
    tokenizer.save_pretrained(folder)
    return folder


def test_a_base_of_any_family_is_loaded_trained_measured_and_served(family_base: Path, job: Job) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 1, "batch": 4, "checkpointing": True})
    job = replace(job, base=family_base, out=job.out.parent / family_base.name, recipe=recipe)
    events: list[str] = []
    report = make.train(job, on_event=lambda event: events.append(str(event["event"])))
    assert events.count("step") == 2
    assert events[1] == "memory"
    assert report["loss"]["after"] < report["loss"]["before"]
    assert report["forgetting"]["base_logit_diff_max"] == 0
    assert report["forgetting"]["reload_diff_max"] < 1e-3
    again = make.evaluate(job)
    assert again["loss"] == report["loss"]

    row = Material(job).heldout[0]
    served = asyncio.run(serve(family_base, job.out, row))

    model = PeftModel.from_pretrained(load_base(family_base, dtype="float32"), str(job.out)).eval()
    ids = list(row.prefix + row.suffix[: row.answer_at])
    with torch.no_grad():
        for _ in range(6):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    assert served == ids[-6:]


async def serve(base: Path, adapter: Path, row: Rendered) -> list[int]:
    """Six greedy tokens from the engine that serves."""
    engine = LocalEngine(load_settings(threads=1), base, dtype=torch.float32)
    await engine.start()
    ref: AdapterRef = check_adapter(adapter, engine.info)
    page = PageTokens(row.prefix, row.spans)
    request = Request(
        page=page, history=(), turn=list(row.suffix[: row.answer_at]), adapter=ref, stop_ids=frozenset(), tokens_max=6,
        timeout_s=60, constrain_quotes=False,
    )  # fmt: skip
    ids: list[int] = []
    async for event in engine.generate(request):
        if isinstance(event, Tokens):
            ids += event.ids
    await engine.stop()
    return ids


@pytest.fixture
def sharded(base: Path, tmp_path: Path) -> Path:
    """The tiny base in several files."""
    folder = Path(shutil.copytree(base, tmp_path / "sharded"))
    (folder / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(base).save_pretrained(folder, max_shard_size="500KB")
    assert not (folder / "model.safetensors").exists()
    return folder


def test_the_fingerprint_covers_every_shard(sharded: Path) -> None:
    before = base_fingerprint(sharded)
    last = sharded / weight_files(sharded)[-1]
    last.write_bytes(last.read_bytes()[:-1] + b"\x01")
    assert base_fingerprint(sharded) != before
    last.unlink()
    with pytest.raises(BaseError) as missing:
        base_fingerprint(sharded)
    assert missing.value.code == "base_missing"


@pytest.mark.parametrize("index", ["{", "[]", '{"weight_map": {}}', '{"weight_map": {"a": "../x.safetensors"}}'])
def test_an_index_that_names_anything_else_is_refused(sharded: Path, index: str) -> None:
    (sharded / "model.safetensors.index.json").write_text(index)
    with pytest.raises(BaseError) as refused:
        base_fingerprint(sharded)
    assert refused.value.code == "base_unreadable"


def test_layers_computed_twice_give_the_same_loss_and_gradients(
    base: Path, layout: PromptLayout, rows: list[Rendered]
) -> None:
    model = new_adapter(load_base(base, dtype="float32"), RECIPE, user_header=layout.user_header)
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in trainable(model).values():
            weight.normal_(std=0.05)
    model.train()
    found = []
    for on in (False, True, True):
        model.zero_grad()
        with checkpointed(model, on=on):
            loss = answer_nll(model, collate(rows, PrefixCache(model))).sum()
            loss.backward()  # type: ignore[no-untyped-call]
        found.append((loss.detach(), {n: w.grad.clone() for n, w in trainable(model).items() if w.grad is not None}))
    for loss, gradients in found[1:]:
        assert torch.equal(loss, found[0][0])
        assert len(gradients) == len(trainable(model))
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name])


def test_memory_is_estimated_and_too_little_is_said_before_the_start(base: Path, rows: list[Rendered]) -> None:
    need = estimate(base, RECIPE, rows, device="cpu")
    assert need.available == pytest.approx(free_bytes("cpu"), rel=0.2)
    stored = (base / "model.safetensors").stat().st_size
    assert stored <= need.weights <= 2 * stored
    frugal = RECIPE.model_copy(update={"dtype": "bfloat16", "checkpointing": True, "batch": 1})
    less = estimate(base, frugal, rows, device="cpu", available=10**12)
    assert less.weights < need.weights
    assert less.step < need.step / 3
    assert less.page_kv == need.page_kv // 2
    check_fits(less, base="tiny")
    with pytest.raises(BaseError, match="smaller batch") as refused:
        check_fits(estimate(base, RECIPE, rows, device="cpu", available=10_000_000), base="tiny")
    assert refused.value.code == "base_too_large"
