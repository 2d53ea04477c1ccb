"""DeepEncoder: SAM, the compressor, CLIP, and a linear projector on both (DeepSeek-OCR, section 3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from optical_memory.config import EncoderConfig
from optical_memory.linear import Linear
from optical_memory.modes import TOKEN
from optical_memory.vision.clip import ClipEncoder
from optical_memory.vision.sam import Compressor, SamEncoder


@dataclass(frozen=True, slots=True)
class EncodedViews:
    """`tokens` (V, N, D): visual tokens, row by row; `patches` (V, C, H, W): the grid before compression, for auxiliary heads."""

    tokens: Tensor
    patches: Tensor


class DeepEncoder(nn.Module):
    """Views of one side length to visual tokens, one per 64 x 64 pixels.

    `newline` (D,) ends every row of tokens in the decoder's context and `separator` (D,) ends the page.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.sam = SamEncoder(config.sam)
        self.compressor = Compressor(config.sam.neck_width, config.compressor_width, config.clip.width)
        self.clip = ClipEncoder(config.clip)
        self.projector = Linear(2 * config.clip.width, config.width)
        self.newline = nn.Parameter(torch.zeros(config.width))
        self.separator = nn.Parameter(torch.zeros(config.width))

    def features(self, pixels: Tensor) -> EncodedViews:
        """(V, 3, S, S) in -1..1 -> tokens (V, (S / 64)**2, D) and the patch grid (V, C, S / 16, S / 16).

        Raises ValueError if the sides are not whole tokens.
        """
        if pixels.ndim != 4 or pixels.shape[1] != 3 or pixels.shape[2] % TOKEN or pixels.shape[3] % TOKEN:
            raise ValueError(
                f"views must have shape (V, 3, H, W) with H and W multiples of {TOKEN}, got {tuple(pixels.shape)}"
            )
        patches = self.sam(pixels)
        grid = self.compressor(patches)
        both = torch.cat([self.clip(grid), grid.flatten(2).transpose(1, 2)], -1)
        return EncodedViews(self.projector(both), patches)

    def forward(self, pixels: Tensor) -> Tensor:
        """(V, 3, S, S) in -1..1 -> (V, (S / 64)**2, D)"""
        return self.features(pixels).tokens

    def sequence(self, whole: Tensor, cuts: Tensor | None = None, tiles: tuple[int, int] = (0, 0)) -> Tensor:
        """Visual tokens to the rows that the decoder receives.

        `whole` (N, D); `cuts` (columns * rows, M, D) of a tiled page -> (L, D), L = `Mode.sequence_length(tiles)`:
        the cuts' rows across all columns first, then the whole view's rows, a newline after each, the separator last.
        """
        rows = [self._with_newlines(_square(whole))]
        if cuts is not None and len(cuts):
            columns, lines = tiles
            if len(cuts) != columns * lines:
                raise ValueError(f"{columns} x {lines} tiles need {columns * lines} cuts, got {len(cuts)}")
            squares = torch.stack([_square(cut) for cut in cuts]).unflatten(0, (lines, columns))
            rows.insert(0, self._with_newlines(squares.transpose(1, 2).flatten(0, 1).flatten(1, 2)))
        return torch.cat([*rows, self.separator.to(whole.dtype)[None]])

    def _with_newlines(self, grid: Tensor) -> Tensor:
        """(rows, columns, D) -> (rows * (columns + 1), D)"""
        newline = self.newline.to(grid.dtype).expand(len(grid), 1, -1)
        return torch.cat([grid, newline], 1).flatten(0, 1)


def _square(tokens: Tensor) -> Tensor:
    """(N, D) -> (grid, grid, D)"""
    grid = round(len(tokens) ** 0.5)
    if grid * grid != len(tokens):
        raise ValueError(f"a square view has a square number of visual tokens, got {len(tokens)}")
    return tokens.view(grid, grid, -1)
