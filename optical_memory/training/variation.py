"""Other shapes of a face's glyphs: proportions, weight, slant, place in the cell. A few dozen faces teach as many hundred."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from renderers.fonts import NUM_LEVELS


@dataclass(frozen=True, slots=True)
class Variation:
    """`share` of the batches are set in glyphs that were reshaped, all glyphs of a batch alike; ranges are (smallest, largest)."""

    share: float = 0.7
    width: tuple[float, float] = (0.8, 1.12)
    """Of the glyph's own width and height."""
    height: tuple[float, float] = (0.8, 1.12)
    slant: tuple[float, float] = (-0.06, 0.06)
    """Pixels to the right for every pixel up."""
    shift: float = 1.0
    """Pixels that glyphs lie off their place, at most, across and down."""
    weight: tuple[float, float] = (0.55, 1.8)
    """Ink coverage to the power of 1 / weight: below 1 thinner strokes, above 1 heavier ones."""

    def apply(self, levels: Tensor, rng: np.random.Generator) -> Tensor:
        """(glyphs, height, width) uint8 levels of ink -> the same, reshaped; what happens is decided by `rng` alone."""
        if rng.random() >= self.share:
            return levels
        cell_height, cell_width = levels.shape[1:]
        wide, high = rng.uniform(*self.width), rng.uniform(*self.height)
        across, down = rng.uniform(-self.shift, self.shift, 2)
        slant = rng.uniform(*self.slant)
        weight = np.exp(rng.uniform(*np.log(self.weight)))
        # affine_grid maps a place in the result to one in the source, both in -1..1.
        placement = torch.tensor(
            [
                [1 / wide, slant * cell_height / cell_width, 2 * across / cell_width],
                [0.0, 1 / high, 2 * down / cell_height],
            ],
            dtype=torch.float32,
            device=levels.device,
        )
        ink = (levels.float() / (NUM_LEVELS - 1)).unsqueeze(0)
        grid = functional.affine_grid(placement[None], [1, 1, cell_height, cell_width], align_corners=False)
        ink = functional.grid_sample(ink, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return (ink[0].clamp(0, 1) ** (1 / weight) * (NUM_LEVELS - 1)).round().to(torch.uint8)
