"""The readout: every character of a page at once, from the very visual tokens that are stored and spliced.

No autoregression and no language prior: a UUID reads as well as a sentence. This head is the project's own; the published
system has none.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from optical_memory.config import ReadoutConfig
from optical_memory.linear import Linear
from optical_memory.vision.sam import ChannelNorm

PATCHES = 4
"""Patches per side of a visual token."""
SUBCELLS = (2, 4)
"""Rows x columns that a patch is divided into before cells are sampled: 8 x 4 pixels each."""


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Where a page's cells lie in its picture: `columns` x `rows` cells of `width` x `height` pixels from the top left corner.

    `left` and `top` are the pixels cut off before the picture begins (crops in training); cells outside are sampled at the edge.
    """

    columns: int
    rows: int
    width: int
    height: int
    left: int = 0
    top: int = 0

    def centres(self, picture_width: int, picture_height: int, device: torch.device) -> Tensor:
        """(1, rows, columns, 2): cell centres as grid_sample wants them, x then y, -1..1 from edge to edge."""
        x = ((torch.arange(self.columns, device=device) + 0.5) * self.width - self.left) / picture_width
        y = ((torch.arange(self.rows, device=device) + 0.5) * self.height - self.top) / picture_height
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        return torch.stack([columns, rows], -1)[None] * 2 - 1


class CellClassifier(nn.Module):
    """Patch features to a character per cell: each patch unfolds to sub-cells, cells sample them at their centre."""

    def __init__(self, patch_width: int, cell_width: int, num_characters: int) -> None:
        super().__init__()
        self.unfold = nn.Conv2d(patch_width, cell_width * SUBCELLS[0] * SUBCELLS[1], 1)
        self.norm = nn.LayerNorm(cell_width)
        self.refine = nn.Sequential(Linear(cell_width, 4 * cell_width), nn.GELU(), Linear(4 * cell_width, cell_width))
        self.hidden = Linear(cell_width, 2 * cell_width)
        self.classify = Linear(2 * cell_width, num_characters)

    def forward(self, patches: Tensor, cells: CellGrid) -> Tensor:
        """(V, C, H, W) patch features -> (V, rows * columns, characters) logits"""
        return self.tell(self.sample(patches, cells))

    def sample(self, patches: Tensor, cells: CellGrid) -> Tensor:
        """(V, C, H, W) patch features -> (V, rows * columns, cell_width): what is seen at the centre of every cell"""
        views, _, height, width = patches.shape
        fine = self.unfold(patches).view(views, -1, *SUBCELLS, height, width)
        fine = fine.permute(0, 1, 4, 2, 5, 3).reshape(views, -1, height * SUBCELLS[0], width * SUBCELLS[1])
        centres = cells.centres(width * 16, height * 16, patches.device).to(fine.dtype)
        sampled = functional.grid_sample(
            fine, centres.expand(views, -1, -1, -1), mode="bilinear", padding_mode="border", align_corners=False
        )
        return sampled.flatten(2).transpose(1, 2)

    def tell(self, sampled: Tensor) -> Tensor:
        """(..., cell_width) what is seen in cells -> (..., characters) logits, each cell by itself"""
        features = self.norm(sampled)
        features = features + self.refine(features)
        return self.classify(functional.gelu(self.hidden(features)))


class ResidualConv(nn.Module):
    """A 3x3 convolution with its neighbours' patches in view, added to what was there."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, patches: Tensor) -> Tensor:
        return patches + self.conv(functional.gelu(self.norm(patches)))


class Readout(nn.Module):
    """Visual tokens of a square view -> logits for every cell of its grid."""

    def __init__(self, config: ReadoutConfig, token_width: int) -> None:
        super().__init__()
        self.config = config
        self.unfold = Linear(token_width, PATCHES * PATCHES * config.width)
        self.convs = nn.Sequential(*(ResidualConv(config.width) for _ in range(config.depth)))
        self.cells = CellClassifier(config.width, config.cell_width, len(config.alphabet))

    def forward(self, tokens: Tensor, cells: CellGrid) -> Tensor:
        """(V, N, D) visual tokens, row by row -> (V, rows * columns, characters) logits"""
        return self.cells(self.patches(tokens), cells)

    def patches(self, tokens: Tensor) -> Tensor:
        """(V, N, D) visual tokens, row by row -> (V, C, H, W) features of the patches that they hold, beside their neighbours'"""
        views, count, _ = tokens.shape
        grid = round(count**0.5)
        if grid * grid != count:
            raise ValueError(f"the readout takes square views, got {count} visual tokens")
        patches = self.unfold(tokens).view(views, grid, grid, PATCHES, PATCHES, -1)
        patches = patches.permute(0, 5, 1, 3, 2, 4).reshape(views, -1, grid * PATCHES, grid * PATCHES)
        return self.convs(patches)
