"""What a page is: characters on a grid, each of which knows the source it came from.

A page holds no pixels; it is laid out once and can be drawn at any side length. Nothing here knows roles, modes or models.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

EMPTY = 0
"""The code of a cell that nothing was set in: the tail of a page, or of a row that a newline ended."""


@dataclass(frozen=True, slots=True)
class Block:
    """A labelled run of text for a renderer: `source` names where it came from, its first character is number `start` there."""

    text: str
    label: str
    source: str
    start: int = 0
    style: int = 0
    mark: int = EMPTY
    """Code of the marker cell drawn before the block, and again where it goes on over the page; EMPTY for none."""
    mark_style: int = 0
    opens: bool = True
    """False for a block that goes on with the one before it: it has its marker only where it opens a page."""


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open ranges: characters `start:end` of `source`, which own the cells `cells[0]:cells[1]` in reading order."""

    source: str
    label: str
    start: int
    end: int
    cells: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns x rows of a page. `break_lines` ends the row at each newline; otherwise the newline is only drawn as a marker."""

    columns: int = 64
    rows: int = 64
    break_lines: bool = False

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1:
            raise ValueError(f"a grid needs at least one column and one row, got {self.columns} x {self.rows}")

    @property
    def num_cells(self) -> int:
        return self.columns * self.rows

    def fills(self, side: int) -> bool:
        """Whether whole cells fill a page drawn at `side` to the edge."""
        return side % self.columns == 0 and side % self.rows == 0

    def divides(self, side: int, patch: int) -> bool:
        """Whether the cells of a page drawn at `side` fill it and keep step with squares of `patch` pixels."""
        sizes = side // self.columns, side // self.rows
        return self.fills(side) and all(size > 0 and (patch % size == 0 or size % patch == 0) for size in sizes)


@dataclass(frozen=True, eq=False)
class Page:
    """Characters on a grid: the unit of rendering, encoding, storing, recalling, fading and citing.

    `codes` (rows * columns,) uint32: the source character of each cell, a marker code, or EMPTY.
    `styles` (rows * columns,) uint8: an index into a palette of inks and papers.
    `owners` (rows * columns,) int32: the index of the cell's span, or -1 for markers and empty cells.
    """

    grid: Grid
    codes: NDArray[np.uint32]
    styles: NDArray[np.uint8]
    owners: NDArray[np.int32]
    spans: tuple[Span, ...]

    def __post_init__(self) -> None:
        for name in ("codes", "styles", "owners"):
            array = getattr(self, name)
            if array.shape != (self.grid.num_cells,):
                raise ValueError(f"{name} must hold {self.grid.num_cells} cells, got shape {array.shape}")
            array.setflags(write=False)

    @cached_property
    def digest(self) -> str:
        """128 bits, in hexadecimal, over everything that decides the page's pixels."""
        hasher = hashlib.blake2b(f"{self.grid}".encode(), digest_size=16)
        hasher.update(self.codes.astype("<u4").tobytes())
        hasher.update(self.styles.tobytes())
        return hasher.hexdigest()

    @cached_property
    def source_cells(self) -> NDArray[np.bool_]:
        """(rows * columns,): True where the cell holds a character of the source."""
        return self.owners >= 0

    @cached_property
    def text(self) -> str:
        """The source characters of the page in reading order, markers and empty cells left out."""
        return decode_codes(self.codes[self.source_cells])

    @property
    def num_characters(self) -> int:
        return int(self.source_cells.sum())

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The sources that stand on the page, each once, in reading order."""
        return tuple(dict.fromkeys(span.source for span in self.spans))


def encode_text(text: str) -> NDArray[np.uint32]:
    """(len(text),) code points; lone surrogates are kept as they are."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32, copy=False)


def decode_codes(codes: NDArray[np.uint32]) -> str:
    """The inverse of `encode_text`."""
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
