"""Figures: one row per system, mode and metric, with an interval and n."""

from collections.abc import Sequence
from math import sqrt

from pydantic import BaseModel, ConfigDict


class Figure(BaseModel):
    """One measured number; `low` and `high` bound it, at 95 % unless the metric says otherwise; `n` counts
    what it was measured on."""

    model_config = ConfigDict(frozen=True)

    task: str
    system: str
    mode: str
    sequence_length: int | None
    metric: str
    value: float
    low: float
    high: float
    n: int


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, `right` of `n` (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    z, share = 1.959964, right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def as_table(figures: Sequence[Figure]) -> str:
    """Figures as aligned text."""
    rows = [("task", "system", "mode", "length", "metric", "value", "low to high", "n")]
    for figure in figures:
        digits = 5 if figure.high <= 1.0 else 2
        length = "" if figure.sequence_length is None else str(figure.sequence_length)
        interval = f"{figure.low:.{digits}f} to {figure.high:.{digits}f}"
        value = f"{figure.value:.{digits}f}"
        rows.append((figure.task, figure.system, figure.mode, length, figure.metric, value, interval, str(figure.n)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
