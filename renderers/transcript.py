"""Turns drawn so that roles, code, tool calls and tool results can be told apart: a marker letter in reverse, then tinted paper."""

import re
from collections.abc import Iterator

from renderers.fonts import MARKER_BASE
from renderers.page import Block
from renderers.raster import Style

LABELS = ("user", "assistant", "system", "tool_call", "tool_result", "code")
"""What a block may be; the position decides its style."""
MARK_LETTERS = {"user": "U", "assistant": "A", "system": "S", "tool_call": "C", "tool_result": "R"}
MARKS = {label: MARKER_BASE + ord(letter) for label, letter in MARK_LETTERS.items()}
"""The marker code of each label; code stands inside a turn and has none of its own."""

TRANSCRIPT_STYLES = (
    Style(),
    Style(paper=(255, 255, 255)),
    Style(paper=(229, 240, 255)),
    Style(paper=(240, 240, 240)),
    Style(paper=(255, 236, 205)),
    Style(paper=(224, 247, 224)),
    Style(paper=(232, 228, 222)),
    Style(ink=(255, 255, 255), paper=(40, 40, 40)),
)
"""Plain, one per label, and the marker's reverse."""
MARK_STYLE = len(TRANSCRIPT_STYLES) - 1

_FENCE = re.compile(r"^```.*?^```[^\n]*$", re.MULTILINE | re.DOTALL)


def style_of(label: str) -> int:
    return LABELS.index(label) + 1


def transcript_blocks(text: str, label: str, source: str, start: int = 0) -> Iterator[Block]:
    """The blocks of one passage: its marker, its text, and fenced code on paper of its own.

    The blocks' texts joined are `text`, which begins at character `start` of the source. Raises ValueError for a label
    that is not in MARK_LETTERS.
    """
    if label not in MARKS:
        raise ValueError(f"a turn's label must be one of {', '.join(MARKS)}; got {label!r}")
    pieces, position = [], 0
    for fence in _FENCE.finditer(text):
        pieces += [(label, position, fence.start()), ("code", fence.start(), fence.end())]
        position = fence.end()
    pieces.append((label, position, len(text)))
    for piece_label, first, last in pieces:
        if last > first or (first == 0 and piece_label == label):
            style = style_of(piece_label)
            yield Block(
                text[first:last],
                piece_label,
                source,
                start + first,
                style,
                MARKS[label],
                MARK_STYLE,
                opens=first == 0 and piece_label == label,
            )
