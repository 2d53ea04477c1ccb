"""What the encoder sees: a picture as one whole view and, in tiled modes, cuts beside it (DeepSeek-OCR, section 3.2.3)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from optical_memory.modes import BASE, LARGE, Mode, fit_tiles
from optical_memory.vision.pictures import to_rgb_picture

PADDING = (127, 127, 127)
"""The grey around a picture whose sides differ: 0.5, which becomes about zero."""


@dataclass(frozen=True, slots=True)
class Views:
    """`whole` (3, S, S) and `cuts` (columns * rows, 3, T, T), row by row, both in -1..1; `tiles` is (columns, rows)."""

    whole: Tensor
    cuts: Tensor
    tiles: tuple[int, int]


def to_pixels(rgb: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) red, green, blue 0..255 -> (3, H, W) in -1..1 (mean and deviation 0.5)."""
    return (torch.from_numpy(np.array(rgb)).permute(2, 0, 1).float() / 255.0 - 0.5) / 0.5


def views_of(picture: Image.Image, mode: Mode, tiles: tuple[int, int] | None = None) -> Views:
    """The views of a picture. Tiny and Small are stretched to the square, the larger modes padded to it, as upstream.

    `tiles`: (columns, rows) of a tiled mode's cuts; those that fit the picture best if not given. Raises PictureError for a
    picture that cannot be used, ValueError for a tiling that the mode does not have.
    """
    picture = to_rgb_picture(picture)
    padded = mode.tile_side is not None or mode.side >= BASE.side
    whole = _pad(picture, mode.side) if padded else picture.resize((mode.side, mode.side), Image.Resampling.BICUBIC)
    if tiles is None:
        tiles = fit_tiles(picture.width, picture.height, mode.tile_side) if mode.tile_side else (0, 0)
    mode.visual_tokens(tiles)
    return Views(to_pixels(np.asarray(whole)), _cut(picture, tiles, mode.tile_side or LARGE.side), tiles)


def _pad(picture: Image.Image, side: int) -> Image.Image:
    """The picture as large as it fits into the square, in its middle; a sliver keeps one pixel."""
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    fitted = picture.resize(size, Image.Resampling.BICUBIC)
    square = Image.new("RGB", (side, side), PADDING)
    square.paste(fitted, (round((side - size[0]) * 0.5), round((side - size[1]) * 0.5)))
    return square


def _cut(picture: Image.Image, tiles: tuple[int, int], side: int) -> Tensor:
    columns, rows = tiles
    if not columns:
        return torch.empty(0, 3, side, side)
    enlarged = to_pixels(np.asarray(picture.resize((columns * side, rows * side), Image.Resampling.BICUBIC)))
    cuts = enlarged.view(3, rows, side, columns, side).permute(1, 3, 0, 2, 4)
    return cuts.reshape(columns * rows, 3, side, side)
