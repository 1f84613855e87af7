"""The peer's files: where `bench/peers.sh` put its server, and our bases and adapters in its format, made once."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.models import cache_dir
from server.engine.fingerprint import base_fingerprint
from server.errors import RetinueError

QUANTISED = {"q4_0", "q4_k_m"}  # made from bf16 by its own tool; the converter writes the others itself


@dataclass(frozen=True, slots=True)
class LlamaFiles:
    """`model` in the weights' type; `adapters` in bf16, in the order of the copilots."""

    server: Path
    model: Path
    adapters: tuple[Path, ...]


def installed() -> Path | None:
    """The folder with bin/llama-server and source/, or None when it was not built."""
    folder = cache_dir() / "llama.cpp"
    return folder if (folder / "bin" / "llama-server").is_file() else None


def prepare(home: Path, base: Path, adapters: Sequence[Path], *, weights: str) -> LlamaFiles:
    """Convert what is missing. Raises RetinueError (`bench_convert`) with the converter's last words."""
    folder = cache_dir() / "gguf" / f"{base.name}-{base_fingerprint(base)}"
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / f"{weights}.gguf"
    if not model.is_file():
        _make_model(home, base, model, weights)
    return LlamaFiles(home / "bin" / "llama-server", model, tuple(_adapter(home, base, a, folder) for a in adapters))


def _make_model(home: Path, base: Path, model: Path, weights: str) -> None:
    if weights in QUANTISED:
        wide = model.with_name("bf16.gguf")
        if not wide.is_file():
            _make_model(home, base, wide, "bf16")
        part = model.with_suffix(".part")
        _run([str(home / "bin" / "llama-quantize"), "--pure", str(wide), str(part), weights.upper()])
        part.rename(model)
        return
    part = model.with_suffix(".part")
    _convert(home, "convert_hf_to_gguf.py", [str(base), "--outtype", weights, "--outfile", str(part)])
    part.rename(model)


def _adapter(home: Path, base: Path, adapter: Path, folder: Path) -> Path:
    """Named by copilot and time, so that a retrained one is converted anew."""
    changed = (adapter / "adapter_model.safetensors").stat().st_mtime_ns
    file = folder / f"{adapter.parent.parent.name}-{adapter.parent.name}-{changed}.gguf"
    if not file.is_file():
        part = file.with_suffix(".part")
        options = ["--base", str(base), "--outtype", "bf16", "--outfile", str(part), str(adapter)]
        _convert(home, "convert_lora_to_gguf.py", options)
        part.rename(file)
    return file


def _convert(home: Path, script: str, options: list[str]) -> None:
    _run([sys.executable, "-m", "bench.peers.gguf", str(home / "source"), script, *options])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - commands built here
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-800:]
        raise RetinueError(f"{Path(command[0]).name} failed: {said}", code="bench_convert")
