"""How legible a page still is: what the reader makes of its visual tokens, against the source."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from optical_memory.encoded import EncodedPage, Reading
from optical_memory.modes import Mode
from renderers import Grid, Page
from renderers.page import decode_codes


class PageModel(Protocol):
    """All that the memory needs of a model. Tests put a fake here that answers in microseconds."""

    grid: Grid
    fingerprint: str

    def encode(self, pages: Sequence[Page], mode: Mode) -> list[EncodedPage]: ...

    def read(self, encoded: Sequence[EncodedPage], grid: Grid) -> list[Reading]: ...

    def unreadable(self, text: str) -> str: ...


def fidelity(page: Page, reading: Reading) -> float:
    """Share of the page's source characters that are read back right, 0..1; markers and empty cells do not count."""
    source = page.source_cells
    if not source.any():
        return 1.0
    return float(np.mean(reading.codes[source] == page.codes[source]))


def source_text(page: Page, reading: Reading) -> str:
    """The text read back from the cells that hold source characters: as long as the page's own text."""
    return decode_codes(reading.codes[page.source_cells])
