"""A needle run with the text baselines: resumes to the same figures, keeps to budgets, and reports from its file alone."""

from pathlib import Path

import pytest

from optical_memory.errors import InvalidHistoryError, OpticalMemoryError
from optical_memory.evaluation.needle_task import NeedlePlan, evaluate_needles
from optical_memory.evaluation.page import as_html, as_markdown
from optical_memory.evaluation.run import Run, RunFile, read_run
from optical_memory.evaluation.systems.catalogue import SYSTEMS, build
from optical_memory.model import Model

TEXT = "The keeper wiped the glass at noon. He oiled the clockwork. Then he waited, and the boats came home. " * 30
NAMES = ("full", "newest", "bm25", "telling")
PLAN = NeedlePlan((600, 1200), (0.0, 1.0), ("number",), ("single", "absent"), 2, 0.3, NAMES, "test", 3)


def run_with(model: Model, file: RunFile | None, names: tuple[str, ...] = NAMES) -> Run:
    return evaluate_needles(model, TEXT, PLAN, build(names, model), file)


@pytest.fixture(scope="module")
def run(bundled_model: Model) -> Run:
    return run_with(bundled_model, None)


def value(run: Run, system: str, task: str, metric: str) -> float:
    (figure,) = [f for f in run.figures if (f.system, f.task, f.metric) == (system, f"needles, {task}", metric)]
    return figure.value


def test_the_ceiling_is_right_and_truncation_forgets_the_oldest(run: Run) -> None:
    assert value(run, "text in full", "single", "right") == 1.0
    newest = [o for o in run.outcomes if o.system == "newest text" and o.task == "single"]
    assert all((o.verdict == "right") == (o.depth == 1.0) for o in newest)
    assert value(run, "BM25 text", "single", "right") == 1.0
    assert value(run, "BM25 text", "absent", "right") == 1.0


def test_every_system_but_the_ceiling_keeps_to_its_budget(run: Run) -> None:
    for outcome in run.outcomes:
        assert outcome.tokens <= outcome.budget or outcome.system == "text in full"
    assert {figure.n for figure in run.figures} == {8}


def test_a_run_that_was_stopped_goes_on_to_the_same_outcomes(bundled_model: Model, run: Run, tmp_path: Path) -> None:
    file = RunFile(tmp_path / "run.json")
    finished = run_with(bundled_model, file)
    file.save(finished.model_copy(update={"outcomes": finished.outcomes[:5], "figures": []}))
    resumed = run_with(bundled_model, file)
    assert [o.model_copy(update={"seconds": 0.0}) for o in resumed.outcomes] == [
        o.model_copy(update={"seconds": 0.0}) for o in run.outcomes
    ]
    assert resumed.figures == run.figures == read_run(file.path).figures


def test_a_run_of_another_plan_or_a_broken_file_is_refused(bundled_model: Model, tmp_path: Path) -> None:
    file = RunFile(tmp_path / "run.json")
    run_with(bundled_model, file, ("full",))
    with pytest.raises(InvalidHistoryError, match="another plan"):
        evaluate_needles(bundled_model, TEXT, NeedlePlan(), [], file)
    file.path.write_text("{")
    with pytest.raises(InvalidHistoryError, match="is not a run"):
        run_with(bundled_model, file)


def test_an_unknown_system_is_named(bundled_model: Model) -> None:
    with pytest.raises(OpticalMemoryError, match="unknown system 'oracle'"):
        build(("oracle",), bundled_model)
    assert set(NAMES) <= SYSTEMS.keys()


def test_the_page_stands_alone_and_holds_every_figure(run: Run) -> None:
    html, markdown = as_html(run), as_markdown(run)
    assert html.count("<svg") == 3
    assert "http" not in html.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ), "nothing is fetched from outside"
    assert html == as_html(run), "the same run gives the same page"
    for figure in run.figures:
        assert f"| {figure.system} |" in markdown and figure.system in html
    assert markdown.count("\n| ") == len(run.figures) + 1
