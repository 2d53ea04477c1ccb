"""Other shapes of a face's glyphs: proportions, weight, slant, place in the cell. A few dozen faces teach as many hundred."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from renderers.fonts import NUM_LEVELS


@dataclass(frozen=True, slots=True)
class Variation:
    """`share` of the batches are set in glyphs that were reshaped; ranges are (smallest, largest)."""

    share: float = 0.7
    width: tuple[float, float] = (0.8, 1.12)
    """Of the glyph's own width and height."""
    height: tuple[float, float] = (0.8, 1.12)
    slant: tuple[float, float] = (-0.06, 0.06)
    """Pixels to the right for every pixel up."""
    across: float = 1.0
    """Pixels that glyphs lie off their place, at most, to either side, and up or down."""
    down: float = 1.0
    weight: tuple[float, float] = (0.55, 1.8)
    """Ink coverage to the power of 1 / weight: below 1 thinner strokes, above 1 heavier ones."""
    apart: float = 0.3
    """How far every glyph departs from what all have in common, as a part of the ranges: faces differ in their commas, too."""

    def apply(self, levels: Tensor, rng: np.random.Generator) -> Tensor:
        """(glyphs, height, width) uint8 levels of ink -> the same, reshaped; what happens is decided by `rng` alone."""
        if rng.random() >= self.share:
            return levels
        count, cell_height, cell_width = levels.shape
        wide, high, slant = (self._draw(span, count, rng) for span in (self.width, self.height, self.slant))
        across, down = (self._draw((-reach, reach), count, rng) for reach in (self.across, self.down))
        thin, heavy = np.log(self.weight)
        weight = np.exp(self._draw((thin, heavy), count, rng))
        # affine_grid maps a place in the result to one in the source, both in -1..1.
        placement = np.zeros((count, 2, 3))
        placement[:, 0] = np.stack([1 / wide, slant * cell_height / cell_width, 2 * across / cell_width], axis=1)
        placement[:, 1, 1:] = np.stack([1 / high, 2 * down / cell_height], axis=1)
        theta = torch.from_numpy(placement).float().to(levels.device)
        ink = (levels.float() / (NUM_LEVELS - 1)).unsqueeze(1)
        grid = functional.affine_grid(theta, [count, 1, cell_height, cell_width], align_corners=False)
        ink = functional.grid_sample(ink, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        powers = torch.from_numpy(1 / weight).float().to(levels.device)[:, None, None]
        return (ink[:, 0].clamp(0, 1) ** powers * (NUM_LEVELS - 1)).round().to(torch.uint8)

    def _draw(self, span: tuple[float, float], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """(count,) values around one of the range: what all glyphs have in common, and what each has for itself."""
        reach = self.apart * (span[1] - span[0]) / 2
        return rng.uniform(*span) + rng.uniform(-reach, reach, count)
