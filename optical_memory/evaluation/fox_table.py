"""DeepSeek-OCR's Fox table as published (arXiv 2510.18234, table 2), and where a run's Fox figures lie on the same axes.

Compression is told by true sequence length (73 and 111), not by visual tokens (64 and 100) as in the paper.
"""

import re
from collections.abc import Sequence

from optical_memory.evaluation.report import Figure
from optical_memory.modes import SMALL, TINY

Points = list[tuple[float, float]]
"""(text tokens over true sequence length, set precision)."""
_TEXT_TOKENS = (650, 750, 850, 950, 1050, 1150, 1250)
"""Middles of the table's bins."""
_PRECISION = {
    TINY: (0.965, 0.938, 0.838, 0.859, 0.793, 0.764, 0.591),
    SMALL: (0.985, 0.973, 0.968, 0.968, 0.915, 0.898, 0.871),
}
PUBLISHED: dict[str, Points] = {
    f"DeepSeek-OCR as published, {mode}": [
        (tokens / mode.sequence_length(), value) for tokens, value in zip(_TEXT_TOKENS, values, strict=True)
    ]
    for mode, values in _PRECISION.items()
}
_BIN = re.compile(r"fox, (\d+) to (\d+) text tokens")


def fox_points(figures: Sequence[Figure]) -> dict[str, Points]:
    """Set precision by bin of every reader and mode that a Fox run measured."""
    found: dict[str, Points] = {}
    for figure in figures:
        edges = _BIN.fullmatch(figure.task)
        if edges and figure.metric == "set precision" and figure.sequence_length:
            middle = (int(edges[1]) + int(edges[2])) / 2
            points = found.setdefault(f"{figure.system}, {figure.mode}", [])
            points.append((middle / figure.sequence_length, figure.value))
    return found
