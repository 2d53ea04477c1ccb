"""Grid to pixels: the gather equals a cell-by-cell drawing, and its pixels are fixed to the byte."""

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from optical_memory.config import ALPHABET
from renderers import (
    DEJAVU,
    FACES,
    FIXED,
    RENDERER_VERSION,
    TRANSCRIPT_STYLES,
    Block,
    Face,
    GlyphAtlas,
    Grid,
    Page,
    Style,
    draw,
    lay_out,
    palette,
    to_png,
    to_rgb,
    transcript_blocks,
)
from renderers.fonts import NUM_LEVELS
from renderers.raster import cell_size
from renderers.transcript import LABELS, MARK_STYLE, style_of

SIDES = (512, 640, 1024, 1280)
COLOURS = palette(TRANSCRIPT_STYLES)
GOLDEN = {
    512: "638a44899ae76ad19f596d9f23b2f11e",
    640: "b18b9778afd20347c95eb0a5b6795c07",
    1024: "6486782de1e938d0096ac33efabd9557",
    1280: "31d95381a91b5853ca0b173a97efd26b",
}
"""blake2b of the sample page's pixel values, by side."""


def sample_page() -> Page:
    """Every character of the alphabet in every style of a transcript."""
    blocks: list[Block] = []
    for label in ("user", "assistant", "system", "tool_call", "tool_result"):
        text = f"{ALPHABET}\n```py\nfor i in range(3):\n\tprint(i)\n```\n0O1lI {ALPHABET[::-1]}"
        blocks += transcript_blocks(text, label, label)
    return lay_out(blocks, Grid(64, 64))[0]


def drawn_cell_by_cell(page: Page, side: int, face: Face) -> NDArray[np.uint8]:
    width, height = side // page.grid.columns, side // page.grid.rows
    atlas = GlyphAtlas(face, width, height)
    picture = np.zeros((side, side), dtype=np.uint8)
    for cell in range(page.grid.num_cells):
        row, column = divmod(cell, page.grid.columns)
        slot = int(atlas.slots(page.codes[cell : cell + 1])[0])
        glyph = atlas.levels[slot] + int(page.styles[cell]) * NUM_LEVELS
        picture[row * height : (row + 1) * height, column * width : (column + 1) * width] = glyph
    return picture


@pytest.mark.parametrize("side", [512, 700])
@pytest.mark.parametrize("face", FACES.values(), ids=lambda face: face.name)
def test_a_full_page_equals_the_cell_by_cell_drawing(face: Face, side: int) -> None:
    page = sample_page()
    assert np.array_equal(draw(page, side, face), drawn_cell_by_cell(page, side, face))


@given(
    st.text(st.sampled_from(ALPHABET + "日\ud800\0"), max_size=80),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(80, 200),
    st.integers(0, 15),
)
@settings(max_examples=60, deadline=None)
def test_any_page_equals_the_cell_by_cell_drawing(text: str, columns: int, rows: int, side: int, style: int) -> None:
    for page in lay_out([Block(text, "a", "s", style=style)], Grid(columns, rows)):
        assert np.array_equal(draw(page, side), drawn_cell_by_cell(page, side, FIXED))


@pytest.mark.parametrize("side", SIDES)
def test_pixels_are_the_golden_ones(side: int) -> None:
    """A change here is a change of every stored page: raise RENDERER_VERSION with it."""
    digest = hashlib.blake2b(draw(sample_page(), side).tobytes(), digest_size=16).hexdigest()
    assert (RENDERER_VERSION, side, digest) == (3, side, GOLDEN[side])


def test_the_same_page_gives_the_same_bytes() -> None:
    first, second = (to_png(draw(sample_page(), 512), COLOURS) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("side", SIDES)
def test_a_png_holds_the_palettes_colours(side: int) -> None:
    picture = draw(sample_page(), side)
    with Image.open(io.BytesIO(to_png(picture, COLOURS))) as image:
        assert (image.format, image.size) == ("PNG", (side, side))
        assert np.array_equal(np.asarray(image.convert("RGB")), to_rgb(picture, COLOURS))


@given(st.integers(1, 20), st.integers(1, 20), st.integers(120, 260))
@settings(max_examples=40, deadline=None)
def test_what_the_cells_do_not_fill_is_plain_paper(columns: int, rows: int, side: int) -> None:
    (page,) = lay_out([Block("#" * columns * rows, "a", "s", style=3)], Grid(columns, rows))
    width, height = cell_size(page, side)
    picture = draw(page, side)
    assert picture.shape == (side, side)
    assert picture[: rows * height, : columns * width].min() >= 3 * NUM_LEVELS
    assert not picture[rows * height :].any()
    assert not picture[:, columns * width :].any()


@pytest.mark.parametrize("face", FACES.values(), ids=lambda face: face.name)
def test_a_side_too_small_for_the_grid_is_refused(face: Face) -> None:
    with pytest.raises(ValueError, match="1x1"):
        draw(sample_page(), 64 + 63, face)


def test_faces_draw_differently() -> None:
    assert not np.array_equal(draw(sample_page(), 512, FIXED), draw(sample_page(), 512, DEJAVU))


def test_labels_can_be_told_apart_by_colour() -> None:
    papers = {label: tuple(COLOURS[style_of(label) * NUM_LEVELS].tolist()) for label in LABELS}
    assert len(set(papers.values())) == len(LABELS)


def test_the_same_text_looks_different_under_each_label() -> None:
    pictures = set()
    for label in ("user", "assistant", "system", "tool_call", "tool_result"):
        (page,) = lay_out(transcript_blocks("same words", label, "s"), Grid(16, 4))
        pictures.add(to_rgb(draw(page, 128), COLOURS).tobytes())
    assert len(pictures) == 5


def test_a_marker_is_in_reverse() -> None:
    marker = TRANSCRIPT_STYLES[MARK_STYLE]
    assert sum(marker.ink) > sum(marker.paper)
    assert all(sum(style.ink) < sum(style.paper) for style in TRANSCRIPT_STYLES[:MARK_STYLE])


def test_a_palette_runs_from_paper_to_ink() -> None:
    colours = palette([Style(ink=(0, 10, 20), paper=(250, 240, 230)), Style(ink=(9, 9, 9))])
    assert colours[0].tolist() == [250, 240, 230]
    assert colours[NUM_LEVELS - 1].tolist() == [0, 10, 20]
    assert colours[2 * NUM_LEVELS - 1].tolist() == [9, 9, 9]
    assert (np.diff(colours[:NUM_LEVELS].astype(int), axis=0) < 0).all()


@pytest.mark.parametrize("count", [0, 17])
def test_a_palette_of_too_few_or_many_styles_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"got {count}"):
        palette([Style()] * count)


def test_the_last_style_does_not_run_over() -> None:
    (page,) = lay_out([Block("#", "a", "s", style=15)], Grid(1, 1))
    picture = draw(page, 20)
    assert set(np.unique(picture).tolist()) == {15 * NUM_LEVELS, 16 * NUM_LEVELS - 1}
