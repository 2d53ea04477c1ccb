"""Texts as vectors: what a dense search needs of an embedder, and one that needs no download."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import log
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optical_memory.memory.words import WORD, forms, plain

WIDTH = 1024
GRAM_LENGTHS = (4, 5)
GRAM_WEIGHT = 0.3
"""Of a run of characters beside its word's own weight of 1."""
MOST_KNOWN = 50_000
"""Words whose places are remembered."""


class Embedder(Protocol):
    """`floor`: texts that have nothing to do with each other have a cosine under it."""

    width: int
    floor: float

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, width) rows of length 1, or 0 for a text without content."""
        ...

    def embed_query(self, query: str) -> NDArray[np.float32]:
        """(width,) of length 1 or 0."""
        ...


class HashedEmbedder:
    """Stems and runs of characters, hashed to places with a sign each: a fixed random projection of what a text is made of.

    Words that share a part are near each other (`postgres`, `postgresql`), words of one meaning are not. `rarity` weighs
    the words of a query.
    """

    width: int = WIDTH
    floor: float = 0.15

    def __init__(self, rarity: Callable[[str], float] = lambda _: 1.0) -> None:
        self._rarity = rarity
        self._known: dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._embed(text, lambda _: 1.0) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, WIDTH), dtype=np.float32)

    def embed_query(self, query: str) -> NDArray[np.float32]:
        return self._embed(query, self._rarity)

    def _embed(self, text: str, weigh: Callable[[str], float]) -> NDArray[np.float32]:
        counts = Counter(WORD.findall(plain(text)))
        found = [
            (*self._places(word), (1.0 + log(count)) * max(map(weigh, common)))
            for word, count in counts.items()
            if (common := forms(word))
        ]
        if not found:
            return np.zeros(WIDTH, dtype=np.float32)
        places = np.concatenate([places for places, _, _ in found])
        weights = np.concatenate([signs * np.float32(weight) for _, signs, weight in found])
        vector = np.bincount(places, weights, WIDTH).astype(np.float32)
        length = float(np.linalg.norm(vector))
        return vector / np.float32(length) if length else vector

    def _places(self, word: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(places, signed weights) of a word's parts."""
        if word not in self._known:
            hashed = [(zlib.crc32(part.encode("utf-8", "replace")), weight) for part, weight in _parts(word)]
            places = np.array([code % WIDTH for code, _ in hashed], dtype=np.int64)
            signs = np.array([weight if code & 1 << 20 else -weight for code, weight in hashed], dtype=np.float32)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[word] = places, signs
        return self._known[word]


def _parts(word: str) -> Iterator[tuple[str, float]]:
    for common in forms(word):
        yield f"={common}", 1.0
    framed = f"<{word}>"
    for length in GRAM_LENGTHS:
        for place in range(len(framed) - length + 1):
            yield framed[place : place + length], GRAM_WEIGHT
