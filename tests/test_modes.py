"""Resolution modes: DeepSeek-OCR's table to the token, and the tiling's bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.modes import (
    BASE,
    GUNDAM,
    GUNDAM_M,
    LARGE,
    MAX_TILES,
    MIN_TILES,
    MODES,
    NATIVE_MODES,
    SMALL,
    TINY,
    Mode,
    fit_tiles,
    mode_named,
)

TILINGS = [
    (columns, rows)
    for columns in range(1, MAX_TILES + 1)
    for rows in range(1, MAX_TILES + 1)
    if MIN_TILES <= columns * rows <= MAX_TILES
]


@pytest.mark.parametrize(
    ("name", "side", "visual_tokens", "sequence_length"),
    [("Tiny", 512, 64, 73), ("Small", 640, 100, 111), ("Base", 1024, 256, 273), ("Large", 1280, 400, 421)],
)
def test_the_table_of_native_modes(name: str, side: int, visual_tokens: int, sequence_length: int) -> None:
    mode = MODES[name]
    assert (mode.side, mode.visual_tokens(), mode.sequence_length()) == (side, visual_tokens, sequence_length)
    assert mode.tile_side is None


@pytest.mark.parametrize(("columns", "rows"), TILINGS)
def test_gundam(columns: int, rows: int) -> None:
    assert GUNDAM.visual_tokens((columns, rows)) == 256 + 100 * columns * rows
    assert GUNDAM.sequence_length((columns, rows)) == 273 + rows * 10 * (columns * 10 + 1)


@pytest.mark.parametrize(("columns", "rows"), TILINGS)
def test_gundam_m(columns: int, rows: int) -> None:
    assert GUNDAM_M.visual_tokens((columns, rows)) == 400 + 256 * columns * rows
    assert GUNDAM_M.sequence_length((columns, rows)) == 421 + rows * 16 * (columns * 16 + 1)


@pytest.mark.parametrize(("mode", "whole"), [(GUNDAM, BASE), (GUNDAM_M, LARGE)], ids=str)
def test_a_tiled_mode_without_cuts_is_its_whole_view(mode: Mode, whole: Mode) -> None:
    assert mode.sequence_length() == whole.sequence_length()
    assert mode.visual_tokens() == whole.visual_tokens()


@pytest.mark.parametrize("mode", MODES.values(), ids=str)
def test_the_decoder_gets_a_newline_a_row_and_a_separator(mode: Mode) -> None:
    assert mode.sequence_length() - mode.visual_tokens() == mode.grid + 1


@pytest.mark.parametrize("mode", NATIVE_MODES, ids=str)
def test_a_mode_without_tiles_refuses_them(mode: Mode) -> None:
    with pytest.raises(ValueError, match=f"{mode.name} has no tiles"):
        mode.sequence_length((2, 2))


@pytest.mark.parametrize("tiles", [(1, 1), (2, 5), (10, 1), (3, 0), (0, 3), (-2, -2), (-1, 2)])
def test_a_tiling_outside_the_bounds_is_refused(tiles: tuple[int, int]) -> None:
    for count in (GUNDAM.visual_tokens, GUNDAM.sequence_length):
        with pytest.raises(ValueError, match="2 to 9 tiles"):
            count(tiles)


def test_native_modes_are_told_from_the_cheapest() -> None:
    assert NATIVE_MODES == (TINY, SMALL, BASE, LARGE)
    assert list(MODES) == ["Tiny", "Small", "Base", "Large", "Gundam", "Gundam-M"]


@pytest.mark.parametrize("mode", MODES.values(), ids=str)
def test_a_mode_is_found_by_its_name_in_any_case(mode: Mode) -> None:
    assert mode_named(mode.name.upper()) is mode_named(str(mode).lower()) is mode


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'huge'.*Tiny, Small, Base, Large, Gundam, Gundam-M"):
        mode_named("huge")


@given(st.integers(1, 4000), st.integers(1, 4000), st.sampled_from((640, 1024)))
@settings(deadline=None)
def test_a_tiling_is_none_or_within_the_bounds(width: int, height: int, tile_side: int) -> None:
    columns, rows = fit_tiles(width, height, tile_side)
    if max(width, height) <= tile_side:
        assert (columns, rows) == (0, 0)
    else:
        assert MIN_TILES <= columns * rows <= MAX_TILES


@given(st.integers(1, 4000), st.integers(1, 4000))
@settings(deadline=None)
def test_no_tiling_is_closer_in_aspect(width: int, height: int) -> None:
    if max(width, height) > 640:
        columns, rows = fit_tiles(width, height, 640)
        distance = abs(width / height - columns / rows)
        assert distance == min(abs(width / height - c / r) for c, r in TILINGS)


@pytest.mark.parametrize(
    ("size", "tiles"), [((1280, 640), (2, 1)), ((640, 1280), (1, 2)), ((1280, 1280), (2, 2)), ((1920, 1920), (3, 3))]
)
def test_a_picture_of_whole_tiles_is_cut_along_them(size: tuple[int, int], tiles: tuple[int, int]) -> None:
    assert fit_tiles(*size, 640) == tiles


def test_a_mode_prints_as_its_name() -> None:
    assert f"{GUNDAM_M}" == "Gundam-M"
