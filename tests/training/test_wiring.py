import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from training.base.wiring import wire_copying


def test_a_wired_base_copies_a_repeated_sequence_before_any_training() -> None:
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=4096, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        head_dim=64,
        intermediate_size=128, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    model = Qwen3ForCausalLM(config).eval()
    wire_copying(model)
    words = torch.randint(4096, (1, 60))
    twice = torch.cat([words, words], dim=1)

    with torch.no_grad():
        likeliest = model(input_ids=twice).logits[0, :-1].argmax(-1)

    copied = (likeliest[60:] == twice[0, 61:]).float().mean()
    guessed = (likeliest[:59] == twice[0, 1:60]).float().mean()
    assert copied > 0.9
    assert guessed < 0.2
