"""Any picture to 8-bit red, green, blue: PDF pages, screenshots, photos, in whatever mode and orientation they come.

Transparent parts lie on white, the first frame stands for an animation, and a camera's rotation is undone.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from optical_memory.errors import PictureError

MAX_PIXELS = 89_478_485
"""The most that a picture may hold: 256 MiB of 24-bit pixels, Pillow's own bound of caution. A4 at 900 dpi is within."""


def open_picture(source: Path | bytes | Image.Image) -> Image.Image:
    """The RGB picture in a file, in bytes, or in another of Pillow's modes.

    Raises PictureError if it cannot be read whole, holds no pixels or more than MAX_PIXELS, or has values without a range.
    """
    if isinstance(source, Image.Image):
        return to_rgb_picture(source)
    name = str(source) if isinstance(source, Path) else f"the picture of {len(source):,} bytes"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is stricter
            with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as picture:
                return to_rgb_picture(picture)
    except Image.DecompressionBombError as error:
        raise PictureError(
            f"{name} is too large ({error}); the limit is {MAX_PIXELS:,} pixels: make it smaller"
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(
            f"{name} cannot be read as a picture ({error}): it is cut short, damaged, or of no known format"
        ) from error


def to_rgb_picture(picture: Image.Image) -> Image.Image:
    """An opened picture as RGB. Raises PictureError, and what Pillow raises for a file that is damaged."""
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"the picture has {width:,} x {height:,} = {width * height:,} pixels; the limit is {MAX_PIXELS:,}: make it smaller"
        )
    if not width or not height:
        raise PictureError(f"the picture has {width} x {height} pixels; expected at least one")
    picture.load()
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "F":
        raise PictureError(
            "the picture holds floating-point values, which have no agreed range: convert it to 8 bits first"
        )
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        return _from_deep(picture).convert("RGB")
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        paper = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layered).convert("RGB")
    return picture.convert("RGB")


def _from_deep(picture: Image.Image) -> Image.Image:
    """16 bits to 8, rounded; Pillow's own conversion would cut everything above 255 to white."""
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise PictureError(
            f"the picture's values go from {values.min()} to {values.max()}; expected 0 to 65,535: scale it first"
        )
    return Image.fromarray(((values * 255 + 32_767) // 65_535).astype(np.uint8))
