"""Faces and glyph atlases: FreeType fills an atlas once per (face, cell); afterwards drawing is a gather.

Pixel faces come in strikes (hand-drawn sizes); the largest strike that fits the cell is used, doubled or tripled in wide
cells. Scalable faces are hinted to the cell.
"""

from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from threading import RLock
from unicodedata import bidirectional

import freetype
import numpy as np
from numpy.typing import NDArray

from renderers.page import EMPTY

FACES_FOLDER = Path(__file__).parent / "faces"
NUM_LEVELS = 16
"""Steps of ink coverage from paper (0) to full ink (15)."""
NUM_CODES = 0x110000
MIN_OUTLINE_SIZE = 4

CONTROL_GLYPHS = {0x0A: 0xB6, 0x09: 0x203A, 0x0D: 0x2039, 0xA0: 0xAC}
"""Characters without a shape borrow one: newline a pilcrow, tab and return single guillemets, no-break space a not sign."""
TWINS = frozenset({"\0", *map(chr, CONTROL_GLYPHS.values())})
"""Characters that look like one of these, or like an empty cell: text that holds them cannot be shown to a reader of pixels."""
DISPLACED_GLYPHS = {0x2013: (0x2D, -2), 0x2212: (0x2D, 2), 0x2014: (0x2014, 2), 0xD7: (0x78, -2)}
"""(glyph, pixels down): characters that some strikes draw like another one (en dash and minus like hyphen, em dash like a
box line, the multiplication sign like x) are moved up or down, so that the pixel face tells them apart at every size."""
_CYRILLIC = [0x401, *range(0x402, 0x40D), *range(0x40E, 0x450), *range(0x451, 0x45D), 0x45E, 0x45F, 0x490, 0x491]
_LATIN = [*range(0x21, 0x7F), *range(0xC0, 0x180)]
_GREEK = [0x386, 0x388, 0x389, 0x38A, 0x38C, *range(0x38E, 0x3A2), *range(0x3A3, 0x3AA), *range(0x3AC, 0x3CF)]
LEFT, RIGHT, BOTH = 1, 2, 3
TICKS = dict.fromkeys(_GREEK, LEFT) | dict.fromkeys(_CYRILLIC, RIGHT)
"""Pixel faces draw Greek and Cyrillic letters like Latin ones, and crowd accents into the same few pixels. A tick in the lower
left corner of the cell, the right one, or both, tells them apart, so that every character has pixels of its own."""
TICKS |= {ord(c): LEFT for c in "¯ĂČĔĕģĺŎœśŜŤŮůŰűźȘșțḍḥṃṇṛṣṭﬁ"}
TICKS |= {ord(c): RIGHT for c in "ĚŇōŐŝŹŻżȚṅﬂ"}
TICKS |= {ord(c): BOTH for c in "ěšŃžŽḌḤṂṆṚṢṬﬀ\u00adĐθЇЁмќЎҐ"}
TICKS |= (
    {ord(c): LEFT for c in "ÂƏ✓\u2011❯●"} | {ord("✔"): RIGHT} | {ord(c): BOTH for c in "✅✗❌⚠\ufe0f○▶★☐☑₂⇒\u202f▲▼⚡"}
)
BORROWED_GLYPHS = {ord(c): ord(letter) for c, letter in zip("ﬁﬂﬀṅ\u00adŻżžŽ", "fffn-ZzzZ", strict=True)}
BORROWED_GLYPHS |= {ord(c): ord(letter) for c, letter in zip("ḍḥṃṇṛṣṭḌḤṂṆṚṢṬ", "dhmnrstDHMÑRST", strict=True)}
"""Small pixel strikes lack these letters: the letter they are made from is drawn, with its ticks."""
LIKE_GLYPHS = {ord(c): ord(sign) for c, sign in zip("✓✔✅✗❌⚠●○▶❯★☐☑⇒₂▲▼⚡", "√√√xX!•o>>*□v→2^V/", strict=True)}
"""Pixel strikes lack these signs: one that is like it is drawn, with its ticks."""
SHAPELESS_GLYPHS = {0x2011: 0x2D, 0x202F: 0xAC, 0xFE0F: 0x20}
"""A hyphen and a space at which no line breaks, and what makes the sign before it an emoji: faces have an empty cell for them, or
none, so they are drawn as this; pixel faces tell them from it by their ticks."""
INKLESS = frozenset({EMPTY, 0x20, 0xFE0F})
"""Codes whose cell is rightly blank."""
_FREETYPE = RLock()
"""Held while a FreeType face is used, which two threads must not do at once; all atlases of a file share its face."""
MARKER_BASE = 0xE000
"""Markers are private-use codes: MARKER_BASE + the code of the letter that is drawn."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A file of a face; `width` x `height` pixels for a pixel strike, 0 x 0 for a scalable outline. `font` is the file itself where
    it does not lie in the faces' folder."""

    file: str
    width: int = 0
    height: int = 0
    font: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Face:
    """A typeface: pixel strikes, or one scalable outline."""

    name: str
    strikes: tuple[Strike, ...]

    def fit(self, cell_width: int, cell_height: int) -> tuple[Strike, int]:
        """The strike, and the whole number it is enlarged by (or the pixel size, for an outline), that fill the cell best."""
        if self.strikes[0].width == 0:
            return self.strikes[0], _outline_size(self.strikes[0], cell_width, cell_height)
        best: tuple[int, int, Strike] | None = None
        for strike in self.strikes:
            scale = min(cell_width // strike.width, cell_height // strike.height)
            if scale >= 1:
                # Enlarging once loses as much detail as it gains area: prefer the larger hand-drawn strike.
                worth = strike.width * strike.height * scale
                if best is None or worth > best[0]:
                    best = (worth, scale, strike)
        if best is None:
            smallest = min(self.strikes, key=lambda strike: strike.width * strike.height)
            raise ValueError(
                f"face {self.name!r} does not fit a cell of {cell_width}x{cell_height} pixels; "
                f"its smallest strike is {smallest.width}x{smallest.height}: use fewer columns or a larger side"
            )
        return best[2], best[1]


FIXED = Face(
    "fixed",
    tuple(
        Strike(f"{width}x{height}.pcf.gz", width, height)
        for width, height in ((4, 6), (5, 8), (6, 10), (6, 12), (8, 13), (9, 15), (9, 18), (10, 20))
    ),
)
"""Misc Fixed, the X11 pixel face (public domain): hand-drawn from 4x6 to 10x20."""
DEJAVU = Face("dejavu", (Strike("DejaVuSansMono.ttf"),))
"""DejaVu Sans Mono (Bitstream Vera licence): scalable, 3,323 characters."""
FACES = {face.name: face for face in (FIXED, DEJAVU)}


def find_face(name: str) -> Face:
    """A bundled face by its name, or the scalable font file of that path. Raises ValueError if there is neither."""
    if name in FACES:
        return FACES[name]
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"no face {name!r}: expected one of {', '.join(FACES)}, or a font file")
    return face_of(path.stem, path.read_bytes())


def face_of(name: str, font: bytes) -> Face:
    """The face of a font file's bytes. Raises ValueError for what is no scalable font."""
    strike = Strike(name, font=font)
    try:
        with _FREETYPE:
            scalable = _open(strike).is_scalable
    except freetype.FT_Exception as error:
        raise ValueError(f"{name!r} is no font file that FreeType reads ({error}): give a .ttf or .otf file") from error
    if not scalable:
        raise ValueError(f"font file {name!r} holds pixel strikes alone: give a scalable one, .ttf or .otf")
    return Face(name, (strike,))


@cache
def _open(strike: Strike) -> freetype.Face:
    return freetype.Face(BytesIO(strike.font) if strike.font is not None else str(FACES_FOLDER / strike.file))


def _outline_size(strike: Strike, cell_width: int, cell_height: int) -> int:
    face = _open(strike)
    above, below = _letters(strike) or (face.ascender / face.units_per_EM, face.descender / face.units_per_EM)
    size = int(min(cell_width / _advance(face), cell_height / (above - below)))
    if size < MIN_OUTLINE_SIZE:
        raise ValueError(
            f"an outline in a cell of {cell_width}x{cell_height} pixels would be {size} pixels high, less than the "
            f"{MIN_OUTLINE_SIZE} that stay legible: use fewer columns or a larger side"
        )
    return size


@cache
def _letters(strike: Strike) -> tuple[float, float] | None:
    """Ems from the baseline up to where Latin letters end, and down, if that is less than the face's own line; else None. What a
    face leaves free between lines would make its letters smaller in their cells, by a third in some."""
    face = _open(strike)
    tops, bottoms = [0], [0]
    for code in _LATIN:
        if face.get_char_index(code):
            face.load_char(code, freetype.FT_LOAD_NO_SCALE)
            tops.append(face.glyph.metrics.horiBearingY)
            bottoms.append(face.glyph.metrics.horiBearingY - face.glyph.metrics.height)
    above, below = max(tops), min(bottoms)
    return (
        (above / face.units_per_EM, below / face.units_per_EM)
        if 0 < above - below < face.ascender - face.descender
        else None
    )


def _advance(face: freetype.Face) -> float:
    """Ems that the widest printable ASCII character moves the pen. A face's own maximum can be that of one ligature or
    full-width glyph, twice as wide as everything that is read here."""
    widest = 0
    for code in range(0x21, 0x7F):
        if face.get_char_index(code):
            face.load_char(code, freetype.FT_LOAD_NO_SCALE)
            widest = max(widest, face.glyph.advance.x)
    return (widest or face.max_advance_width) / face.units_per_EM


class GlyphAtlas:
    """The glyphs of one face at one cell size, filled on demand; slot 0 is the empty cell.

    `levels` (glyphs, cell height, cell width) uint8 holds ink coverage in 0..NUM_LEVELS - 1.
    """

    def __init__(self, face: Face, cell_width: int, cell_height: int) -> None:
        self.face = face
        self.cell_width = cell_width
        self.cell_height = cell_height
        with _FREETYPE:
            self._strike, self._size = face.fit(cell_width, cell_height)
        self._slots = np.full(NUM_CODES, -1, dtype=np.int32)
        self._slots[EMPTY] = 0
        self._slots[0x20] = 0
        self._levels = np.zeros((256, cell_height, cell_width), dtype=np.uint8)
        self._count = 1

    @property
    def levels(self) -> NDArray[np.uint8]:
        return self._levels[: self._count]

    def slots(self, codes: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Atlas slots of code points, same shape; what is not there yet is drawn now."""
        slots = self._slots[codes]
        if slots.size and slots.min() < 0:
            with _FREETYPE:
                for code in np.unique(codes[self._slots[codes] < 0]):
                    self._slots[code] = self._add(int(code))
            slots = self._slots[codes]
        return slots

    def shows(self, code: int) -> bool:
        """Whether the face has a glyph of this code point's own, and ink in it unless none belongs there: what is seen by a reader
        who was not taught the ticks."""
        with _FREETYPE:
            if not self.draws(code) or (code in BORROWED_GLYPHS and self._glyph_of(code) != code):
                return False
            slot = self.slots(np.array([code], dtype=np.uint32))[0]
            return code in INKLESS or bool(self.levels[slot].any())

    def draws(self, code: int) -> bool:
        """Whether the face has a glyph for this code point, or for the letter that it is made from, and not that of a sign which is
        like it."""
        with _FREETYPE:
            return self.covers(code) and not (code in LIKE_GLYPHS and self._glyph_of(code) != code)

    def covers(self, code: int) -> bool:
        """Whether the face has a glyph for this code point, or one that it tells apart by ticks."""
        if code in (EMPTY, 0x20):
            return True
        with _FREETYPE:
            return code in CONTROL_GLYPHS or bool(_open(self._strike).get_char_index(self._glyph_of(code)))

    def tells_apart(self, codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """(N,) code points -> whether each has a glyph of the face's own that none before it has. Markers always have."""
        slots = self.slots(codes)  # fills the atlas
        levels = self.levels[slots]
        seen: set[bytes] = set()
        told = np.zeros(len(codes), dtype=bool)
        for index, code in enumerate(codes.tolist()):
            glyph = levels[index].tobytes()
            told[index] = is_marker(code) or (self.covers(code) and glyph not in seen)
            if not is_marker(code):
                seen.add(glyph)
        return told

    def _add(self, code: int) -> int:
        if self._count == len(self._levels):
            self._levels = np.concatenate([self._levels, np.zeros_like(self._levels)])
        glyph, down = DISPLACED_GLYPHS.get(code, (self._glyph_of(code), 0))
        if code in CONTROL_GLYPHS and not _open(self._strike).get_char_index(glyph):
            lender = glyph_atlas(DEJAVU, self.cell_width, self.cell_height)  # a line's end is shown in every face
            slot = lender.slots(np.array([code], dtype=np.uint32))[0]
            self._levels[self._count] = lender.levels[slot]
        else:
            self._levels[self._count] = self._draw(glyph, down)
        if self._strike.width:
            self._tick(self._levels[self._count], TICKS.get(code, 0))
        self._count += 1
        return self._count - 1

    def _glyph_of(self, code: int) -> int:
        stand_in = BORROWED_GLYPHS.get(code, LIKE_GLYPHS.get(code))
        if stand_in is None:
            return _drawn_code(code)
        too_small = 0 < self._strike.height <= 8
        has_own = not too_small and _open(self._strike).get_char_index(code)
        return code if has_own else stand_in

    def _tick(self, cell: NDArray[np.uint8], corners: int) -> None:
        size = max(1, self.cell_width // 8)
        for corner, columns in ((LEFT, slice(0, size)), (RIGHT, slice(self.cell_width - size, None))):
            if corners & corner:
                cell[-size:, columns] = NUM_LEVELS - 1

    def _draw(self, code: int, down: int) -> NDArray[np.uint8]:
        face = _open(self._strike)
        pixel_face = self._strike.width > 0
        if pixel_face:
            face.select_size(0)
            face.load_char(code, freetype.FT_LOAD_RENDER | freetype.FT_LOAD_TARGET_MONO)
        else:
            face.set_pixel_sizes(0, self._size)
            face.load_char(code, freetype.FT_LOAD_RENDER)
        bitmap = _bitmap_levels(face.glyph.bitmap)
        scale = self._size if pixel_face else 1
        bitmap = np.kron(bitmap, np.ones((scale, scale), dtype=np.uint8))
        ascender, line = self._line_in_pixels()
        advance = face.glyph.advance.x // 64 * scale
        top = (self.cell_height - line) // 2 + ascender - face.glyph.bitmap_top * scale + down * scale
        left = (self.cell_width - advance) // 2 + face.glyph.bitmap_left * scale
        return _paste(bitmap, top, left, self.cell_height, self.cell_width)

    def _line_in_pixels(self) -> tuple[int, int]:
        """From a line's top to the baseline, and to its bottom."""
        letters = None if self._strike.width else _letters(self._strike)
        if letters is not None:
            above, below = letters
            return round(above * self._size), round((above - below) * self._size)
        size = _open(self._strike).size
        scale = self._size if self._strike.width else 1
        return size.ascender // 64 * scale, (size.ascender - size.descender) // 64 * scale


def runs_left(character: str) -> bool:
    """Whether its script runs from right to left: on a page, which is set from left to right, it stands the wrong way round."""
    return bidirectional(character) in ("R", "AL", "AN")


def is_marker(code: int) -> bool:
    """Whether this code is drawn as a marker, and so cannot be shown as what it is."""
    return MARKER_BASE <= code < MARKER_BASE + 128


def _drawn_code(code: int) -> int:
    if is_marker(code):
        return code - MARKER_BASE
    return CONTROL_GLYPHS.get(code, SHAPELESS_GLYPHS.get(code, code))


def _bitmap_levels(bitmap: freetype.Bitmap) -> NDArray[np.uint8]:
    rows = np.array(bitmap.buffer, dtype=np.uint8).reshape(bitmap.rows, bitmap.pitch)
    if bitmap.pixel_mode == freetype.FT_PIXEL_MODE_MONO:
        ink = np.unpackbits(rows, axis=1)[:, : bitmap.width]
        return ink * np.uint8(NUM_LEVELS - 1)
    return ((rows[:, : bitmap.width].astype(np.uint16) * (NUM_LEVELS - 1) + 127) // 255).astype(np.uint8)


def _paste(bitmap: NDArray[np.uint8], top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
    cell = np.zeros((height, width), dtype=np.uint8)
    row0, row1 = max(0, top), min(height, top + bitmap.shape[0])
    column0, column1 = max(0, left), min(width, left + bitmap.shape[1])
    if row0 < row1 and column0 < column1:
        cell[row0:row1, column0:column1] = bitmap[row0 - top : row1 - top, column0 - left : column1 - left]
    return cell


_ATLASES: dict[tuple[Face, int, int], GlyphAtlas] = {}


def glyph_atlas(face: Face, cell_width: int, cell_height: int) -> GlyphAtlas:
    """The shared atlas of a face at a cell size, from any thread."""
    with _FREETYPE:
        return _ATLASES.get((face, cell_width, cell_height)) or _ATLASES.setdefault(
            (face, cell_width, cell_height), GlyphAtlas(face, cell_width, cell_height)
        )
