"""Batches as pictures: laid out, drawn at one side, and kept as base64 within a byte budget. The cache never decides a byte."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from optical_memory.memory.stretches import by_turns
from optical_memory.memory.turn import Turn
from optical_memory.memory.wire.picture import Picture
from renderers import (
    FIXED,
    TRANSCRIPT_STYLES,
    Block,
    Grid,
    Page,
    draw,
    glyph_atlas,
    lay_out,
    palette,
    to_png,
    transcript_blocks,
)
from renderers.fonts import TWINS, is_marker, runs_left

GRID = Grid(64, 64)
STRETCH = 65_536
"""Characters of a text that are looked at in one go."""


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page's picture, its source text with a newline between turns, and the first and last message on it."""

    picture: Picture
    text: str
    first: int
    last: int


@dataclass(slots=True)
class Drawings:
    """Pictures by what they show; the ones unused longest go beyond `budget` bytes. Safe to share between threads."""

    budget: int = 256 * 2**20
    num_bytes: int = 0
    _pages: OrderedDict[tuple[str, int], tuple[DrawnPage, ...]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def pages(self, turns: Sequence[Turn], first: int, side: int, scope: str = "") -> tuple[DrawnPage, ...]:
        """The pages of turns, the first of which is message number `first`. Scopes (tenants) never share a drawing."""
        key = (_digest(turns, scope), side)
        with self._lock:
            pages = self._pages.get(key)
            if pages is None:
                pages = self._pages[key] = tuple(_drawn(page, side) for page in lay_out_turns(turns))
                self.num_bytes += _size(pages)
                while self.num_bytes > self.budget and len(self._pages) > 1:
                    self.num_bytes -= _size(self._pages.popitem(last=False)[1])
            self._pages.move_to_end(key)
        return tuple(replace(page, first=page.first + first, last=page.last + first) for page in pages)


def lay_out_turns(turns: Sequence[Turn]) -> list[Page]:
    """Pages whose spans name their source by the turn's position."""
    blocks: list[Block] = []
    for number, turn in enumerate(turns):
        start = 0
        for label, text in turn.passages() if turn.text else ():
            blocks += transcript_blocks(text, label, str(number), start)
            start += len(text)
    return lay_out(blocks, GRID)


def num_cells(turn: Turn) -> int:
    """Cells that a turn takes: its characters and a marker for each passage."""
    passages = turn.passages() if turn.text else []
    return sum(len(text) + 1 for _, text in passages)


@dataclass(slots=True)
class Drawable:
    """Which characters a reader can be shown at a side: those of the typeface there whose script runs as a page does, or those of
    `alphabet` if given."""

    side: int
    alphabet: str | None = None
    _covered: set[str] = field(default_factory=set)

    def lacking(self, text: str) -> str:
        """The characters of a text that cannot be shown, each once."""
        strange: set[str] = set()
        for start in range(0, len(text), STRETCH):  # a set of a long text at once would hold Python's lock for as long
            strange |= set(text[start : start + STRETCH])
        strange -= self._covered
        if not strange:
            return ""
        covered = {character for character in strange if self._covers(character)}
        self._covered |= covered
        return "".join(sorted(strange - covered))

    def _covers(self, character: str) -> bool:
        if self.alphabet is not None:
            return character in self.alphabet
        if character in TWINS or is_marker(ord(character)) or runs_left(character):
            return False
        return glyph_atlas(FIXED, self.side // GRID.columns, self.side // GRID.rows).shows(ord(character))


def _drawn(page: Page, side: int) -> DrawnPage:
    picture = Picture.of(to_png(draw(page, side, FIXED), palette(TRANSCRIPT_STYLES)))
    sources = [int(source) for source in page.sources] or [0]
    return DrawnPage(picture, by_turns(page.text, page.spans), min(sources), max(sources))


def _size(pages: Sequence[DrawnPage]) -> int:
    return sum(len(page.picture.base64) + len(page.text) for page in pages)


def _digest(turns: Sequence[Turn], scope: str) -> str:
    hasher = hashlib.blake2b(scope.encode(), digest_size=16)
    for turn in turns:
        hasher.update(b"\0turn")
        for label, text in turn.passages():
            hasher.update(f"\0{label}\0{len(text)}\0".encode())
            hasher.update(text.encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()
