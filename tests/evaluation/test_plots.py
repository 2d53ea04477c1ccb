"""Pictures of a run: which there are, and what they show."""

import pytest

from optical_memory.evaluation.fox_table import PUBLISHED, fox_points
from optical_memory.evaluation.plots import fidelity_by_compression, heatmaps, plots_of, recall_by_age, to_svg
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


def test_pictures_suit_the_task() -> None:
    assert [len(plot.drawings) for plot in plots_of(NEEDLES)] == [2, 1, 1, 1]
    assert plots_of(run("reading", [], [figure("reading")])) == []
    assert to_svg(recall_by_age(NEEDLES)) == to_svg(recall_by_age(NEEDLES))
