"""Our own forward against transformers, for every family that it takes over."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from server.engine import BaseInfo
from server.engine.local.base.adapter import AdapterWeights
from server.engine.local.base.loader import Base, LinearShape
from server.engine.local.forward.decoder import Decoder
from server.engine.local.forward.runner import Runner
from server.engine.local.forward.weights import INT4_GROUP, Groups, Int4Linear, Int8Linear, hold, round_to_int4
from server.engine.local.scheduler import Row, Work

SIZES: dict[str, Any] = {
    "vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 96, "max_position_embeddings": 4096,
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen3": {"head_dim": 32, "tie_word_embeddings": True},
    "qwen2": {"tie_word_embeddings": True},
    "llama": {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0,
                                  "high_freq_factor": 4.0, "original_max_position_embeddings": 512}},
    "mistral": {"sliding_window": None},
    "granite": {"embedding_multiplier": 12.0, "attention_multiplier": 0.05, "residual_multiplier": 0.22,
                "logits_scaling": 8.0, "attention_bias": True},
}  # fmt: skip
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def model_of(family: str) -> PreTrainedModel:
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **SIZES, **FAMILIES[family]))
    for name, weight in model.named_parameters():
        if weight.ndim == 1:  # biases and norms are zeros and ones at first: a mistake in them would not show
            torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.2)
        else:
            torch.nn.init.normal_(weight, std=0.1)
    return model.eval().requires_grad_(False)


def base_of(model: PreTrainedModel) -> Base:
    shapes = {
        name: LinearShape(m.out_features, m.in_features, m.weight.dtype, m.weight.device)
        for name, m in model.named_modules()
        if isinstance(m, torch.nn.Linear) and m is not model.get_output_embeddings()
    }
    return Base(BaseInfo("random", "0" * 16, 0, 4096), model, shapes)


def row_of(runner: Runner, ids: list[int], adapter: AdapterWeights | None = None, *, activation: int = 0) -> Row:
    row = Row(ids=list(ids), activation=activation, emit=lambda event: None)
    row.adapter, row.tail = adapter, runner.new_tail(len(ids))
    return row


def commit(row: Row, count: int) -> None:
    assert row.tail is not None
    row.tail.length += count
    row.done += count


def logits_in_steps(runner: Runner, row: Row, counts: list[int]) -> torch.Tensor:
    for count in counts:
        logits = runner.step([Work(row, count)])[0]
        commit(row, count)
    return logits[-1]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("lean", [True, False])
def test_logits_of_every_family_equal_those_of_transformers(family: str, lean: bool) -> None:
    model = model_of(family)
    ids = torch.randint(0, 512, (1100,)).tolist()  # longer than the first rotary table
    expected = model(input_ids=torch.tensor([ids])).logits[0, -1]
    runner = Runner(base_of(model), lean=lean)

    logits = logits_in_steps(runner, row_of(runner, ids), [700, 398, 1, 1])

    assert runner.lean is lean
    assert torch.allclose(logits, expected, atol=2e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_on_every_linear_equals_peft(family: str, tmp_path: Path) -> None:
    ids = torch.randint(0, 512, (40,)).tolist()
    config = LoraConfig(r=4, lora_alpha=8, target_modules=LINEARS, task_type="CAUSAL_LM")
    peft: PeftModel = get_peft_model(model_of(family), config).eval()
    torch.manual_seed(5)
    for name, weight in peft.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    expected = peft(input_ids=torch.tensor([ids])).logits[0, -1].detach()
    modules = {
        name.removeprefix("base_model.model."): (m.lora_A["default"].weight.detach(),
                                                 2 * m.lora_B["default"].weight.detach())
        for name, m in peft.named_modules()
        if hasattr(m, "lora_A")
    }  # fmt: skip
    runner = Runner(base_of(model_of(family)))

    row = row_of(runner, ids, AdapterWeights("a" * 64, 4, False, modules))
    logits = logits_in_steps(runner, row, [30, 9, 1])

    assert torch.allclose(logits, expected, atol=5e-4)


def test_many_rows_in_one_step_get_what_each_gets_alone() -> None:
    runner = Runner(base_of(model_of("qwen3")))
    prompts = [torch.randint(0, 512, (length,)).tolist() for length in (3, 300, 17, 260, 1, 40)]
    alone = [logits_in_steps(runner, row_of(runner, ids), [len(ids)]) for ids in prompts]

    rows = [row_of(runner, ids) for ids in prompts]
    for row in rows:
        if len(row.ids) > 1:
            runner.step([Work(row, len(row.ids) - 1)])
            commit(row, len(row.ids) - 1)
    together = runner.step([Work(row, 1) for row in rows])

    for one, many in zip(alone, together, strict=True):
        assert torch.allclose(one, many[0], atol=1e-4)


def test_a_drafted_token_gets_the_logits_of_the_token_written() -> None:
    runner = Runner(base_of(model_of("qwen3")))
    ids = torch.randint(0, 512, (20,)).tolist()
    expected = [logits_in_steps(runner, row_of(runner, ids[:n]), [n]) for n in (18, 19, 20)]

    logits = runner.step([Work(row_of(runner, ids[:18]), 18, draft=tuple(ids[18:]))])[0]

    assert logits.shape[0] == 3
    assert torch.allclose(logits, torch.stack(expected), atol=1e-4)


def test_families_with_other_mathematics_are_left_to_transformers() -> None:
    model = model_of("mistral")
    assert Decoder.fits(model)
    model.config.sliding_window = 128
    assert not Decoder.fits(model)
    model.config.sliding_window, model.config.hidden_act = None, "gelu"
    assert not Decoder.fits(model)


def rounded(weight: torch.Tensor) -> Int4Linear:
    return Int4Linear(round_to_int4(weight))


@pytest.mark.parametrize(("held", "error"), [(hold, 0.01), (Int8Linear, 0.02), (rounded, 0.12)])
def test_every_way_to_hold_a_matrix_multiplies_about_the_same(held: Any, error: float) -> None:
    torch.manual_seed(1)
    weight, x = torch.randn(64, 128).to(torch.bfloat16), torch.randn(3, 128).to(torch.bfloat16)
    exact, plus = x.float() @ weight.float().T, torch.ones(3, 64, dtype=torch.bfloat16)
    linear = held(weight)

    assert (linear(x).float() - exact).norm() < error * exact.norm()
    assert torch.allclose(linear(x, plus).float(), linear(x).float() + 1, atol=0.2)


def test_searched_int4_ranges_lose_less_than_the_whole_range() -> None:
    torch.manual_seed(2)
    weight = torch.randn(32, 4 * INT4_GROUP) ** 3  # heavy tails
    found = round_to_int4(weight)
    codes, restored = found.codes, found.values().view(32, 4, INT4_GROUP)
    groups = weight.view(32, 4, INT4_GROUP)
    step = (groups.amax(2) - groups.amin(2)) / 15
    plain = ((groups - groups.amin(2)[..., None]) / step[..., None]).round() * step[..., None]

    assert int(codes.min()) >= 0 and int(codes.max()) <= 15
    assert (restored - groups).pow(2).mean() < (plain + groups.amin(2)[..., None] - groups).pow(2).mean()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("reads", [1, 2])
@pytest.mark.parametrize("packs", [True, False])
def test_groups_are_multiplied_as_they_lie(
    dtype: torch.dtype, reads: int, packs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: packs)
    torch.manual_seed(4)
    out, inputs = 4096 + 48, 64  # packed in two parts
    codes = torch.randint(0, 16, (out, reads * inputs))
    scales, offsets = torch.rand(2, out, reads * inputs // INT4_GROUP).to(torch.bfloat16).float()
    groups = Groups(codes, scales, offsets, reads)
    x = torch.randn(3, inputs).to(torch.bfloat16).to(dtype)

    linear = hold(groups.values().to(dtype), mode="int4", groups=groups)
    y, wide = linear(x), linear(x.repeat(2, 1))[:3]

    exact = x.float() @ groups.values().T
    assert y.dtype == dtype
    assert torch.allclose(y.float(), exact, rtol=2**-8, atol=0.02)
    assert torch.allclose(wide.float(), exact, rtol=2**-6, atol=0.5)
