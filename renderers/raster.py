"""Grid to pixels: a page is an atlas gather.

A drawn page is one byte a pixel, `style * NUM_LEVELS + coverage`; a palette of inks and papers turns it into colours, in a
PNG as its colour table, on a device as one lookup.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from renderers.fonts import FIXED, NUM_LEVELS, Face, GlyphAtlas, glyph_atlas
from renderers.page import Page

RENDERER_VERSION = 3
"""Raised whenever the same page and side would give other pixels."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """Ink on paper, both red, green, blue in 0..255."""

    ink: Colour = (0, 0, 0)
    paper: Colour = (255, 255, 255)


def palette(styles: Sequence[Style]) -> NDArray[np.uint8]:
    """(256, 3): the colour of every pixel value; coverage blends paper into ink."""
    if not 1 <= len(styles) <= 256 // NUM_LEVELS:
        raise ValueError(f"a palette holds 1 to {256 // NUM_LEVELS} styles, got {len(styles)}")
    colours = np.full((256, 3), 255, dtype=np.uint8)
    coverage = np.linspace(0.0, 1.0, NUM_LEVELS)[:, None]
    for index, style in enumerate(styles):
        blend = np.array(style.paper) * (1.0 - coverage) + np.array(style.ink) * coverage
        colours[index * NUM_LEVELS : (index + 1) * NUM_LEVELS] = np.rint(blend)
    return colours


def cell_size(page: Page, side: int) -> tuple[int, int]:
    """(width, height) in pixels of a cell when the page is drawn at `side`."""
    return side // page.grid.columns, side // page.grid.rows


def draw(page: Page, side: int, face: Face = FIXED) -> NDArray[np.uint8]:
    """(side, side) pixel values of the page; what the cells do not fill is paper of style 0.

    Raises ValueError if the side is too small for the face at this grid.
    """
    width, height = cell_size(page, side)
    return compose(page, glyph_atlas(face, width, height), side)


def compose(page: Page, atlas: GlyphAtlas, side: int) -> NDArray[np.uint8]:
    """(side, side) pixel values, gathered from an atlas row of cells by row of cells."""
    rows, columns = page.grid.rows, page.grid.columns
    height, width = atlas.cell_height, atlas.cell_width
    slots = atlas.slots(page.codes)
    glyphs = atlas.levels.take(slots, axis=0).reshape(rows, columns, height, width)
    picture = np.zeros((side, side), dtype=np.uint8)
    cells = picture[: rows * height, : columns * width]
    by_cell = np.lib.stride_tricks.as_strided(
        cells, (rows, height, columns, width), (side * height, side, width, 1), writeable=True
    )
    tints = (page.styles * np.uint8(NUM_LEVELS)).reshape(rows, 1, columns, 1)
    np.add(glyphs.transpose(0, 2, 1, 3), tints, out=by_cell)
    return picture


def to_rgb(picture: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(S, S) pixel values -> (S, S, 3) red, green, blue."""
    return colours[picture]


def to_png(picture: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """The drawn page as a PNG with its palette as colour table; the same picture gives the same bytes."""
    image = Image.frombytes("P", picture.shape[::-1], picture.tobytes())
    image.putpalette(colours.tobytes(), rawmode="RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=False, compress_level=6)
    return buffer.getvalue()
