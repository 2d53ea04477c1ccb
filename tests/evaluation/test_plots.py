"""Pictures of a run: which there are, and what they show."""

from pathlib import Path

import pytest

from optical_memory.evaluation.fox_table import PUBLISHED, fox_points
from optical_memory.evaluation.plots import (
    fading_by_age,
    fidelity_by_compression,
    heatmaps,
    plots_of,
    recall_by_age,
    store_growth,
    to_svg,
    write_pictures,
)
from optical_memory.evaluation.report import Figure
from optical_memory.evaluation.run import Outcome, Run


def outcome(system: str, length: int, depth: float, right: bool) -> Outcome:
    return Outcome(
        system=system, kind="uuid", task="single", length=length, depth=depth, trial=0, budget=10, tokens=9,
        age=int(40 * (1 - depth)), verdict="right" if right else "refused", seconds=0.1,
    )  # fmt: skip


def run(task: str, outcomes: list[Outcome], figures: list[Figure]) -> Run:
    return Run(
        task=task, plan={}, model="m", fingerprint="f", commit="c", machine="here", outcomes=outcomes, figures=figures
    )


def figure(task: str, length: int | None = 73) -> Figure:
    return Figure(
        task=task, system="ours", mode="Tiny", sequence_length=length, metric="set precision", value=0.9, low=0.8,
        high=1.0, n=4,
    )  # fmt: skip


NEEDLES = run(
    "needles", [outcome(name, 1000, depth, depth > 0.4) for name in ("a", "b") for depth in (0.0, 0.5, 1.0)], []
)


def test_a_heatmap_stands_for_each_system_and_says_n_in_every_cell() -> None:
    first, second = heatmaps(NEEDLES)
    assert [first.axes[0].get_title(), second.axes[0].get_title()] == ["a", "b"]
    assert [text.get_text() for text in first.axes[0].texts] == ["0/1", "1/1", "1/1"]
    assert first.axes[0].images[0].get_array().tolist() == [[0.0], [1.0], [1.0]]


def test_recall_falls_with_age() -> None:
    (line, _) = recall_by_age(NEEDLES).axes[0].lines
    assert list(line.get_ydata()) == sorted(line.get_ydata(), reverse=True)
    assert list(line.get_xdata()) == [0.0, 20.0, 40.0] and list(line.get_ydata()) == [1.0, 1.0, 0.0]


def test_fidelity_stands_beside_the_published_points() -> None:
    fox = run("fox", [], [figure("fox, 600 to 700 text tokens"), figure("fox"), figure("reading", None)])
    assert fox_points(fox.figures) == {"ours, Tiny": [(pytest.approx(650 / 73), 0.9)]}
    labels = [line.get_label() for line in fidelity_by_compression(fox).axes[0].lines]
    assert labels == [*PUBLISHED, "ours, Tiny"]
    assert PUBLISHED["DeepSeek-OCR as published, Tiny"][-1] == (pytest.approx(17.12, abs=0.01), 0.591)
    assert [plot.title for plot in plots_of(fox)] == ["Fidelity against true compression, Fox"]


def row(task: str, system: str, metric: str, value: float) -> Figure:
    return Figure(
        task=task, system=system, mode="", sequence_length=None, metric=metric, value=value, low=value / 2,
        high=value * 2, n=9,
    )  # fmt: skip


def test_a_store_is_drawn_by_its_number_of_pages_one_line_an_operation() -> None:
    rows = [
        row("store", f"{pages:,} pages", f"{what}, ms (median, 5 % and 95 %)", value)
        for what, value in (("get", 0.1), ("put", 0.8))
        for pages in (10_000, 1_000)
    ]
    drawing = store_growth(run("store", [], [*rows, row("store", "1,000 pages", "bytes in use", 0.5)]))
    lines = drawing.axes[0].lines
    assert [line.get_label() for line in lines] == ["get", "put"]
    assert list(lines[1].get_xdata()) == [1_000, 10_000] and list(lines[1].get_ydata()) == [0.8, 0.8]


def test_fading_is_drawn_by_age_one_drawing_a_data_set(tmp_path: Path) -> None:
    rows = [
        row(f"fading, {kind}", system, f"planted strings exact, {age}", value)
        for kind in ("dialogue", "agent")
        for system in ("default", "all Tiny")
        for age, value in (("32 turns old or more", 0.7), ("8 to 31 turns old", 0.9), ("0 to 7 turns old", 1.0))
    ]
    fading = run("fading", [], [*rows, row("fading, agent", "default", "planted strings exact", 0.8)])
    first, second = fading_by_age(fading)
    assert [tick.get_text() for tick in first.axes[0].get_xticklabels()] == ["0 to 7", "8 to 31", "32 or more"]
    assert list(second.axes[0].lines[0].get_ydata()) == [1.0, 0.9, 0.7]
    names = [path.name for path in write_pictures([fading], tmp_path / "pictures")]
    assert names == ["fading-planted-strings-still-exact-by-age.svg", "fading-planted-strings-still-exact-by-age-2.svg"]
    assert (tmp_path / "pictures" / names[1]).read_text().startswith("<svg")


def test_pictures_suit_the_task() -> None:
    assert [len(plot.drawings) for plot in plots_of(NEEDLES)] == [2, 1, 1, 1]
    assert plots_of(run("reading", [], [figure("reading")])) == []
    assert to_svg(recall_by_age(NEEDLES)) == to_svg(recall_by_age(NEEDLES))
