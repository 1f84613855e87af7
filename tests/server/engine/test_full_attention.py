"""Which bases can be served: the configurations of architectures as transformers makes them, and published files."""

from typing import Any

import pytest
from transformers import CONFIG_MAPPING

from server.engine.full_attention import check_full_attention
from server.errors import BaseError

LFM2 = {"model_type": "lfm2", "full_attn_idxs": [2, 5, 8], "conv_L_cache": 3, "max_position_embeddings": 128_000}
MISTRAL_V1 = {"model_type": "mistral", "sliding_window": 4096, "max_position_embeddings": 32_768}
GEMMA_3_4B = {"model_type": "gemma3", "text_config": {"sliding_window": 1024, "max_position_embeddings": 131_072}}
GRANITE_4_350M = {"model_type": "granitemoehybrid", "layer_types": ["attention"] * 28, "mamba_d_state": 256}
QWEN_25 = {
    "model_type": "qwen2",
    "sliding_window": 32_768,
    "use_sliding_window": False,
    "max_position_embeddings": 32_768,
}
PHI_3_128K = {"model_type": "phi3", "sliding_window": 262_144, "max_position_embeddings": 131_072}


def refusal(config: Any) -> str:
    """The sentence; empty when the base can be served."""
    try:
        check_full_attention("the base", config)
    except BaseError as error:
        assert error.code == "base_unsupported"
        return error.message
    return ""


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "granite", "smollm3", "phi3", "olmo2", "gpt_neox"])
def test_full_attention_decoders_are_served(family: str) -> None:
    assert refusal(CONFIG_MAPPING[family]().to_dict()) == ""


@pytest.mark.parametrize(
    "family",
    ["mamba", "mamba2", "jamba", "bamba", "falcon_h1", "recurrent_gemma", "rwkv", "xlstm", "zamba2", "nemotron_h"],
)
def test_recurrent_layers_are_refused(family: str) -> None:
    assert "without full attention" in refusal(CONFIG_MAPPING[family]().to_dict())


@pytest.mark.parametrize("family", ["qwen3_next", "minimax", "olmo_hybrid"])
def test_linear_attention_is_refused(family: str) -> None:
    assert "(linear_attention)" in refusal(CONFIG_MAPPING[family]().to_dict())


@pytest.mark.parametrize("family", ["gemma2", "gemma3_text", "gpt_oss", "mistral"])
def test_a_sliding_window_is_refused(family: str) -> None:
    assert "sliding" in refusal(CONFIG_MAPPING[family]().to_dict())


@pytest.mark.parametrize("config", [GRANITE_4_350M, QWEN_25, PHI_3_128K, {"model_type": "llama"}], ids=str)
def test_a_published_file_with_full_attention_is_taken(config: dict[str, Any]) -> None:
    assert refusal(config) == ""


@pytest.mark.parametrize("config", [LFM2, MISTRAL_V1, GEMMA_3_4B, GRANITE_4_350M | {"layer_types": ["mamba"]}], ids=str)
def test_a_published_file_without_it_is_refused(config: dict[str, Any]) -> None:
    assert refusal(config)


@pytest.mark.parametrize(
    "config",
    [
        {"layer_types": 7},
        {"layer_types": [["full_attention"]]},
        {"layer_types": {"full_attention": 1}},
        {"layer_types": ["full_attention"], "block_types": ["recurrent"]},
        {"text_config": "full"},
        {"sliding_window": "wide", "max_position_embeddings": 2048},
        {"sliding_window": 4096},
    ],
    ids=str,
)
def test_a_file_that_is_not_what_it_should_be_is_refused(config: Any) -> None:
    assert refusal(config)
