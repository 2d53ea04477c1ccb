"""Finding pages again: hashed word vectors in a faiss index. No download, no model."""

import re
import zlib
from collections import Counter
from collections.abc import Hashable

import faiss
import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 2048
_WORD = re.compile(r"\w+", re.UNICODE)


def features(text: str) -> Counter[str]:
    """Words of a text, lower-cased, and the stems that a plain cut of long words gives."""
    counts: Counter[str] = Counter()
    for word in _WORD.findall(text.lower()):
        counts[word] += 1
        if len(word) > 5:
            counts[word[:5] + "*"] += 1
    return counts


class PageIndex:
    """Pages under keys of the caller's choice, found by the words they share with a query.

    A page's vector is log-scaled word counts, hashed to DIMENSIONS and normalised; a query's words weigh by their rarity.
    """

    def __init__(self) -> None:
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(DIMENSIONS))
        self._numbers: dict[Hashable, int] = {}
        self._keys: dict[int, Hashable] = {}
        self._buckets: dict[int, NDArray[np.int64]] = {}
        self._document_counts = np.zeros(DIMENSIONS, dtype=np.int64)
        self._next = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._numbers

    def add(self, key: Hashable, text: str) -> None:
        """Indexes a page; the same key again replaces it."""
        self.remove(key)
        vector = _hashed({word: 1.0 + np.log(count) for word, count in features(text).items()})
        buckets = np.flatnonzero(vector)
        self._document_counts[buckets] += 1
        number, self._next = self._next, self._next + 1
        self._numbers[key], self._keys[number], self._buckets[number] = number, key, buckets
        norm = float(np.linalg.norm(vector))
        self._index.add_with_ids((vector / norm if norm else vector)[None], np.array([number], dtype=np.int64))

    def remove(self, key: Hashable) -> None:
        number = self._numbers.pop(key, None)
        if number is not None:
            del self._keys[number]
            self._document_counts[self._buckets.pop(number)] -= 1
            self._index.remove_ids(faiss.IDSelectorBatch(np.array([number], dtype=np.int64)))

    def keep_only(self, keys: set[Hashable]) -> None:
        """Removes every page whose key is not in `keys`."""
        for key in [key for key in self._numbers if key not in keys]:
            self.remove(key)

    def rarity(self, query: str) -> dict[str, float]:
        """How much each word of a query tells: the logarithm of pages over pages that hold it."""
        words = list(features(query))
        counts = [self._document_counts[_bucket(word)] for word in words]
        return {word: float(np.log1p(len(self) / (1.0 + count))) for word, count in zip(words, counts, strict=True)}

    def search(self, query: str, limit: int) -> list[tuple[Hashable, float]]:
        """Keys and scores of the best pages, best first; pages that share no word with the query are left out."""
        vector = _hashed(self.rarity(query))
        norm = float(np.linalg.norm(vector))
        if not len(self) or norm == 0.0:
            return []
        scores, numbers = self._index.search((vector / norm)[None], min(limit, len(self)))
        return [
            (self._keys[int(number)], float(score))
            for score, number in zip(scores[0], numbers[0], strict=True)
            if number >= 0 and score > 0.0
        ]


def _hashed(weights: dict[str, float]) -> NDArray[np.float32]:
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for word, weight in weights.items():
        vector[_bucket(word)] += weight
    return vector


def _bucket(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace")) % DIMENSIONS


def best_window(text: str, rarity: dict[str, float], length: int) -> tuple[float, str]:
    """The stretch of at most `length` characters that holds the most of a query's words, and how much that is."""
    words = [(match.start(), match.end(), match.group().lower()) for match in _WORD.finditer(text)]
    told = [
        (start, end, {form: rarity[form] for form in features(word) if form in rarity}) for start, end, word in words
    ]
    best, window = 0.0, text[:length]
    for first, (start, _, found) in enumerate(told):
        if found:
            inside: dict[str, float] = {}
            for _, end, forms in told[first:]:
                if inside and end - start > length // 2:
                    break
                inside |= forms
            if sum(inside.values()) > best:
                best = sum(inside.values())
                begin = max(0, start - length // 4)
                window = text[begin : begin + length]
    return best, window
