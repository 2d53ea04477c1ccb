"""Texts under numbers, ranked by the words that they share with a query (Okapi BM25). Grows and shrinks in place."""

from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import log

import numpy as np
from numpy.typing import NDArray

from optical_memory.memory.words import words

SATURATION = 1.2
"""Okapi's k1: how soon one more occurrence of a word stops to tell."""
LENGTH_WEIGHT = 0.75
"""Okapi's b: how much a long text's occurrences are discounted."""


@dataclass(slots=True)
class Posting:
    """The texts that hold a word: their numbers, rising, and how often each holds it."""

    numbers: "array[int]" = field(default_factory=lambda: array("I"))
    counts: "array[float]" = field(default_factory=lambda: array("f"))


class LexicalIndex:
    """Numbers of removed texts are given out again, so that arrays over all numbers stay as short as there are texts."""

    def __init__(self) -> None:
        self._postings: dict[str, Posting] = {}
        self._words: dict[int, tuple[str, ...]] = {}
        self._lengths = np.zeros(16, dtype=np.float32)
        self._free: list[int] = []
        self._total = 0.0

    def __len__(self) -> int:
        return len(self._words)

    def add(self, text: str) -> int:
        """Indexes a text; gives the number it has from now on."""
        counts = Counter(words(text))
        number = heappop(self._free) if self._free else len(self._words)
        if number >= len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros_like(self._lengths)])
        for word, count in counts.items():
            posting = self._postings.setdefault(word, Posting())
            place = bisect_left(posting.numbers, number)
            posting.numbers.insert(place, number)
            posting.counts.insert(place, count)
        self._words[number] = tuple(counts)
        self._lengths[number] = counts.total()
        self._total += counts.total()
        return number

    def remove(self, number: int) -> None:
        for word in self._words.pop(number):
            posting = self._postings[word]
            place = bisect_left(posting.numbers, number)
            del posting.numbers[place], posting.counts[place]
            if not posting.numbers:
                del self._postings[word]
        self._total -= float(self._lengths[number])
        self._lengths[number] = 0.0
        heappush(self._free, number)

    def rarity(self, word: str) -> float:
        """How much a word (in its common form) tells: the logarithm of texts over texts that hold it."""
        holding = len(self._postings[word].numbers) if word in self._postings else 0
        return log(1.0 + (len(self) - holding + 0.5) / (holding + 0.5))

    def search(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Numbers and scores of the best texts, best first; texts that share no word with the query are left out."""
        scores = self._scores(query)
        found = np.flatnonzero(scores)
        if found.size > limit:
            found = found[np.argpartition(-scores[found], limit)[:limit]] if limit else found[:0]
        found = found[np.argsort(-scores[found], kind="stable")]
        return [(int(number), float(scores[number])) for number in found]

    def _scores(self, query: str) -> NDArray[np.float32]:
        scores = np.zeros(len(self._lengths), dtype=np.float32)
        mean = self._total / len(self) if self._total else 1.0
        discount = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * self._lengths / np.float32(mean))
        for word, asked in Counter(words(query)).items():
            posting = self._postings.get(word)
            if posting is not None:
                numbers = np.array(posting.numbers)
                counts = np.array(posting.counts)
                gain = counts * (SATURATION + 1.0) / (counts + discount[numbers])
                scores[numbers] += np.float32(asked * self.rarity(word)) * gain
        return scores
