"""What can happen to a page's picture before it is seen: other inks and papers, blur from resizing, JPEG. On the device."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

JPEG_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Quantisation table of the JPEG standard (ITU-T T.81, annex K.1), at quality 50."""


@dataclass(frozen=True, slots=True)
class Wear:
    """Shares of the batches that are worn, each in its own way, and how far."""

    inks: float = 0.2
    blur: float = 0.2
    smallest_scale: float = 0.6
    """A blurred picture was resized to between this share of its side and all of it, and back."""
    jpeg: float = 0.1
    qualities: tuple[int, int] = (40, 95)

    def apply(self, pixels: Tensor, rng: np.random.Generator) -> Tensor:
        """(V, 3, S, S) in -1..1 -> the same, worn; what happens is decided by `rng` alone."""
        if rng.random() < self.inks:
            pixels = reink(pixels, rng)
        if rng.random() < self.blur:
            pixels = resized_and_back(pixels, float(rng.uniform(self.smallest_scale, 1.0)))
        if rng.random() < self.jpeg:
            pixels = jpeg(pixels, int(rng.integers(*self.qualities)))
        return pixels


def reink(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Any dark ink on any light paper, or the reverse: every channel stretched between two new ends."""
    dark, light = rng.uniform(-1.0, -0.3, 3), rng.uniform(0.3, 1.0, 3)
    if rng.random() < 0.3:
        dark, light = light, dark
    low = torch.as_tensor(dark, dtype=pixels.dtype, device=pixels.device).view(1, 3, 1, 1)
    high = torch.as_tensor(light, dtype=pixels.dtype, device=pixels.device).view(1, 3, 1, 1)
    return low + (pixels + 1) / 2 * (high - low)


def resized_and_back(pixels: Tensor, scale: float) -> Tensor:
    """Bilinear with antialias to `scale` of the side, and back: the paper's way of fading."""
    side = pixels.shape[-1]
    small = functional.interpolate(pixels, size=max(1, round(side * scale)), mode="bilinear", antialias=True)
    return functional.interpolate(small, size=side, mode="bilinear")


def jpeg(pixels: Tensor, quality: int) -> Tensor:
    """JPEG's loss at a quality of 1 to 100: 8 x 8 cosine transform of every channel, quantised. Sides are multiples of 8."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = torch.tensor(JPEG_LUMINANCE, dtype=pixels.dtype, device=pixels.device)
    steps = ((table * scale + 50) / 100).floor().clamp(1, 255)
    basis = _cosines(pixels)
    views, channels, height, width = pixels.shape
    blocks = (pixels * 127.5).view(views, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    spectrum = basis @ blocks @ basis.T
    blocks = basis.T @ ((spectrum / steps).round() * steps) @ basis
    return (blocks.transpose(3, 4).reshape(pixels.shape) / 127.5).clamp(-1, 1)


def _cosines(like: Tensor) -> Tensor:
    """(8, 8) orthonormal DCT-II."""
    index = torch.arange(8, dtype=like.dtype, device=like.device)
    basis = torch.cos(torch.pi / 8 * (index[None] + 0.5) * index[:, None]) / 2
    basis[0] /= 2**0.5
    return basis
