"""Which numbers of a decoder's row serve its reading of pages, and what each holds (language/reading_layers.py)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from optical_memory.config import DecoderConfig, SignpostConfig


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which numbers of a row hold what, from `first` on; `constant` is the last, which every token has."""

    signposts: SignpostConfig
    place_width: int
    width: int
    head: int
    first: int = 64
    """Behind a token's code (language/start.py)."""

    def _after(self, before: slice, count: int) -> slice:
        return slice(before.stop, before.stop + count)

    @property
    def row(self) -> slice:
        """Of visual tokens, then of characters in it: one flag each."""
        return slice(self.first, self.first + self.signposts.tokens + self.signposts.cells)

    @property
    def line(self) -> slice:
        return slice(self.row.stop - self.signposts.cells, self.row.stop)

    @property
    def column(self) -> slice:
        return self._after(self.row, self.signposts.tokens)

    @property
    def row_signpost(self) -> int:
        return self.column.stop

    @property
    def prompt(self) -> int:
        return self.column.stop + 1

    @property
    def beginning(self) -> int:
        return self.column.stop + 2

    @property
    def offset(self) -> slice:
        """Cells behind the column's signpost."""
        return slice(self.beginning + 1, self.beginning + 1 + self.signposts.cells)

    @property
    def place(self) -> slice:
        """What the second layer asks for."""
        return self._after(self.offset, self.place_width)

    @property
    def next(self) -> slice:
        """What comes next: a column, the next row, the first row."""
        return self._after(self.place, self.signposts.tokens + 2)

    @property
    def features(self) -> list[int]:
        return list(self.signposts.features)

    @property
    def all(self) -> slice:
        return slice(self.first, self.next.stop)

    @property
    def constant(self) -> int:
        return self.width - 1


def numbers_of(config: DecoderConfig, place_width: int) -> Numbers:
    """Raises ValueError for a decoder without signposts."""
    if config.signposts is None:
        raise ValueError("the decoder has no signposts to read pages by")
    return Numbers(config.signposts, place_width, config.width, config.width // config.heads)


def usable(numbers: Numbers) -> Tensor:
    """(D,) bool: numbers by which a token's place may be told, as text and signposts have nothing there."""
    free = torch.ones(numbers.width, dtype=torch.bool)
    free[: numbers.all.stop] = False
    free[numbers.constant] = False
    return free


def occupied(numbers: Numbers) -> Tensor:
    """(D,) bool: where nothing of a token may be put, as it is told there which of its cells is meant."""
    taken = torch.zeros(numbers.width, dtype=torch.bool)
    for held in (numbers.line, numbers.offset, numbers.row_signpost, numbers.constant):
        taken[held] = True
    return taken
