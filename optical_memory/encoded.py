"""What the model makes of a page, and what can be read back from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from optical_memory.modes import Mode
from renderers.page import decode_codes


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPage:
    """A page's visual tokens in one mode.

    `tokens` (N, D): the whole view row by row, then the cuts of a tiled mode; `tiles` (columns, rows) counts the cuts.
    """

    tokens: Tensor
    mode: Mode
    fingerprint: str
    tiles: tuple[int, int] = (0, 0)

    @property
    def sequence_length(self) -> int:
        """Positions that the page takes in the decoder's context."""
        return self.mode.sequence_length(self.tiles)

    @property
    def num_bytes(self) -> int:
        return self.tokens.numel() * self.tokens.element_size()


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the readout sees in every cell: `codes` (cells,) uint32 characters, `probabilities` (cells,) float32."""

    codes: NDArray[np.uint32]
    probabilities: NDArray[np.float32]

    @property
    def text(self) -> str:
        """All cells in reading order, blank ones at the end left out."""
        return decode_codes(self.codes).rstrip(" ")
