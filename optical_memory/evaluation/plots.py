"""Pictures of a run, from its outcomes alone: needle heatmaps, recall against age, tokens against length."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from optical_memory.errors import MissingExtraError
from optical_memory.evaluation.run import Outcome, Run, grouped

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing
except ImportError as _error:
    raise MissingExtraError("plots need matplotlib: pip install 'optical-memory[evaluate]'") from _error

NUM_AGE_BINS = 6


def heatmap(run: Run) -> "Drawing":
    """Share of right answers by depth (downwards) and length, one panel a system; where nothing was asked it stays blank."""
    panels = list(grouped(_planted(run), "system"))
    columns = min(4, len(panels)) or 1
    rows = -(-len(panels) // columns) or 1
    drawing = Drawing(figsize=(3.0 * columns, 2.6 * rows), layout="constrained")
    image = None
    for number, ((system,), outcomes) in enumerate(panels, 1):
        axes = drawing.add_subplot(rows, columns, number)
        lengths = sorted({outcome.length for outcome in outcomes})
        depths = sorted({outcome.depth for outcome in outcomes})
        shares = np.full((len(depths), len(lengths)), np.nan)
        for (length, depth), cell in grouped(outcomes, "length", "depth"):
            shares[depths.index(depth), lengths.index(length)] = _share_right(cell)
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
        axes.set_xticks(range(len(lengths)), [_thousands(length) for length in lengths])
        axes.set_yticks(range(len(depths)), [f"{depth:.0%}" for depth in depths])
        axes.set_title(system, fontsize=9)
        axes.set_xlabel("text tokens", fontsize=8)
        axes.set_ylabel("depth", fontsize=8)
        axes.tick_params(labelsize=7)
    if image is not None:
        drawing.colorbar(image, ax=drawing.axes, label="share right", shrink=0.8)
    return drawing


def recall_by_age(run: Run) -> "Drawing":
    """Share of right answers against the needle's age in turns, one line a system."""
    drawing, axes = _axes("turns behind the needle", "share right")
    ages = [outcome.age for outcome in _planted(run)]
    edges = np.unique(np.quantile(ages, np.linspace(0, 1, NUM_AGE_BINS + 1))) if ages else np.array([0.0])
    for (system,), outcomes in grouped(_planted(run), "system"):
        bins = np.clip(np.searchsorted(edges, [o.age for o in outcomes], side="right") - 1, 0, max(0, len(edges) - 2))
        chosen = sorted(set(bins.tolist()))
        middle = [
            np.mean([o.age for o, index in zip(outcomes, bins, strict=True) if index == place]) for place in chosen
        ]
        shares = [
            _share_right([o for o, index in zip(outcomes, bins, strict=True) if index == place]) for place in chosen
        ]
        axes.plot(middle, shares, marker="o", label=system)
    axes.set_ylim(-0.03, 1.03)
    axes.legend(fontsize=7)
    return drawing


def tokens_by_length(run: Run) -> "Drawing":
    """True tokens of every system's context against the history's text tokens."""
    drawing, axes = _axes("text tokens of the history", "true tokens of the context")
    for (system,), outcomes in grouped(run.outcomes, "system"):
        lengths = sorted({outcome.length for outcome in outcomes})
        means = [np.mean([o.tokens for o in outcomes if o.length == length]) for length in lengths]
        axes.plot(lengths, means, marker="o", label=system)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=100)
    axes.legend(fontsize=7)
    return drawing


PLOTS = {"needle heatmap": heatmap, "recall against age": recall_by_age, "tokens against length": tokens_by_length}


def to_svg(drawing: "Drawing") -> str:
    """The drawing as an SVG element; the same run gives the same text."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "optical-memory", "svg.fonttype": "none"}):
        FigureCanvasAgg(drawing)
        drawing.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _axes(across: str, up: str) -> "tuple[Drawing, Any]":
    drawing = Drawing(figsize=(6.4, 3.6), layout="constrained")
    axes = drawing.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    return drawing, axes


def _planted(run: Run) -> list[Outcome]:
    return [outcome for outcome in run.outcomes if outcome.task != "absent"]


def _share_right(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.verdict == "right" for outcome in outcomes) / len(outcomes)


def _thousands(count: int) -> str:
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)
