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


def fitting(pieces: Sequence[tuple[float, Piece]], room: int) -> list[Piece]:
    """(worth, piece) in order -> the pieces that take `room` positions at most: worth more before worth less, late before early."""
    kept: set[int] = set()
    for _, place in sorted(((worth, place) for place, (worth, _) in enumerate(pieces)), reverse=True):
        piece = pieces[place][1]
        length = len(piece) if isinstance(piece, str) else piece.sequence_length
        if length <= room:
            room -= length
            kept.add(place)
    return [piece for place, (_, piece) in enumerate(pieces) if place in kept]
