"""A hostile adapter folder is refused with a reason; base weights never change."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from server.engine import BaseInfo
from server.engine.adapter_check import check_adapter
from server.engine.local.base.adapter import read_adapter
from server.engine.local.base.loader import load_base
from server.errors import BaseError, CopilotError
from tests import tiny


@pytest.fixture
def copy(adapters: list[Path], tmp_path: Path) -> Path:
    folder = tmp_path / "legal" / "copy" / "tiny"
    shutil.copytree(adapters[0], folder)
    return folder


def edit(folder: Path, **fields: object) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_good_adapter_is_accepted_and_read(tiny_base: Path, copy: Path, info: BaseInfo) -> None:
    base = load_base(tiny_base, dtype=torch.float32)

    weights = read_adapter(check_adapter(copy, info), base.linears)

    assert weights.rank == 4 and weights.activated
    assert set(weights.modules) == set(base.linears)


@pytest.mark.parametrize(
    "fields",
    [
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "olora"},
        {"init_lora_weights": "pissa_niter_16"},
        {"layer_replication": [[0, 2], [1, 3]]},
        {"use_dora": True},
        {"bias": "all"},
        {"lora_bias": True},
        {"modules_to_save": ["embed_tokens"]},
        {"target_modules": ".*"},
        {"target_modules": "(a+)+$"},
        {"r": 100_000},
        {"r": 0},
        {"r": "4"},
        {"lora_alpha": 1e30},
        {"lora_alpha": -1},
        {"rank_pattern": {"q_proj": 8}},
        {"trainable_token_indices": [0]},
        {"target_parameters": ["x"]},
        {"peft_type": "IA3"},
        {"alora_invocation_tokens": []},
        {"use_bdlora": True},
        {"kasa_config": {"alpha": 1}},
        {"a_setting_of_tomorrow": 1},
        {"layers_pattern": "layers"},
    ],
)
def test_a_setting_that_could_touch_the_base_is_refused(copy: Path, info: BaseInfo, fields: dict[str, object]) -> None:
    edit(copy, **fields)

    with pytest.raises(CopilotError) as refusal:
        check_adapter(copy, info)

    assert refusal.value.code == "copilot_config_invalid"


@pytest.mark.parametrize("value", [None, False, {}, [], ""])
def test_a_setting_that_is_not_known_may_be_switched_off(copy: Path, info: BaseInfo, value: object) -> None:
    edit(copy, a_setting_of_tomorrow=value, peft_version="9.9", revision="main", lora_dropout=0.1)

    assert check_adapter(copy, info).digest


@pytest.mark.parametrize(("value", "dtype"), [(3e38, torch.float32), (1e5, torch.float16)])
def test_weights_that_are_too_large_once_they_are_scaled_are_refused(
    tiny_base: Path, copy: Path, info: BaseInfo, value: float, dtype: torch.dtype
) -> None:
    file = copy / "adapter_model.safetensors"
    tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
    name = next(name for name in tensors if "lora_B" in name)
    tensors[name][0, 0] = value
    save_file(tensors, file)
    linears = {name: replace(linear, dtype=dtype) for name, linear in load_base(tiny_base).linears.items()}

    with pytest.raises(CopilotError) as refusal:
        read_adapter(check_adapter(copy, info), linears)

    assert refusal.value.code == "copilot_weights_nan"


def test_how_sure_it_must_be_to_abstain_comes_with_the_adapter(copy: Path, info: BaseInfo) -> None:
    lock = json.loads((copy / "lock.json").read_text())
    (copy / "lock.json").write_text(json.dumps(lock | {"abstain_least": 0.31}))

    assert check_adapter(copy, info).abstain_least == 0.31


@pytest.mark.parametrize("least", ["0", "-1", "1.5", "NaN", "Infinity", '"0.5"'])
def test_a_probability_that_is_none_is_refused(copy: Path, info: BaseInfo, least: str) -> None:
    lock = (copy / "lock.json").read_text().rstrip().removesuffix("}")
    (copy / "lock.json").write_text(f'{lock}, "abstain_least": {least}}}')

    with pytest.raises(CopilotError, match="abstain_least"):
        check_adapter(copy, info)


def test_an_adapter_for_another_base_is_refused(copy: Path, info: BaseInfo) -> None:
    (copy / "lock.json").write_text('{"base_fingerprint": "0000000000000000"}')

    with pytest.raises(CopilotError) as refusal:
        check_adapter(copy, info)

    assert refusal.value.code == "copilot_base_mismatch"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tiny_base: Path, copy: Path, info: BaseInfo, value: float) -> None:
    file = copy / "adapter_model.safetensors"
    tensors = load_file(file)
    next(iter(tensors.values()))[0, 0] = value
    save_file(tensors, file)

    with pytest.raises(CopilotError) as refusal:
        read_adapter(check_adapter(copy, info), load_base(tiny_base).linears)

    assert refusal.value.code == "copilot_weights_nan"


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "type"])
def test_tensors_other_than_promised_are_refused(tiny_base: Path, copy: Path, info: BaseInfo, change: str) -> None:
    file = copy / "adapter_model.safetensors"
    tensors = load_file(file)
    name = next(iter(tensors))
    if change == "missing":
        del tensors[name]
    elif change == "extra":
        tensors["base_model.model.model.embed_tokens.weight"] = torch.zeros(tiny.VOCABULARY, 64)
    elif change == "shape":
        tensors[name] = torch.zeros(tensors[name].shape[0] + 1, tensors[name].shape[1])
    else:
        tensors[name] = tensors[name].to(torch.int64)
    save_file(tensors, file)

    with pytest.raises(CopilotError) as refusal:
        read_adapter(check_adapter(copy, info), load_base(tiny_base).linears)

    assert refusal.value.code == "copilot_weights_invalid"


def test_weights_that_changed_since_the_check_are_refused(tiny_base: Path, copy: Path, info: BaseInfo) -> None:
    ref = check_adapter(copy, info)
    tensors = load_file(copy / "adapter_model.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, copy / "adapter_model.safetensors")

    with pytest.raises(CopilotError) as refusal:
        read_adapter(ref, load_base(tiny_base).linears)

    assert refusal.value.code == "copilot_changed"


def test_equal_weights_with_another_alpha_are_another_adapter(tiny_base: Path, copy: Path, info: BaseInfo) -> None:
    before = check_adapter(copy, info)
    settings = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps({**settings, "lora_alpha": 2 * settings["lora_alpha"]}))

    assert check_adapter(copy, info).digest != before.digest
    with pytest.raises(CopilotError) as refusal:
        read_adapter(before, load_base(tiny_base).linears)
    assert refusal.value.code == "copilot_changed"


@pytest.mark.parametrize("name", ["adapter_config.json", "lock.json", "adapter_model.safetensors"])
def test_a_missing_or_linked_file_is_refused(copy: Path, info: BaseInfo, tmp_path: Path, name: str) -> None:
    real = tmp_path / "elsewhere"
    shutil.move(copy / name, real)
    with pytest.raises(CopilotError):
        check_adapter(copy, info)

    os.symlink(real, copy / name)

    with pytest.raises(CopilotError):
        check_adapter(copy, info)


def test_garbage_bytes_are_refused(tiny_base: Path, copy: Path, info: BaseInfo) -> None:
    (copy / "adapter_model.safetensors").write_bytes(os.urandom(5_000))

    with pytest.raises(CopilotError) as refusal:
        read_adapter(check_adapter(copy, info), load_base(tiny_base).linears)

    assert refusal.value.code == "copilot_weights_unreadable"


def test_a_pickle_beside_the_weights_is_never_opened(copy: Path, info: BaseInfo) -> None:
    (copy / "adapter_model.safetensors").rename(copy / "adapter_model.bin")

    with pytest.raises(CopilotError) as refusal:
        check_adapter(copy, info)

    assert refusal.value.code == "copilot_weights_missing"


def test_refused_adapters_leave_the_base_weights_as_they_were(tiny_base: Path, copy: Path, info: BaseInfo) -> None:
    base = load_base(tiny_base)
    before = {name: weight.clone() for name, weight in base.model.named_parameters()}
    edit(copy, init_lora_weights="pissa")

    with pytest.raises(CopilotError):
        check_adapter(copy, info)

    assert all(torch.equal(weight, before[name]) for name, weight in base.model.named_parameters())


def test_a_base_without_weights_is_named_as_missing(tmp_path: Path) -> None:
    with pytest.raises(BaseError) as refusal:
        load_base(tmp_path)

    assert refusal.value.code == "base_missing"


def test_a_base_with_a_sliding_window_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hybrid"
    shutil.copytree(tiny_base, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"layer_types": ["full_attention", "sliding_attention", "full_attention"], "sliding_window": 16}
    (folder / "config.json").write_text(json.dumps({**config, "use_sliding_window": True}))

    with pytest.raises(BaseError) as refusal:
        load_base(folder)

    assert refusal.value.code == "base_unsupported"


def test_no_code_of_the_project_unpickles_or_trusts_remote_code() -> None:
    forbidden: Callable[[str], bool] = lambda text: any(  # noqa: E731
        word in text for word in ("import pickle", "trust_remote_code=True", "weights_only=False")
    )
    root = Path(__file__).parents[3]

    offenders = [f for part in ("server", "training") for f in (root / part).rglob("*.py") if forbidden(f.read_text())]

    assert offenders == []
