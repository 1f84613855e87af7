"""Bases and adapters to measure with, made once in a cache folder from a seed: speed needs shapes, not sense.

`random-05b` has the shape of a 0.5 B model of the Qwen3 architecture. Its tokenizer is the default base's, filled
up with words, so that whatever a random model says is text. Random adapters are activated LoRAs of rank 16 on all
linears, A and B ~ N(0, 0.02).
"""

import json
import os
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from platformdirs import user_cache_path
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM

from server.catalog import bases, layout
from server.catalog.layout import ADAPTERS
from server.engine.adapter_lock import AdapterLock, read_lock, write_lock
from server.engine.fingerprint import base_fingerprint
from server.errors import CopilotError
from server.settings import Settings
from server.text.prompt import PromptLayout

RANDOM_BASE = "random-05b"
RANK, ALPHA, STD = 16, 32, 0.02
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHAPE = {
    "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
    "head_dim": 64, "intermediate_size": 4864, "vocab_size": 151_936,
}  # fmt: skip
INSTRUCTIONS = "Answer in plain words."
CATEGORY = "bench"


def cache_dir() -> Path:
    """BENCH_CACHE_DIR, else the user's cache folder."""
    return Path(os.environ.get("BENCH_CACHE_DIR") or user_cache_path("retinue-bench"))


def weight_bytes(base: Path) -> int:
    """Size of a base's weights, in one file or in shards."""
    return sum(file.stat().st_size for file in base.glob("model*.safetensors"))


def random_base(root: Path, tokenizer_from: Path, *, shape: dict[str, int] = SHAPE, name: str = RANDOM_BASE) -> Path:
    """root/bases/<name>, made when it is not there: about 1 GB and half a minute for the 0.5 B shape."""
    folder = root / "bases" / name
    if (folder / "model.safetensors").is_file():
        return folder
    config = Qwen3Config(
        **shape, max_position_embeddings=4096, tie_word_embeddings=True, rope_theta=1e6, dtype="bfloat16",
        bos_token_id=None, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = Qwen3ForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)
    part = folder.with_name(f"{name}.part")
    model.save_pretrained(part, max_shard_size="100GB")
    _write_tokenizer(tokenizer_from, part, size=shape["vocab_size"])
    part.rename(folder)
    return folder


def random_copilots(root: Path, base: Path, *, invocation: list[int], count: int, rank: int = RANK) -> list[str]:
    """Ids of `count` copilots under root/copilots, each with a random adapter for the base."""
    fingerprint = base_fingerprint(base)
    wanted = [root / "copilots" / CATEGORY / f"random-{n}" for n in range(1, count + 1)]
    missing = [(n, f) for n, f in enumerate(wanted, start=1) if not _fits(f / ADAPTERS / base.name, fingerprint)]
    if missing:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base, local_files_only=True))
        config = LoraConfig(
            r=rank, lora_alpha=2 * rank, target_modules=LINEARS, task_type="CAUSAL_LM",
            alora_invocation_tokens=invocation, inference_mode=True,
        )  # fmt: skip
        shapes = {
            name.replace(".default", ""): weight.shape
            for name, weight in get_peft_model(model, config).named_parameters()
            if "lora_" in name
        }
        config.base_model_name_or_path = base.name
        for n, folder in missing:
            _write_copilot(folder, f"Random {n}")
            _write_adapter(folder / ADAPTERS / base.name, shapes, config, fingerprint, seed=n)
    return [f"{folder.parent.name}/{folder.name}" for folder in wanted]


def committed_copilots(settings: Settings, base: Path) -> list[str]:
    """Ids of the copilots in adapters/ that have an adapter for the base."""
    locks = sorted(settings.adapters_dir.glob(f"*/*/{ADAPTERS}/{base.name}/lock.json"))
    fingerprint = base_fingerprint(base)
    return [f"{f.parents[3].name}/{f.parents[2].name}" for f in locks if _fits(f.parent, fingerprint)]


def adapter_folder(copilot: str, base: Path, settings: Settings) -> Path:
    """Where the adapter lies, in the user's folder or the built-in one."""
    roots = (layout.user_root(settings.user_dir), settings.adapters_dir)
    places = [layout.adapter_folder(root, copilot, base.name) for root in roots]
    return next(folder for folder in places if folder.is_dir())


def load_layout(base: Path) -> PromptLayout:
    return bases.load_text(base).layout


def base_folder(name: str, settings: Settings) -> Path:
    """The named base; random-05b is made when it is asked for, with the default base's tokenizer.

    Raises BaseError (`base_missing`).
    """
    if name == RANDOM_BASE:
        return random_base(settings.user_dir, bases.find(settings, settings.base))
    return bases.find(settings, name)


def _fits(folder: Path, fingerprint: str) -> bool:
    try:
        return read_lock(folder).base_fingerprint == fingerprint
    except CopilotError:
        return False


def _write_copilot(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "copilot.toml").write_text(
        f'name = "{name}"\npromise = "Random weights."\ninstructions = "{INSTRUCTIONS}"\n'
    )


def _write_adapter(
    folder: Path, shapes: dict[str, torch.Size], config: LoraConfig, fingerprint: str, *, seed: int
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.empty(shape).normal_(0, STD, generator=random).to(torch.bfloat16) for name, shape in shapes.items()
    }
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    write_lock(folder, AdapterLock(base_fingerprint=fingerprint))


def _write_tokenizer(source: Path, folder: Path, *, size: int) -> None:
    """The source's tokenizer with invented words for the ids that it lacks: never encoded, but decoded."""
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(source / name, folder / name)
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    taken = {*vocabulary.values(), *(token["id"] for token in tokenizer["added_tokens"])}
    words = (word for word in _words() if word not in vocabulary)
    for token in range(size):
        if token not in taken:
            vocabulary[next(words)] = token
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def _words() -> Iterator[str]:
    """A space and three syllables, as byte-level tokenizers spell it: 274,625 words."""
    consonants, vowels = "bdfklmnprstvz", "aeiou"
    return ("Ġ" + "".join(letters) for letters in product(*[consonants, vowels] * 3))
