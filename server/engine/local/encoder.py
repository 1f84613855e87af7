"""The finder's sentence encoder, all-MiniLM-L6-v2 or any BERT of its kind: texts in, unit vectors out.

Implements server.text.finder.Encoder. Mean-pooled as the model was trained (Reimers and Gurevych 2019).
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoTokenizer, BertModel

from server.engine.local.base.loader import LOADING, preferred_dtype
from server.errors import BaseError

Vectors = NDArray[np.float32]
TOKENS_MAX = 128
BATCH = 32


class SentenceEncoder:
    """Encodes in the calling thread. A lock lets one batch in at a time, so that a question waits for no whole page."""

    def __init__(self, folder: Path, *, adapter: Path | None = None, dtype: torch.dtype | None = None) -> None:
        """`adapter`: a LoRA in PEFT's format, merged into the weights. Raises BaseError (`encoder_unreadable`)."""
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            with LOADING:
                model = BertModel.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
                )
                if adapter is not None:
                    model = _merged(model, adapter)
                self._model = model.to(dtype or preferred_dtype("cpu")).eval()
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise BaseError("The finder's encoder cannot be read.", code="encoder_unreadable") from error
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """[texts, hidden size], float32, each of length 1. Texts of like length share a batch."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found = np.zeros((len(texts), int(self._model.config.hidden_size)), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            with self._turn:  # whoever waits is next: a page that encodes batch after batch cannot come again before it
                self._lock.acquire()
            try:
                found[places] = self._encode([texts[place] for place in places])
            finally:
                self._lock.release()
        return found

    def _encode(self, texts: list[str]) -> Vectors:
        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=TOKENS_MAX, return_tensors="pt")
        with torch.inference_mode():
            hidden = self._model(**batch).last_hidden_state.float()
            kept = batch["attention_mask"][..., None].float()
            pooled = (hidden * kept).sum(1) / kept.sum(1)
            vectors: Vectors = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        return vectors


def _merged(model: BertModel, adapter: Path) -> BertModel:
    """The model with the adapter's products added to its weights, in fp32, so that encoding costs nothing more."""
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
