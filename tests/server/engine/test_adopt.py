"""Adapters that PEFT wrote elsewhere: taken in when they fit, served as PEFT computes them, refused with a reason."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from server.catalog.copilots import Copilots
from server.catalog.layout import adapter_folder, user_root
from server.cli.adopt import adopt
from server.cli.main import main
from server.engine import BaseInfo, PageTokens, Request
from server.engine.adapter_check import check_adapter
from server.engine.local.base.adapter import read_adapter
from server.engine.local.base.loader import load_base
from server.engine.local.base.outline import outline
from server.engine.local.forward.runner import Runner
from server.errors import CopilotError
from server.settings import Settings, load_settings

from .conftest import Driver
from .test_parity import PAGE, TURNS, computed_logits, logits_of, reference

RequestFor = Callable[..., Request]


@pytest.fixture
def harness(tmp_path: Path, tiny_base: Path) -> Settings:
    """The tiny base as the default, and no copilot yet."""
    shutil.copytree(tiny_base, tmp_path / "user" / "bases" / "tiny")
    return load_settings(
        adapters_dir=tmp_path / "adapters", user_dir=tmp_path / "user", config_dir=tmp_path / "config", base="tiny"
    )


@pytest.fixture
def elsewhere(tmp_path: Path, plain_adapter: Path) -> Path:
    """A plain LoRA as PEFT leaves it: no lock of ours."""
    folder = Path(shutil.copytree(plain_adapter, tmp_path / "My LoRA"))
    (folder / "lock.json").unlink()
    (folder / "training_args.bin").write_bytes(b"pickle")
    return folder


def test_an_outline_names_the_same_linears_as_the_loaded_base(tiny_base: Path) -> None:
    info, linears = outline(tiny_base)
    loaded = load_base(tiny_base, dtype=torch.float32)
    assert (info, linears) == (loaded.info, loaded.linears)


def test_an_imported_plain_lora_is_served_as_peft_computes_it(
    harness: Settings, elsewhere: Path, tiny_base: Path, driver: Driver, info: BaseInfo, request_for: RequestFor
) -> None:
    done = adopt(elsewhere, "legal/lease-review", harness)
    assert (done.base, done.activated, done.in_use) == ("tiny", False, True)
    assert {file.name for file in done.folder.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "lock.json"
    }  # fmt: skip
    assert json.loads((done.folder / "lock.json").read_text())["imported"] is True

    [copilot] = [
        found
        for found in Copilots(
            adapters_dir=harness.adapters_dir, user_dir=harness.user_dir, base=info, check_adapter=check_adapter
        ).all()
        if found.id == "legal/lease-review"
    ]
    assert copilot.mode == "tuned", copilot.refused
    page = PageTokens(tuple(PAGE))
    driver.open(page)
    [(ids, _)] = driver.ask(request_for(page, TURNS[0], copilot.adapter))
    assert ids == reference(tiny_base, elsewhere, PAGE + TURNS[0], tokens=12)
    base = load_base(tiny_base, dtype=torch.float32)
    weights = read_adapter(check_adapter(done.folder, info), base.linears)
    logits = computed_logits(Runner(base), PAGE, weights)
    torch.testing.assert_close(logits, logits_of(tiny_base, elsewhere, PAGE)[-1], atol=2e-4, rtol=0)


def test_what_is_in_use_is_not_overwritten_and_comes_back(
    harness: Settings, elsewhere: Path, adapters: list[Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in ("adapters_dir", "user_dir", "config_dir", "base"):
        monkeypatch.setenv(f"RETINUE_{name.upper()}", str(getattr(harness, name)))

    def run(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["retinue", "copilots", *arguments])
        with pytest.raises(SystemExit):
            main()
        captured = capsys.readouterr()
        return captured.out, captured.err

    def weights() -> bytes:
        return (
            adapter_folder(user_root(harness.user_dir), "legal/own", "tiny") / "adapter_model.safetensors"
        ).read_bytes()

    plain, activated = ((folder / "adapter_model.safetensors").read_bytes() for folder in (elsewhere, adapters[0]))
    assert "a plain LoRA" in run("import", str(elsewhere), "--as", "legal/own")[0]
    assert "stays" in run("import", str(adapters[0]), "--as", "legal/own")[0]
    assert weights() == plain
    assert "is in use again" in run("restore", "own")[0]
    assert weights() == activated
    assert "a plain LoRA" in run("import", str(elsewhere), "--as", "legal/own", "--replace")[0]
    assert weights() == plain
    run("restore", "legal/own")
    assert weights() == activated
    assert "legal/own" in run()[0]
    assert run("import", str(elsewhere / "none"), "--as", "legal/own")[1].startswith("retinue: copilot_weights_missing")


def test_what_does_not_fit_is_refused_and_leaves_nothing(harness: Settings, elsewhere: Path, tmp_path: Path) -> None:
    file, config = elsewhere / "adapter_model.safetensors", elsewhere / "adapter_config.json"
    tensors, fields = load_file(file), json.loads(config.read_text())
    name = sorted(tensors)[0]
    other_shape = tensors | {name: torch.zeros(4, 7)}
    not_finite = tensors | {name: tensors[name] * float("nan")}
    missing = {key: value for key, value in tensors.items() if key != name}
    cases = [
        (other_shape, {}, "copilot_weights_invalid"),
        (not_finite, {}, "copilot_weights_nan"),
        (missing, {}, "copilot_weights_invalid"),
        (tensors, {"init_lora_weights": "pissa"}, "copilot_config_invalid"),
        (tensors, {"alora_invocation_tokens": [1, 2, 3]}, "copilot_invocation"),
    ]
    for changed, change, code in cases:
        save_file(changed, file)
        config.write_text(json.dumps(fields | change))
        with pytest.raises(CopilotError) as refused:
            adopt(elsewhere, "legal/own", harness)
        assert refused.value.code == code
    for name in ("../own/x", "Legal/own", "legal", "legal/con"):
        with pytest.raises(CopilotError):
            adopt(elsewhere, name, harness)
    assert not (harness.user_dir / "copilots").exists()
