"""A question is encoded after the batch that is under way, not after a whole page."""

import threading
import time

import numpy as np
import pytest

from server.engine.local import encoder as module
from server.engine.local.encoder import SentenceEncoder, Vectors


class Slow(SentenceEncoder):
    """No model: each batch takes 10 ms, and is written down."""

    def __init__(self) -> None:
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self.batches: list[str] = []

    def _encode(self, texts: list[str]) -> Vectors:
        self.batches.append(texts[0][:1])
        time.sleep(0.01)
        return np.zeros((len(texts), 2), dtype=np.float32)

    @property
    def _model(self) -> object:
        class Config:
            hidden_size = 2

        return type("Model", (), {"config": Config})


def test_a_question_waits_for_one_batch_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 1)
    encoder = Slow()
    page = threading.Thread(target=encoder.encode, args=(["page"] * 100,))
    page.start()
    while not encoder.batches:
        time.sleep(0.001)

    before = len(encoder.batches)
    encoder.encode(["question"])
    page.join()

    assert encoder.batches.index("q") - before <= 2
