"""Signposts: tokens by which a decoder says where on a page it reads, as grounded OCR gives boxes.

A page is read row by row: the row's signpost, then for every visual token across it the column's signpost and the characters of
its cells.
"""

from dataclasses import dataclass

from optical_memory.config import SignpostConfig


@dataclass(frozen=True, slots=True)
class Signposts:
    """Token ids of a decoder's signposts; `first` is that of row 0."""

    config: SignpostConfig
    first: int

    @property
    def rows(self) -> range:
        """Ids of the rows' signposts, from the top."""
        return range(self.first, self.first + self.config.rows)

    @property
    def columns(self) -> range:
        """Ids of the columns' signposts, from the left."""
        return range(self.rows.stop, self.rows.stop + self.config.tokens)

    @property
    def row_length(self) -> int:
        """Tokens of a row: its signpost, the columns' signposts, its characters."""
        return 1 + self.config.tokens * (1 + self.config.cells)

    @property
    def character_places(self) -> list[int]:
        """Where characters stand in a row."""
        return [place for place in range(1, self.row_length) if (place - 1) % (1 + self.config.cells)]


def signposts_of(config: SignpostConfig, vocab_size: int) -> Signposts:
    """The signposts are the last tokens of the vocabulary."""
    return Signposts(config, vocab_size - config.rows - config.tokens)
