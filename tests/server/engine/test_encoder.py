"""The finder's sentence encoder: unit vectors, and the adapter that was trained for it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertModel

from server.engine.local.encoder import SentenceEncoder
from server.errors import BaseError
from tests import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_encoder(tmp_path_factory.mktemp("encoder"))


def test_each_text_becomes_a_vector_of_length_one_whatever_stands_beside_it(folder: Path) -> None:
    encoder = SentenceEncoder(folder, dtype=torch.float32)
    texts = ["the deposit is returned", "dogs", "dogs are welcome"]

    together = encoder.encode(texts)

    assert together.shape == (3, 16)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together, np.concatenate([encoder.encode([text]) for text in texts]), atol=1e-5)


def test_the_adapter_acts_as_peft_applies_it(folder: Path, tmp_path: Path) -> None:
    tuned = get_peft_model(
        BertModel.from_pretrained(folder), LoraConfig(r=4, target_modules=["query", "dense"], init_lora_weights=False)
    )
    tuned.save_pretrained(str(tmp_path))
    encoder, plain = SentenceEncoder(folder, adapter=tmp_path, dtype=torch.float32), SentenceEncoder(folder)

    found = encoder.encode(["dogs are welcome"])

    ids = tiny.tokenizer()("dogs are welcome", return_tensors="pt").input_ids
    with torch.inference_mode():
        hidden = tuned.eval()(input_ids=ids).last_hidden_state.mean(1)
    assert np.allclose(found, torch.nn.functional.normalize(hidden, dim=-1).numpy(), atol=1e-4)
    assert not np.allclose(found, plain.encode(["dogs are welcome"]), atol=1e-2)


def test_an_adapter_that_does_not_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    other = BertModel(
        BertConfig(vocab_size=12, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    )
    get_peft_model(other, LoraConfig(r=4, target_modules=["query"])).save_pretrained(str(tmp_path))

    with pytest.raises(BaseError) as refused:
        SentenceEncoder(folder, adapter=tmp_path)

    assert refused.value.code == "encoder_unreadable"
