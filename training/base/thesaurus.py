"""Which words stand near which: learned from the company that words keep in the corpus.

People ask in other words than the page's, and few pages come with questions that people asked. So some of the made
questions have a near word in place of the page's own. A word's vector is the positive pointwise mutual information
with the words around it, reduced by SVD (Levy, Goldberg and Dagan 2015). Called by `make`, used by `tasks`.
"""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

WORDS_MAX = 12_000
CONTEXTS = 3_000  # the most frequent words, whose nearness is counted
TIMES_MIN = 20
WINDOW = 3  # words to either side
CHANNELS = 150
NEAR = 12  # neighbours of each word
SIMILAR_MIN = 0.5  # cosine; below it, neighbours share a subject rather than a meaning
_WORD = re.compile(r"[a-z][a-z’'-]+")


class Thesaurus:
    """`vectors` [words, channels] of length one, `near` [words, NEAR] numbers of words, nearest first."""

    def __init__(self, words: list[str], vectors: NDArray[np.float32]) -> None:
        self.words, self.vectors = words, vectors
        self._number = {word: number for number, word in enumerate(words)}
        self._near = _nearest(vectors)

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        """Vectors of all words that `texts` have often enough."""
        documents = [_WORD.findall(text.lower()) for text in texts]
        counts = Counter(itertools.chain.from_iterable(documents))
        words = [word for word, times in counts.most_common(WORDS_MAX) if times >= TIMES_MIN]
        number = {word: place for place, word in enumerate(words)}
        gap = [-1] * WINDOW
        ids = np.array([number.get(word, -1) for document in documents for word in (*document, *gap)], dtype=np.int64)
        contexts = min(CONTEXTS, len(words))
        together = np.zeros(len(words) * contexts)
        for step in range(1, WINDOW + 1):
            for word, other in ((ids[:-step], ids[step:]), (ids[step:], ids[:-step])):
                counted = (word >= 0) & (other >= 0) & (other < contexts)
                together += np.bincount(word[counted] * contexts + other[counted], minlength=len(together))
        return cls(words, _reduced(together.reshape(len(words), contexts)))

    def save(self, path: Path) -> None:
        np.savez(path, words=np.array(self.words), vectors=self.vectors.astype(np.float16))

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as file:
            return cls(file["words"].tolist(), file["vectors"].astype(np.float32))

    def near(self, word: str) -> list[str]:
        """Words that resemble it, most of all first; none for a word that is not known."""
        number = self._number.get(word)
        return [self.words[near] for near in self._near[number] if near >= 0] if number is not None else []

    def stand_ins(self, word: str, page: Collection[str]) -> list[str]:
        """Near words that are not among the page's, and resemble `word` more than any other word of the page."""
        number = self._number.get(word)
        if number is None:
            return []
        here = np.array([self._number[each] for each in page if each in self._number])
        others = [int(near) for near in self._near[number] if near >= 0 and self.words[near] not in page]
        closest = here[np.argmax(self.vectors[others] @ self.vectors[here].T, axis=1)] if others else ()
        return [self.words[near] for near, match in zip(others, closest, strict=True) if match == number]


def _reduced(together: NDArray[np.float64]) -> NDArray[np.float32]:
    """Counts [words, contexts] -> vectors; frequent contexts are smoothed, so that rare ones do not win."""
    of_word, of_context = together.sum(axis=1, keepdims=True), together.sum(axis=0, keepdims=True) ** 0.75
    expected = of_word * (of_context / of_context.sum())
    information = np.log(np.maximum(together, 1e-9) / np.maximum(expected, 1e-9))
    matrix = torch.from_numpy(np.maximum(information, 0).astype(np.float32))
    torch.manual_seed(0)  # the products' random directions
    left, weights, _ = torch.svd_lowrank(matrix, q=min(CHANNELS, *matrix.shape), niter=3)
    vectors = torch.nn.functional.normalize(left * weights.sqrt(), dim=1)
    return np.asarray(vectors.numpy(), dtype=np.float32)


def _nearest(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Numbers of each word's neighbours, nearest first; -1 where they are too far."""
    found = np.full((len(vectors), NEAR), -1, dtype=np.int64)
    for start in range(0, len(vectors), 1_000):
        part = torch.from_numpy(vectors[start : start + 1_000] @ vectors.T)
        part[torch.arange(len(part)), start + torch.arange(len(part))] = -1.0
        similar, numbers = part.topk(min(NEAR, len(vectors)), dim=1)
        found[start : start + len(part), : numbers.shape[1]] = torch.where(similar >= SIMILAR_MIN, numbers, -1).numpy()
    return found
