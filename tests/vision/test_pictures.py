"""Any picture in, 8-bit red, green, blue out; and its views, pixel for pixel, by a second implementation written here."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from optical_memory.errors import PictureError
from optical_memory.model import Model
from optical_memory.modes import BASE, GUNDAM, GUNDAM_M, LARGE, MODES, SMALL, TINY, Mode
from optical_memory.vision.pictures import MAX_PIXELS, open_picture
from optical_memory.vision.views import views_of

Pixels = NDArray[np.uint8]
ROUNDING_BITS = 22


def resize(picture: Pixels, width: int, height: int, tall_first: bool) -> Pixels:
    """Bicubic (a = -0.5) with antialias in 22-bit fixed point: along rows, then along columns.

    `tall_first`: columns before rows where the picture is taller than wide; versions of Pillow choose, and round, differently.
    """
    if tall_first and picture.shape[0] > picture.shape[1]:
        return resize(picture.transpose(1, 0, 2), height, width, False).transpose(1, 0, 2)
    across = _pass(picture, width)
    return _pass(across.transpose(1, 0, 2), height).transpose(1, 0, 2)


def _pass(picture: Pixels, size: int) -> Pixels:
    source = picture.shape[1]
    if size == source:
        return picture
    scale = source / size
    stretch = max(scale, 1.0)
    out = np.empty((picture.shape[0], size, 3), np.uint8)
    for index in range(size):
        centre = (index + 0.5) * scale
        first = max(0, int(centre - 2 * stretch + 0.5))
        last = min(source, int(centre + 2 * stretch + 0.5))
        weights = np.array([_cubic((place - centre + 0.5) / stretch) for place in range(first, last)])
        weights /= weights.sum()
        fixed = np.array([int(w * (1 << ROUNDING_BITS) + math.copysign(0.5, w)) for w in weights], dtype=np.int64)
        total = (picture[:, first:last].astype(np.int64) * fixed[None, :, None]).sum(1) + (1 << (ROUNDING_BITS - 1))
        out[:, index] = np.clip(total >> ROUNDING_BITS, 0, 255)
    return out


def _cubic(x: float) -> float:
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return ((-0.5 * x + 2.5) * x - 4) * x + 2 if x < 2 else 0.0


def expected_views(
    picture: Pixels, mode: Mode, tiles: tuple[int, int], tall_first: bool
) -> tuple[Pixels, list[Pixels]]:
    """The rule in numpy: stretch below 1024, else fit and centre on grey 127; cuts row by row of the stretched canvas."""
    height, width = picture.shape[:2]
    if mode.tile_side is None and mode.side <= 640:
        return resize(picture, mode.side, mode.side, tall_first), []
    whole = np.full((mode.side, mode.side, 3), 127, np.uint8)
    scale = mode.side / max(height, width)
    fit_width, fit_height = max(1, round(width * scale)), max(1, round(height * scale))
    top, left = round((mode.side - fit_height) / 2), round((mode.side - fit_width) / 2)
    whole[top : top + fit_height, left : left + fit_width] = resize(picture, fit_width, fit_height, tall_first)
    cuts = []
    if tiles != (0, 0) and mode.tile_side:
        edge = mode.tile_side
        canvas = resize(picture, tiles[0] * edge, tiles[1] * edge, tall_first)
        for row in range(tiles[1]):
            for column in range(tiles[0]):
                cuts.append(canvas[row * edge : (row + 1) * edge, column * edge : (column + 1) * edge])
    return whole, cuts


def noise(width: int, height: int) -> Pixels:
    return np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("mode", "size", "tiles"),
    [
        (TINY, (300, 200), (0, 0)),
        (SMALL, (50, 900), (0, 0)),
        (BASE, (700, 433), (0, 0)),
        (LARGE, (333, 1500), (0, 0)),
        (GUNDAM, (900, 400), (2, 1)),
        (GUNDAM, (600, 500), (0, 0)),
        (GUNDAM, (641, 1900), (1, 3)),
        (GUNDAM_M, (1100, 500), (2, 1)),
    ],
    ids=str,
)
def test_views_are_pixel_for_pixel_the_rules(mode: Mode, size: tuple[int, int], tiles: tuple[int, int]) -> None:
    picture = noise(*size)
    views = views_of(Image.fromarray(picture), mode)
    assert views.tiles == tiles
    orders = [expected_views(picture, mode, tiles, tall_first) for tall_first in (False, True)]
    for index, ours in enumerate([views.whole, *views.cuts]):
        back = ((ours * 0.5 + 0.5) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        theirs = [[whole, *cuts][index] for whole, cuts in orders]
        assert any(np.array_equal(back, pixels) for pixels in theirs)
        exact = (torch.tensor(back.copy()).permute(2, 0, 1).float() / 255 - 0.5) / 0.5
        assert torch.equal(ours, exact)


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (3, 700)], ids=str)
@pytest.mark.parametrize("mode", MODES.values(), ids=str)
def test_slivers_have_views_in_every_mode(size: tuple[int, int], mode: Mode) -> None:
    views = views_of(Image.new("RGB", size, (9, 9, 9)), mode)
    assert views.whole.shape == (3, mode.side, mode.side)
    assert len(views.cuts) == views.tiles[0] * views.tiles[1]
    assert (views.whole < -0.9).any(), "a sliver keeps a pixel"


@pytest.mark.parametrize("tiles", [(1, 1), (2, 5), (10, 1), (0, 2), (-1, -2)])
def test_tiles_outside_two_to_nine_are_refused(tiny_model: Model, tiles: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="2 to 9 tiles"):
        tiny_model.encode_picture(Image.new("RGB", (900, 900)), GUNDAM, tiles)
    with pytest.raises(ValueError, match="has no tiles"):
        tiny_model.encode_picture(Image.new("RGB", (900, 900)), BASE, tiles)


def test_a_decompression_bomb_is_refused_with_the_limit_named() -> None:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    with pytest.raises(PictureError, match=rf"too large.*the limit is {MAX_PIXELS:,} pixels"):
        open_picture(buffer.getvalue())
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, "PNG")
    with pytest.raises(PictureError, match=rf"100,000,000 pixels; the limit is {MAX_PIXELS:,}"):
        open_picture(buffer.getvalue())
    with pytest.raises(PictureError, match="at least one"):
        open_picture(Image.new("RGB", (0, 4)))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def colour(data: bytes) -> tuple[int, ...]:
    picture = open_picture(data)
    assert picture.mode == "RGB"
    value = picture.getpixel((0, 0))
    assert isinstance(value, tuple)
    return value


def test_every_mode_of_colour_becomes_rgb() -> None:
    deep = Image.fromarray(np.full((4, 4), 32_768, np.uint16))
    assert colour(saved(deep, "PNG")) == (128, 128, 128), "16 bits are scaled, not cut"
    assert colour(saved(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF")) == (255, 0, 0)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    assert colour(saved(palette, "PNG")) == (10, 200, 30)
    assert colour(saved(palette, "PNG", transparency=1)) == (255, 255, 255)
    assert colour(saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), "PNG")) == (255, 255, 255)
    assert colour(saved(Image.new("LA", (4, 4), (0, 255)), "PNG")) == (0, 0, 0)
    assert colour(saved(Image.new("1", (4, 4), 1), "PNG")) == (255, 255, 255)


def test_the_first_frame_stands_for_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), shade) for shade in ((200, 0, 0), (0, 200, 0))]
    assert colour(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])) == (200, 0, 0)


def test_a_cameras_rotation_is_undone() -> None:
    picture = Image.new("RGB", (6, 2), (0, 0, 0))
    picture.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right
    turned = open_picture(saved(picture, "PNG", exif=exif))
    assert turned.size == (2, 6)
    assert turned.getpixel((1, 0)) == (255, 255, 255)


def test_what_cannot_be_read_whole_is_refused(tmp_path: Path) -> None:
    whole = saved(Image.fromarray(noise(60, 60)), "PNG")
    for data in (whole[: len(whole) // 2], whole[:20], b"", b"no picture"):
        with pytest.raises(PictureError, match="cannot be read as a picture"):
            open_picture(data)
    (tmp_path / "cut.png").write_bytes(whole[:200])
    with pytest.raises(PictureError, match=r"cut\.png cannot be read"):
        open_picture(tmp_path / "cut.png")
    with pytest.raises(PictureError, match="floating-point"):
        open_picture(Image.new("F", (4, 4)))
    with pytest.raises(PictureError, match=r"expected 0 to 65,535"):
        open_picture(Image.new("I", (4, 4), 70_000))
