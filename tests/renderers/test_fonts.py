"""Faces and atlases: everything that the bundled model reads can be drawn, and told apart."""

import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from optical_memory.config import ALPHABET, SIGNS
from renderers import DEJAVU, EMPTY, FACES, FIXED, Face, GlyphAtlas, fonts, glyph_atlas
from renderers.fonts import MARKER_BASE, NUM_LEVELS

CELLS = ((8, 8), (10, 10), (16, 16), (20, 20))
SOURCE_ALPHABET = "".join(character for character in ALPHABET if not MARKER_BASE <= ord(character) <= 0xF8FF)
ASCII = "".join(chr(code) for code in range(0x20, 0x7F))


def codes_of(text: str) -> NDArray[np.uint32]:
    return np.array([ord(character) for character in text], dtype=np.uint32)


def glyphs_of(atlas: GlyphAtlas, text: str) -> NDArray[np.uint8]:
    slots = atlas.slots(codes_of(text))
    return atlas.levels[slots]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("face", FACES.values(), ids=lambda face: face.name)
def test_the_alphabet_is_covered(face: Face, cell: tuple[int, int]) -> None:
    atlas = GlyphAtlas(face, *cell)
    assert [hex(ord(character)) for character in ALPHABET if not atlas.covers(ord(character))] == []


def test_a_sign_that_only_a_like_one_stands_for_is_covered_and_not_shown() -> None:
    small, large = GlyphAtlas(FIXED, 4, 8), GlyphAtlas(FIXED, 20, 20)
    tick, cross = ord("\u2713"), ord("\u274c")
    assert small.covers(tick) and not small.shows(tick) and large.shows(tick)
    assert large.covers(cross) and not large.shows(cross)


@pytest.mark.parametrize("letter", "\u017c\u017e\u017d\u1e63\ufb01\ufb00\u00ad")
def test_a_letter_that_is_another_with_a_tick_is_drawn_and_not_shown(letter: str) -> None:
    small = GlyphAtlas(FIXED, 8, 8)
    assert small.covers(ord(letter)) and small.draws(ord(letter)) and not small.shows(ord(letter))
    assert GlyphAtlas(FIXED, 16, 16).shows(ord("\u017e")), "it has one of its own there"


@pytest.mark.parametrize(("side", "blank"), [(8, "\u040d\u045d\u2800"), (16, "\u2003\u200b\u200d\u205f\u2063\u034f")])
def test_what_has_no_ink_is_shown_only_if_it_never_has(side: int, blank: str) -> None:
    atlas = GlyphAtlas(FIXED, side, side)
    assert [atlas.covers(ord(c)) for c in blank] == [True] * len(blank)
    assert not any(atlas.shows(ord(c)) for c in blank)
    assert all(atlas.shows(ord(c)) for c in "\0 \ufe0f\n\t\r\u00a0\u202f\u2011")


def test_no_tick_hides_that_a_glyph_of_its_own_is_blank() -> None:
    for cell in CELLS:
        atlas = GlyphAtlas(FIXED, *cell)
        ticked = [c for c in fonts.TICKS if atlas.shows(c) and c not in fonts.INKLESS]
        assert all(atlas._draw(atlas._glyph_of(c), 0).any() for c in ticked)


def test_scripts_that_run_from_right_to_left_are_known() -> None:
    assert all(map(fonts.runs_left, "\u05e9\u0633\u0664\u200f"))
    assert not any(map(fonts.runs_left, "aЖω7 .\n水\u0301"))


@pytest.mark.parametrize("cell", CELLS)
def test_the_pixel_face_tells_every_character_from_every_other(cell: tuple[int, int]) -> None:
    drawn = defaultdict(list)
    characters = "".join(dict.fromkeys(SOURCE_ALPHABET + SIGNS))
    for character, glyph in zip(characters, glyphs_of(GlyphAtlas(FIXED, *cell), characters), strict=True):
        drawn[glyph.tobytes()].append(f"U+{ord(character):04X}")
    assert [same for same in drawn.values() if len(same) > 1] == []


def test_the_alphabet_holds_no_character_twice() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("face", FACES.values(), ids=lambda face: face.name)
def test_only_the_space_is_blank(face: Face, cell: tuple[int, int]) -> None:
    glyphs = glyphs_of(GlyphAtlas(face, *cell), SOURCE_ALPHABET)
    blank = [character for character, glyph in zip(SOURCE_ALPHABET, glyphs, strict=True) if not glyph.any()]
    selector = [] if face is FIXED else ["\ufe0f"]  # which a font draws nothing for
    assert blank == [" ", *selector]


def test_a_marker_is_drawn_as_its_letter() -> None:
    letters, markers = (
        glyphs_of(glyph_atlas(FIXED, 8, 8), text) for text in ("UASCR", "\ue055\ue041\ue053\ue043\ue052")
    )
    assert np.array_equal(letters, markers)


@pytest.mark.parametrize(
    ("cell", "file", "scale"),
    [
        ((4, 8), "4x6.pcf.gz", 1),
        ((5, 8), "5x8.pcf.gz", 1),
        ((8, 8), "5x8.pcf.gz", 1),
        ((10, 10), "6x10.pcf.gz", 1),
        ((8, 16), "8x13.pcf.gz", 1),
        ((16, 16), "9x15.pcf.gz", 1),
        ((20, 20), "10x20.pcf.gz", 1),
        ((40, 40), "10x20.pcf.gz", 2),
        ((30, 60), "10x20.pcf.gz", 3),
    ],
)
def test_the_strike_that_fills_the_cell_is_chosen(cell: tuple[int, int], file: str, scale: int) -> None:
    strike, size = FIXED.fit(*cell)
    assert (strike.file, size) == (file, scale)


@pytest.mark.parametrize("width", range(4, 42, 3))
@pytest.mark.parametrize("height", range(6, 42, 3))
def test_a_strike_never_overflows_its_cell(width: int, height: int) -> None:
    strike, scale = FIXED.fit(width, height)
    assert strike.width * scale <= width
    assert strike.height * scale <= height


@pytest.mark.parametrize("cell", [(3, 6), (4, 5), (0, 0), (64, 5)])
def test_a_cell_below_the_smallest_strike_is_refused_with_both_sizes(cell: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"{cell[0]}x{cell[1]}.*4x6"):
        GlyphAtlas(FIXED, *cell)


@pytest.mark.parametrize("cell", [(0, 0), (1, 1), (0, 8)])
def test_a_cell_too_small_for_the_outline_is_refused_with_its_size(cell: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{cell[0]}x{cell[1]}"):
        GlyphAtlas(DEJAVU, *cell)


def test_an_outline_is_as_large_as_its_letters_allow_not_its_widest_glyph(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in faces that hold full-width characters or ligatures beside letters of half the width."""

    class Wide:
        """A face whose declared maximum is twice what its letters need."""

        def __init__(self, face: object) -> None:
            self._face = face

        def __getattr__(self, name: str) -> object:
            value = getattr(self._face, name)
            return 2 * value if name == "max_advance_width" else value

    opened = fonts._open
    expected = DEJAVU.fit(16, 16)
    monkeypatch.setattr(fonts, "_open", lambda file: Wide(opened(file)))
    assert DEJAVU.fit(16, 16) == expected


def test_space_that_a_face_leaves_between_lines_makes_no_letter_smaller() -> None:
    font = bytearray((fonts.FACES_FOLDER / DEJAVU.strikes[0].file).read_bytes())
    tables = (font[12 + 16 * index : 28 + 16 * index] for index in range(int.from_bytes(font[4:6], "big")))
    start = next(int.from_bytes(table[8:12], "big") for table in tables if table[:4] == b"hhea")
    ascender = slice(start + 4, start + 6)
    font[ascender] = (2 * int.from_bytes(font[ascender], "big")).to_bytes(2, "big")
    leaded = fonts.face_of("leaded", bytes(font))
    assert np.array_equal(glyphs_of(GlyphAtlas(leaded, 16, 16), ASCII), glyphs_of(GlyphAtlas(DEJAVU, 16, 16), ASCII))
    assert fonts._letters(leaded.strikes[0]) is not None
    assert fonts._letters(DEJAVU.strikes[0]) is None  # its accents reach beyond its line, by which it is placed as ever


def test_the_pixel_face_is_full_ink_or_none() -> None:
    assert set(np.unique(glyphs_of(GlyphAtlas(FIXED, 8, 8), SOURCE_ALPHABET))) == {0, NUM_LEVELS - 1}


def test_the_outline_has_grey_edges_within_the_levels() -> None:
    levels = np.unique(glyphs_of(GlyphAtlas(DEJAVU, 20, 20), SOURCE_ALPHABET))
    assert levels.min() == 0
    assert levels.max() == NUM_LEVELS - 1
    assert len(levels) > 2


def test_an_enlarged_strike_is_the_strike_with_larger_pixels() -> None:
    once, twice = (glyphs_of(GlyphAtlas(FIXED, 10 * scale, 20 * scale), ASCII) for scale in (1, 2))
    assert np.array_equal(twice, once.repeat(2, axis=1).repeat(2, axis=2))


def test_an_atlas_starts_with_the_empty_cell_alone() -> None:
    atlas = GlyphAtlas(FIXED, 8, 8)
    assert atlas.levels.shape == (1, 8, 8)
    assert not atlas.levels.any()
    assert atlas.slots(np.array([EMPTY, 0x20], dtype=np.uint32)).tolist() == [0, 0]


def test_an_atlas_grows_and_keeps_what_it_holds() -> None:
    atlas = GlyphAtlas(FIXED, 8, 8)
    first = codes_of("Ab")
    slots, glyphs = atlas.slots(first), glyphs_of(atlas, "Ab").copy()
    many = np.arange(0x100, 0x400, dtype=np.uint32)
    grown = atlas.slots(many)
    assert len(np.unique(grown)) == len(many)
    assert len(atlas.levels) == 1 + len(first) + len(many)
    assert atlas.slots(first).tolist() == slots.tolist()
    assert np.array_equal(glyphs_of(atlas, "Ab"), glyphs)


def test_a_glyph_is_drawn_once() -> None:
    atlas = GlyphAtlas(FIXED, 8, 8)
    atlas.slots(codes_of("aaab"))
    atlas.slots(codes_of("ba"))
    assert len(atlas.levels) == 3


def test_slots_keep_the_shape_of_the_codes() -> None:
    atlas = GlyphAtlas(FIXED, 8, 8)
    assert atlas.slots(np.full((2, 3), 0x41, dtype=np.uint32)).shape == (2, 3)
    assert atlas.slots(np.empty(0, dtype=np.uint32)).shape == (0,)


@pytest.mark.parametrize("face", FACES.values(), ids=lambda face: face.name)
def test_a_character_without_a_glyph_is_not_covered_and_still_drawn(face: Face) -> None:
    atlas = GlyphAtlas(face, 16, 16)
    strange = np.array([0xD800, 0x1F642, 0x10FFFF], dtype=np.uint32)
    assert not any(atlas.covers(int(code)) for code in strange)
    assert atlas.slots(strange).min() > 0


def test_a_face_and_cell_share_one_atlas() -> None:
    assert glyph_atlas(FIXED, 8, 8) is glyph_atlas(FIXED, 8, 8)
    assert glyph_atlas(FIXED, 8, 8) is not glyph_atlas(FIXED, 8, 16)


def test_letters_that_look_alike_differ_by_their_ticks() -> None:
    for cell in CELLS:
        atlas = GlyphAtlas(FIXED, *cell)
        latin, greek, cyrillic = glyphs_of(atlas, "AΑА")
        corner = slice(0, max(1, cell[0] // 8))
        assert (greek != latin).any() and (cyrillic != latin).any() and (greek != cyrillic).any()
        assert (greek[-1, corner] == 15).all() and (latin[-1, corner] == 0).all()


def test_threads_that_fill_one_atlas_draw_what_one_thread_draws() -> None:
    codes = np.arange(0x21, 0x17F, dtype=np.uint32)
    text = "".join(map(chr, codes))
    right = glyphs_of(GlyphAtlas(DEJAVU, 13, 17), text)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for attempt in range(3):
            atlas = GlyphAtlas(DEJAVU, 13, 17)
            orders = [np.random.default_rng(attempt * 4 + n).permutation(codes) for n in range(4)]
            with ThreadPoolExecutor(4) as threads:
                list(
                    threads.map(
                        lambda order, atlas=atlas: [atlas.slots(order[n : n + 3]) for n in range(0, 300, 3)], orders
                    )
                )
            assert np.array_equal(glyphs_of(atlas, text), right)
    finally:
        sys.setswitchinterval(interval)


def test_a_face_without_a_pilcrow_shows_where_lines_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        """DejaVu without the pilcrow."""

        def __init__(self, face: object) -> None:
            self._face = face

        def __getattr__(self, name: str) -> object:
            return getattr(self._face, name)

        def get_char_index(self, code: int) -> int:
            return 0 if code == 0xB6 else self._face.get_char_index(code)  # type: ignore[attr-defined, no-any-return]

    lacking = fonts.face_of("lacking", (fonts.FACES_FOLDER / DEJAVU.strikes[0].file).read_bytes())
    opened = fonts._open
    monkeypatch.setattr(fonts, "_open", lambda strike: Lacking(opened(strike)) if strike.font else opened(strike))
    atlas, lender = GlyphAtlas(lacking, 16, 16), GlyphAtlas(DEJAVU, 16, 16)
    assert atlas.covers(0x0A) and not atlas.covers(0xB6)
    assert np.array_equal(glyphs_of(atlas, "\n"), glyphs_of(lender, "\n"))
