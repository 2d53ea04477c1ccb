"""What the decoder is given with a question: the passage that holds the most of it, and as much of the context as fits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from optical_memory.encoded import EncodedPage
from optical_memory.memory.recall import best_window
from renderers.transcript import MARKS

Piece = str | EncodedPage
"""A stretch of text or of visual tokens, as it is spliced."""


def _nothing() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text that a passage may be cut from. `before` and `after` read what stands beyond its edges, which may cost a reading."""

    label: str
    text: str
    before: Callable[[], str] = _nothing
    after: Callable[[], str] = _nothing


def best_passage(candidates: Iterable[Candidate], rarity: Mapping[str, float], length: int) -> str:
    """The `length` characters that hold the most of a question's words, the first among equals, after their label's marker
    letter. What is found at the edge of a text is cut from both sides of it: a fact may lie across."""
    best, passage = 0.0, ""
    for candidate in candidates:
        text = candidate.text
        found, window = best_window(text, rarity, length)
        if found and text.startswith(window):
            text = candidate.before()[-length:] + text
        if found and candidate.text.endswith(window):
            text += candidate.after()[:length]
        if text is not candidate.text:
            found, window = best_window(text, rarity, length)
        if found > best or not passage:
            best, passage = found, chr(MARKS[candidate.label]) + window
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
