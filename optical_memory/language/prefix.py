"""The part of a context that did not change since the last call: its keys and values need not be computed again."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Prefix:
    """Keys and values of the last context, and the rows (T, D) they were made from: rows that are equal may be reused.

    Holds what its owner asked last; `clear` lets go of it.
    """

    def __init__(self) -> None:
        self.cache: Any = None
        self.num_reused = 0
        """Rows of the last call that were not computed again."""
        self._rows: Tensor | None = None

    def begin(self, rows: Tensor, new_cache: Callable[[], Any]) -> int:
        """Cuts the cache to the rows that it shares with these; -> how many. The last row is always computed anew."""
        shared = self._shared(rows)
        if shared:
            surplus = int(self.cache.get_seq_length()) - shared
            if surplus:
                self.cache.crop(-surplus)
            self._erase_rows()
        else:
            self.erase()
            self.cache = new_cache()
        self._rows, self.num_reused = rows.clone(), shared
        return shared

    def clear(self) -> None:
        """Lets go of everything, as it must where a call broke off: its layers may be of different lengths."""
        self.cache, self._rows, self.num_reused = None, None, 0

    def erase(self) -> None:
        """Overwrites keys, values and rows before it lets go of them."""
        with torch.inference_mode():
            for layer in getattr(self.cache, "layers", ()):
                layer.erase()
        self._erase_rows()
        self.clear()

    def _erase_rows(self) -> None:
        if self._rows is not None:
            with torch.inference_mode():
                self._rows.zero_()

    def _shared(self, rows: Tensor) -> int:
        if self._rows is None or self._rows.shape[1:] != rows.shape[1:] or self._rows.device != rows.device:
            return 0
        length = min(len(self._rows), len(rows) - 1, int(self.cache.get_seq_length()))
        differs = (self._rows[:length] != rows[:length]).any(1)
        return int(torch.argmax(differs.int())) if bool(differs.any()) else length
