"""A GGUF file becomes a base: a tiny Llama, written as llama.cpp writes it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from server.catalog.acquire import sources
from server.engine import fingerprint
from server.engine.local.base import convert
from tests import tiny

Q4_1 = GGMLQuantizationType.Q4_1
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}  # fmt: skip


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_base(tmp_path_factory.mktemp("bases") / "llama", layers=1)


def rows_for_gguf(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """llama.cpp turns pairs of neighbours where transformers turns halves."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(
    base: Path, file: Path, *, architecture: str = "llama", template: str = tiny.CHAT_TEMPLATE, lacks: str = ""
) -> Path:
    """Linear layers and embedding in Q4_1, norms as they are."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config, vocabulary = model.config, json.loads((base / "tokenizer.json").read_text())["model"]
    out = GGUFWriter(file, architecture)
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_rope_dimension_count(config.head_dim)
    out.add_rope_freq_base(10_000.0)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_vocab_size(config.vocab_size)
    out.add_tokenizer_model("gpt2")
    tokens = sorted(vocabulary["vocab"], key=vocabulary["vocab"].get)
    out.add_token_list(tokens)
    out.add_token_types([3 if token in tiny.CONTROLS else 1 for token in tokens])
    out.add_token_merges([" ".join(pair) for pair in vocabulary["merges"]])
    out.add_bos_token_id(tiny.START)
    out.add_eos_token_id(tiny.END)
    out.add_pad_token_id(tiny.PAD)
    if template:
        out.add_chat_template(template)
    for name, weight in tensors(model).items():
        if name != lacks:
            two = weight.ndim == 2
            out.add_tensor(name, quantize(weight, Q4_1) if two else weight, raw_dtype=Q4_1 if two else None)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return file


def tensors(model: Any) -> dict[str, NDArray[np.float32]]:
    """By their GGUF names."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}
    found = {"token_embd.weight": state["model.embed_tokens.weight"], "output_norm.weight": state["model.norm.weight"]}
    for number in range(model.config.num_hidden_layers):
        layer = f"model.layers.{number}"
        found[f"blk.{number}.attn_norm.weight"] = state[f"{layer}.input_layernorm.weight"]
        found[f"blk.{number}.ffn_norm.weight"] = state[f"{layer}.post_attention_layernorm.weight"]
        for name, short in NAMES.items():
            weight = state[f"{layer}.{name}.weight"]
            found[f"blk.{number}.{short}.weight"] = rows_for_gguf(weight, heads[short]) if short in heads else weight
    return found


def test_weights_and_tokenizer_are_those_of_the_file(llama: Path, tmp_path: Path) -> None:
    file = write_gguf(llama, tmp_path / "tiny.gguf")
    before = file.read_bytes()
    convert.convert(file, tmp_path / "out")

    made = AutoModelForCausalLM.from_pretrained(tmp_path / "out").state_dict()
    first = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32).state_dict()
    assert made.keys() == first.keys()
    for name, weight in first.items():
        held = dequantize(quantize(weight.numpy(), Q4_1), Q4_1) if weight.ndim == 2 else weight.numpy()
        assert made[name].dtype == torch.bfloat16
        torch.testing.assert_close(made[name], torch.from_numpy(held).bfloat16(), msg=name, rtol=0, atol=0)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    text = "The kettle is made of steel.<|im_end|>"
    assert tokenizer(text)["input_ids"] == tiny.tokenizer()(text)["input_ids"]
    assert tokenizer.chat_template == tiny.CHAT_TEMPLATE
    assert (tmp_path / "out" / "chat_template.jinja").is_file()
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"architecture": "mamba"}, "base_unsupported"),
        ({"architecture": "nobody"}, "base_unsupported"),
        ({"template": ""}, "base_unsupported"),
        ({"lacks": "blk.0.ffn_up.weight"}, "base_convert_failed"),
    ],
    ids=str,
)
def test_what_cannot_be_served_is_one_line_and_makes_nothing(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], code: str
) -> None:
    file = write_gguf(llama, tmp_path / "tiny.gguf", **changes)

    assert convert.main(file, tmp_path / "out") == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{code}: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bytes_left", [0, 3, 200, -1_000])
def test_a_file_that_is_cut_off_is_refused(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], bytes_left: int
) -> None:
    file = write_gguf(llama, tmp_path / "tiny.gguf")
    file.write_bytes(file.read_bytes()[:bytes_left])

    assert convert.main(file, tmp_path / "out") == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("base_")
    assert not (tmp_path / "out").exists()


def test_the_fingerprint_of_a_converted_base_is_that_of_its_gguf_file(llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "converted"
    folder.mkdir()
    assert fingerprint.GGUF == sources.GGUF
    (folder / sources.GGUF).write_bytes(b"four bits")
    before = fingerprint.base_fingerprint(folder)
    (folder / "model.safetensors").write_bytes(b"as another version of transformers writes it")

    assert fingerprint.base_fingerprint(folder) == before
    assert before != fingerprint.base_fingerprint(llama)
    (folder / sources.GGUF).write_bytes(b"four bytes")
    assert fingerprint.base_fingerprint(folder) != before


def test_a_folder_that_cannot_be_written_is_one_line(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_gguf(llama, tmp_path / "tiny.gguf")
    (tmp_path / "file").write_text("")

    assert convert.main(file, tmp_path / "file" / "out") == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("base_convert_failed: ")
