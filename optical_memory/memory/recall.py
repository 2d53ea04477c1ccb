"""Finding pages again: what shares rare words with a query and what lies near it, the two rankings fused by rank."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from threading import RLock

from optical_memory.memory.dense import DenseIndex
from optical_memory.memory.embedder import Embedder, HashedEmbedder
from optical_memory.memory.lexical import LexicalIndex
from optical_memory.memory.words import WORD, forms, plain, words
from renderers import Page

RANK_OFFSET = 20
"""Of reciprocal rank fusion (Cormack 2009): how little the first places of a ranking stand out. Chosen, as are the weights and
the passage length, on five of the ten LoCoMo conversations; the other five are reported."""
LEXICAL_WEIGHT, DENSE_WEIGHT = 2.0, 1.0
DEEPEST = 50
"""Places of each ranking that are fused, at least."""


class PageIndex:
    """Pages under keys of the caller's choice. `embedder` makes the dense side's vectors: the one without a download if none
    is given.

    A page that shares no word with a query is found only where the embedder is sure that it is near.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._lexical = LexicalIndex()
        self._dense = DenseIndex(embedder or HashedEmbedder(self._lexical.rarity))
        self._numbers: dict[Hashable, int] = {}
        self._keys: dict[int, Hashable] = {}
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._numbers

    def add(self, key: Hashable, text: str) -> None:
        """Indexes a page; the same key again replaces it."""
        with self._lock:
            self.remove(key)
            number = self._lexical.add(text)
            self._dense.add(number, text)
            self._numbers[key], self._keys[number] = number, key

    def remove(self, *keys: Hashable) -> None:
        """Pages that are not there are passed over."""
        with self._lock:
            numbers = [self._numbers.pop(key) for key in keys if key in self._numbers]
            for number in numbers:
                self._lexical.remove(number)
                del self._keys[number]
            self._dense.remove(numbers)

    def follow(self, texts: Mapping[Hashable, str]) -> None:
        """Removes every page that is not among these, and adds those that are new."""
        self.remove(*[key for key in self._numbers if key not in texts])
        for key, text in texts.items():
            if key not in self:
                self.add(key, text)

    def rarity(self, query: str) -> dict[str, float]:
        """How much each word of a query tells: the logarithm of pages over pages that hold it."""
        with self._lock:
            return {word: self._lexical.rarity(word) for word in words(query)}

    def search(self, query: str, limit: int) -> list[tuple[Hashable, float]]:
        """Keys and scores (1 for the first of both rankings) of the best pages, best first."""
        if limit < 0:
            raise ValueError(f"limit counts pages, got {limit}")
        with self._lock:
            deep = max(limit, DEEPEST)
            lexical = [number for number, _ in self._lexical.search(query, deep)]
            sharing = set(lexical)
            floor = self._dense.embedder.floor
            dense = [
                number for number, cosine in self._dense.search(query, deep) if cosine >= floor or number in sharing
            ]
            fused = fuse((lexical, LEXICAL_WEIGHT), (dense, DENSE_WEIGHT))
            return [(self._keys[number], score) for number, score in fused[:limit]]


def page_keys(pages: Sequence[Page]) -> list[Hashable]:
    """A key for each page of a context: its digest, and a count that tells pages apart that look alike."""
    seen: Counter[str] = Counter()
    keys: list[Hashable] = []
    for page in pages:
        keys.append((page.digest, seen[page.digest]))
        seen[page.digest] += 1
    return keys


def fuse(*rankings: tuple[Iterable[int], float]) -> list[tuple[int, float]]:
    """Weighted rankings as one, best first: a place counts 1 / (offset + place). The first place everywhere scores 1."""
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for place, number in enumerate(ranking):
            scores[number] = scores.get(number, 0.0) + weight * (RANK_OFFSET + 1) / (RANK_OFFSET + 1 + place)
    total = sum(weight for _, weight in rankings)
    return sorted(((number, score / total) for number, score in scores.items()), key=lambda item: -item[1])


def best_window(text: str, rarity: Mapping[str, float], length: int) -> tuple[float, str]:
    """The stretch of at most `length` characters that holds the most of a query's words, and how much that is. Words at its edges
    are whole, but for those that take an eighth of it."""
    found = [
        (match.start(), match.end(), told)
        for match in WORD.finditer(text)
        if (told := {form: rarity[form] for form in forms(plain(match.group())) if form in rarity})
    ]
    best, window = 0.0, text[:length]
    for first, (start, _, _) in enumerate(found):
        inside: dict[str, float] = {}
        for _, end, told in found[first:]:
            if inside and end - start > length // 2:
                break
            inside |= told
        if sum(inside.values()) > best:
            best = sum(inside.values())
            begin = max(0, start - length // 4)
            window = _whole_words(text, begin, begin + length)
    return best, window


def _whole_words(text: str, begin: int, end: int) -> str:
    """text[begin:end] without what it cuts off a word: what is quoted from there would be taken for the whole."""
    reach = (end - begin) // 8
    if begin and not text[begin - 1].isspace():
        begin = next((place + 1 for place in range(begin, begin + reach) if text[place].isspace()), begin)
    if end < len(text) and not text[end].isspace():
        end = next((place for place in range(end - 1, end - reach, -1) if text[place].isspace()), end)
    return text[begin:end]
