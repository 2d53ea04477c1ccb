"""What the decoder is given with a question: the passage that holds the most of it, and as much of the context as fits."""

from collections.abc import Iterable, Mapping, Sequence

from optical_memory.encoded import EncodedPage
from optical_memory.memory.recall import best_window
from renderers.transcript import MARKS

Piece = str | EncodedPage
"""A stretch of text or of visual tokens, as it is spliced."""


def best_passage(texts: Iterable[tuple[str, str]], rarity: Mapping[str, float], length: int) -> str:
    """Of (label, text) pairs the `length` characters that hold the most of a question's words, the first among equals, after the
    label's marker letter."""
    best, passage = -1.0, ""
    for label, text in texts:
        found, window = best_window(text, rarity, length)
        if found > best:
            best, passage = found, chr(MARKS[label]) + window
    return passage


def fitting(parts: Sequence[tuple[float, int, Sequence[Piece]]], room: int) -> list[Piece]:
    """(worth, positions, pieces) in order -> the pieces of the parts that take `room` positions at most: worth more before worth
    less, late before early. A part goes in whole or not at all: a page without its errata would be told wrong."""
    kept: set[int] = set()
    for _, place in sorted(((worth, place) for place, (worth, _, _) in enumerate(parts)), reverse=True):
        if parts[place][1] <= room:
            room -= parts[place][1]
            kept.add(place)
    return [piece for place, (_, _, pieces) in enumerate(parts) if place in kept for piece in pieces]
