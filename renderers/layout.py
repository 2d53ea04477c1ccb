"""Text to grid: blocks flow over pages, one source character to one cell, so that reading order is source order."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from renderers.page import EMPTY, Block, Grid, Page, Span, encode_text

NEWLINE = 10


@dataclass(slots=True)
class _Sheet:
    """A page while it is being filled; `cell` is the next free cell."""

    grid: Grid
    codes: NDArray[np.uint32] = field(init=False)
    styles: NDArray[np.uint8] = field(init=False)
    owners: NDArray[np.int32] = field(init=False)
    spans: list[Span] = field(default_factory=list)
    cell: int = 0

    def __post_init__(self) -> None:
        self.codes = np.full(self.grid.num_cells, EMPTY, dtype=np.uint32)
        self.styles = np.zeros(self.grid.num_cells, dtype=np.uint8)
        self.owners = np.full(self.grid.num_cells, -1, dtype=np.int32)

    def mark(self, block: Block) -> None:
        if block.mark != EMPTY:
            self.codes[self.cell] = block.mark
            self.styles[self.cell] = block.mark_style
            self.cell += 1

    def set(self, block: Block, codes: NDArray[np.uint32], offset: int) -> int:
        """Sets as many of `codes[offset:]` as fit; returns how many did."""
        cells = cells_of(codes[offset : offset + self.grid.num_cells - self.cell], self.cell, self.grid)
        count = len(cells)
        if count == 0:
            return 0
        end = int(cells[-1]) + 1
        self.codes[cells] = codes[offset : offset + count]
        self.owners[cells] = len(self.spans)
        self.styles[self.cell : end] = block.style
        start = block.start + offset
        self.spans.append(Span(block.source, block.label, start, start + count, (self.cell, end)))
        self.cell = end
        if self.grid.break_lines and codes[offset + count - 1] == NEWLINE:
            next_row = -(-self.cell // self.grid.columns) * self.grid.columns
            self.styles[self.cell : next_row] = block.style
            self.cell = next_row
        return count

    @property
    def full(self) -> bool:
        return self.cell >= self.grid.num_cells

    def page(self) -> Page:
        return Page(self.grid, self.codes, self.styles, self.owners, tuple(self.spans))


def cells_of(codes: NDArray[np.uint32], first: int, grid: Grid) -> NDArray[np.intp]:
    """The cells that `codes` take when the first stands in cell `first`; shorter than `codes` where the page ends."""
    cells = np.arange(first, first + len(codes), dtype=np.intp)
    if grid.break_lines:
        for newline in np.flatnonzero(codes == NEWLINE):
            if newline + 1 < len(cells):
                cell = cells[newline]
                cells[newline + 1 :] += -(cell + 1) % grid.columns
                if cells[newline + 1] >= grid.num_cells:
                    break
    return cells[: int(np.searchsorted(cells, grid.num_cells))]


def lay_out(blocks: Iterable[Block], grid: Grid) -> list[Page]:
    """Flows blocks over as many pages as they need.

    Every source character stands in exactly one cell of exactly one span of one page; a block that goes on over the page has
    its marker repeated there, so that a page can be read alone. Empty blocks leave only their marker.
    """
    pages: list[Page] = []
    sheet = _Sheet(grid)
    for block in blocks:
        codes = encode_text(block.text)
        offset = 0
        while True:
            if sheet.cell > 0 and sheet.cell + (block.mark != EMPTY) >= grid.num_cells:
                pages.append(sheet.page())
                sheet = _Sheet(grid)
            if block.opens or sheet.cell == 0:
                sheet.mark(block)
            placed = sheet.set(block, codes, offset)
            offset += placed
            if offset >= len(codes):
                break
            if placed == 0:
                raise ValueError("a grid of one cell cannot hold a marked block")
            pages.append(sheet.page())
            sheet = _Sheet(grid)
        if sheet.full:
            pages.append(sheet.page())
            sheet = _Sheet(grid)
    if sheet.cell > 0:
        pages.append(sheet.page())
    return pages
