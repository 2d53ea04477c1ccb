"""Pictures of a run, from its file alone. Each is small enough for the width of a phone; the same run gives the same pictures."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from optical_memory.errors import MissingExtraError
from optical_memory.evaluation.fox_table import PUBLISHED, fox_points
from optical_memory.evaluation.run import Outcome, Run, grouped

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing
except ImportError as _error:
    raise MissingExtraError("plots need matplotlib: pip install 'optical-memory[evaluate]'") from _error

NUM_AGE_BINS = 6
MARKS = "osD^vPX*<>hp"
_SHOWN_IN_CELLS = 25
"""Cells of a heatmap up to which each says how many of how many were right."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Drawings under one title; where there are several they stand side by side if there is room."""

    title: str
    drawings: "tuple[Drawing, ...]"


def plots_of(run: Run) -> list[Plot]:
    """The pictures that suit a run's task."""
    plots: list[Plot] = []
    if run.task == "needles" and run.outcomes:
        plots += [
            Plot("Needle heatmap: share right by depth and length", heatmaps(run)),
            Plot("Recall against age", (recall_by_age(run),)),
        ]
    if run.task == "dialogue" and run.outcomes:
        plots.append(Plot("Evidence that reached the reader", evidence_bars(run)))
    if run.outcomes:
        plots += [
            Plot("True tokens against history length", (by_length(run, "true tokens", lambda own: own.tokens),)),
            Plot("Time against history length", (by_length(run, "seconds a question", lambda own: own.seconds),)),
        ]
    if fox_points(run.figures):
        plots.append(Plot("Fidelity against true compression, Fox", (fidelity_by_compression(run),)))
    if run.task == "store" and run.figures:
        plots.append(Plot("Cost of an operation as the store grows", (store_growth(run),)))
    if run.task == "fading" and run.figures:
        plots.append(Plot("Planted strings still exact, by age", fading_by_age(run)))
    return plots


def heatmaps(run: Run) -> "tuple[Drawing, ...]":
    """Share of right answers by depth (downwards) and length, one drawing a system; where nothing was asked it stays blank."""
    drawings = []
    for (system,), outcomes in grouped(_planted(run), "system"):
        lengths = sorted({outcome.length for outcome in outcomes})
        depths = sorted({outcome.depth for outcome in outcomes})
        shares = np.full((len(depths), len(lengths)), np.nan)
        drawing = Drawing(figsize=(3.2, 2.8), layout="constrained")
        axes = drawing.add_subplot()
        for (length, depth), cell in grouped(outcomes, "length", "depth"):
            row, column = depths.index(depth), lengths.index(length)
            shares[row, column] = _share_right(cell)
            if shares.size <= _SHOWN_IN_CELLS:
                told = f"{sum(own.verdict == 'right' for own in cell)}/{len(cell)}"
                axes.text(column, row, told, ha="center", va="center", fontsize=9)
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
        axes.set_xticks(range(len(lengths)), [_thousands(length) for length in lengths])
        axes.set_yticks(range(len(depths)), [f"{depth:.0%}" for depth in depths])
        axes.set_title(system, fontsize=10)
        axes.set_xlabel("text tokens", fontsize=9)
        axes.set_ylabel("depth", fontsize=9)
        axes.tick_params(labelsize=8)
        drawing.colorbar(image, ax=axes, shrink=0.9).ax.tick_params(labelsize=7)
        drawings.append(drawing)
    return tuple(drawings)


def recall_by_age(run: Run) -> "Drawing":
    """Share of right answers against the needle's age in turns, one line a system; bands of age hold as many questions each."""
    drawing, axes = _axes("turns behind the needle", "share right")
    ages = [outcome.age for outcome in _planted(run)]
    edges = np.unique(np.quantile(ages, np.linspace(0, 1, NUM_AGE_BINS + 1))) if ages else np.array([0.0])
    for number, ((system,), outcomes) in enumerate(grouped(_planted(run), "system")):
        places = np.clip(np.searchsorted(edges, [o.age for o in outcomes], side="right") - 1, 0, max(0, len(edges) - 2))
        bands = [
            [own for own, place in zip(outcomes, places, strict=True) if place == band] for band in sorted(set(places))
        ]
        middles = [float(np.mean([own.age for own in band])) for band in bands]
        axes.plot(middles, [_share_right(band) for band in bands], marker=_mark(number), label=system)
    axes.set_xscale("symlog", linthresh=8)
    axes.set_ylim(-0.03, 1.03)
    _legend(drawing)
    return drawing


def by_length(run: Run, told: str, value: Callable[[Outcome], float]) -> "Drawing":
    """Mean of a value over a history's questions against the history's text tokens, one line a system."""
    drawing, axes = _axes("text tokens of the history", told)
    for number, ((system,), outcomes) in enumerate(grouped(run.outcomes, "system")):
        lengths = sorted({outcome.length for outcome in outcomes})
        means = [np.mean([value(own) for own in outcomes if own.length == length]) for length in lengths]
        axes.plot(lengths, np.maximum(means, 1e-4), marker=_mark(number), label=system)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _legend(drawing)
    return drawing


def evidence_bars(run: Run) -> "tuple[Drawing, ...]":
    """Mean evidence recall of every system with its 95 % interval, one drawing a benchmark and budget."""
    figures = [figure for figure in run.figures if figure.metric == "evidence recall"]
    drawings = []
    for task in dict.fromkeys(figure.task for figure in figures):
        own = [figure for figure in figures if figure.task == task][::-1]
        drawing = Drawing(figsize=(3.8, 0.7 + 0.24 * len(own)), layout="constrained")
        axes = drawing.add_subplot()
        errors = [[f.value - f.low for f in own], [f.high - f.value for f in own]]
        axes.barh([f.system for f in own], [f.value for f in own], xerr=np.maximum(errors, 0), color="#6a9fb5")
        axes.set_xlim(0, 1.02)
        axes.set_title(f"{task}, n = {own[0].n}", fontsize=10)
        axes.tick_params(labelsize=8)
        drawings.append(drawing)
    return tuple(drawings)


def fidelity_by_compression(run: Run) -> "Drawing":
    """Set precision against text tokens over true sequence length: the published points, and every reader of the run."""
    drawing, axes = _axes("text tokens : true sequence length", "set precision on Fox")
    lines = PUBLISHED | fox_points(run.figures)
    for number, (reader, points) in enumerate(lines.items()):
        across, up = zip(*sorted(points), strict=True)
        axes.plot(across, up, marker=_mark(number), label=reader, linestyle="--" if reader in PUBLISHED else "-")
    axes.set_ylim(None, 1.01)
    _legend(drawing)
    return drawing


def store_growth(run: Run) -> "Drawing":
    """Median milliseconds of every operation against the pages in the store, with the 5 and 95 % of its calls."""
    drawing, axes = _axes("pages in the store", "ms a call (median, 5 % to 95 %)")
    timed = [figure for figure in run.figures if ", ms (" in figure.metric]
    for number, metric in enumerate(dict.fromkeys(figure.metric for figure in timed)):
        own = sorted((f for f in timed if f.metric == metric), key=lambda figure: _pages_of(figure.system))
        pages = [_pages_of(figure.system) for figure in own]
        name = metric[: metric.index(", ms (")]
        (line,) = axes.plot(pages, [figure.value for figure in own], marker=_mark(number), label=name)
        low, high = [figure.low for figure in own], [figure.high for figure in own]
        axes.fill_between(pages, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _legend(drawing)
    return drawing


def fading_by_age(run: Run) -> "tuple[Drawing, ...]":
    """Share of planted strings that come back whole, by their age in turns, one line a system, one drawing a data set."""
    what = "planted strings exact, "
    rows = [figure for figure in run.figures if figure.metric.startswith(what)]
    ages = list(dict.fromkeys(figure.metric for figure in rows))
    ages.sort(key=lambda metric: int(metric.removeprefix(what).split()[0]))
    drawings = []
    for task in dict.fromkeys(figure.task for figure in rows):
        drawing, axes = _axes("turns old", "share exact")
        own = [figure for figure in rows if figure.task == task]
        for number, system in enumerate(dict.fromkeys(figure.system for figure in own)):
            points = sorted((ages.index(figure.metric), figure.value) for figure in own if figure.system == system)
            across, up = zip(*points, strict=True)
            axes.plot(across, up, marker=_mark(number), label=system, alpha=0.8)
        axes.set_xticks(range(len(ages)), [metric.removeprefix(what).replace(" turns old", "") for metric in ages])
        axes.set_ylim(-0.03, 1.03)
        axes.set_title(task, fontsize=10)
        _legend(drawing)
        drawings.append(drawing)
    return tuple(drawings)


def to_svg(drawing: "Drawing") -> str:
    """The drawing as an SVG element; the same run gives the same text."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "optical-memory", "svg.fonttype": "none"}):
        FigureCanvasAgg(drawing)
        drawing.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def write_pictures(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Every plot of the runs as an SVG file, named by its task and title; a later one of the same name gets a number."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for run in runs:
        for plot in plots_of(run):
            for drawing in plot.drawings:
                stem = re.sub(r"[^a-z0-9]+", "-", f"{run.task} {plot.title}".lower()).strip("-")
                alike = sum(path.stem == stem or path.stem.startswith(f"{stem}-") for path in written)
                path = folder / (f"{stem}-{alike + 1}.svg" if alike else f"{stem}.svg")
                path.write_text(to_svg(drawing) + "\n", encoding="utf-8")
                written.append(path)
    return written


def _axes(across: str, up: str) -> "tuple[Drawing, Any]":
    drawing = Drawing(figsize=(5.0, 4.6), layout="constrained")
    axes = drawing.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    return drawing, axes


def _legend(drawing: "Drawing") -> None:
    drawing.legend(fontsize=8, loc="outside lower center", ncols=2)


def _mark(number: int) -> str:
    return MARKS[number % len(MARKS)]


def _planted(run: Run) -> list[Outcome]:
    return [outcome for outcome in run.outcomes if outcome.task != "absent"]


def _share_right(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.verdict == "right" for outcome in outcomes) / len(outcomes)


def _pages_of(system: str) -> int:
    """The number in `1,000 pages`."""
    return int(system.split()[0].replace(",", ""))


def _thousands(count: int) -> str:
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)
