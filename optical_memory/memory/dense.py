"""Texts under numbers, ranked by the nearest of their passages, in a faiss index of half precision."""

from collections.abc import Iterable

import faiss
import numpy as np

from optical_memory.memory.embedder import Embedder

PASSAGE = 1024
"""Characters of a passage: what a vector stands for. A page is four of them."""
PER_TEXT = 8
"""Passages looked at for each text that is wanted: several may be of one text."""


class DenseIndex:
    """A passage is kept under its text's number and its place in it."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        flat = faiss.IndexScalarQuantizer(embedder.width, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index = faiss.IndexIDMap(flat)
        self._passages: dict[int, list[int]] = {}
        self._texts: dict[int, int] = {}
        self._next = 0

    def add(self, number: int, text: str) -> None:
        passages = [text[start : start + PASSAGE] for start in range(0, len(text), PASSAGE)]
        ids = list(range(self._next, self._next + len(passages)))
        self._next += len(passages)
        self._passages[number] = ids
        self._texts |= dict.fromkeys(ids, number)
        if passages:
            rows = np.ascontiguousarray(self.embedder.embed(passages), dtype=np.float32)
            self._index.add_with_ids(rows, np.array(ids, dtype=np.int64))

    def remove(self, numbers: Iterable[int]) -> None:
        """All at once: each removal walks through the whole index."""
        ids = [identity for number in numbers for identity in self._passages.pop(number)]
        for identity in ids:
            del self._texts[identity]
        if ids:
            self._index.remove_ids(faiss.IDSelectorBatch(np.array(ids, dtype=np.int64)))

    def search(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Numbers and cosines of the nearest texts, the nearest first."""
        vector = self.embedder.embed_query(query)
        if not self._texts or not limit or not vector.any():
            return []
        scores, ids = self._index.search(vector[None], min(limit * PER_TEXT, len(self._texts)))
        best: dict[int, float] = {}
        for score, identity in zip(scores[0], ids[0], strict=True):
            if identity >= 0:
                best.setdefault(self._texts[int(identity)], float(score))
        return list(best.items())[:limit]
