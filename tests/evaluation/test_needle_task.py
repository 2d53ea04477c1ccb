"""A needle run with the text baselines: resumes to the same figures, keeps to budgets, and reports from its file alone."""

from pathlib import Path

import pytest

from optical_memory.errors import InvalidHistoryError, OpticalMemoryError
from optical_memory.evaluation.needle_task import AGES, NeedlePlan, cost_of, evaluate_needles, full
from optical_memory.evaluation.page import as_html
from optical_memory.evaluation.run import Run, RunBook, RunFile, read_run, read_runs, write_whole
from optical_memory.evaluation.summary import as_markdown, put_into
from optical_memory.evaluation.systems.catalogue import SYSTEMS, build
from optical_memory.model import Model

TEXT = "The keeper wiped the glass at noon. He oiled the clockwork. Then he waited, and the boats came home. " * 30
NAMES = ("full", "newest", "bm25", "telling")
PLAN = NeedlePlan((600, 1200), (0.0, 1.0), ("number",), ("single", "multi-value", "absent"), 2, 0.3, NAMES, "test", 3)


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
    assert {figure.n for figure in run.figures if figure.task == "needles, single"} == {8}


def test_partly_found_values_count_in_string_match_all_alone(run: Run) -> None:
    newest = [o for o in run.outcomes if o.system == "newest text" and o.task == "multi-value"]
    assert {o.scores["string_match_all"] for o in newest} <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert all((o.scores["string_match_all"] == 1.0) == (o.verdict == "right") for o in newest)
    shared = value(run, "newest text", "multi-value", "string_match_all")
    assert shared > value(run, "newest text", "multi-value", "right")


def test_figures_tell_ages_and_cells_apart(run: Run) -> None:
    ages = [f for f in run.figures if f.task == "needles, by age" and f.system == "newest text"]
    planted = sum(o.task != "absent" for o in run.outcomes) // len(NAMES)
    assert sum(f.n for f in ages) == planted and 1 < len(ages) <= len(AGES)
    assert ages[0].value > ages[-1].value, "truncation forgets the oldest"
    cells = [f for f in run.figures if f.task == "needles, by length and depth" and f.system == "newest text"]
    assert [f.mode for f in cells] == [
        f"{length} text tokens, depth {depth}" for length in ("600", "1,200") for depth in ("0%", "100%")
    ]
    assert all(f.low <= f.value <= f.high and f.n == 4 for f in cells)


def test_the_long_haystacks_of_a_full_run_are_asked_little() -> None:
    cells = full().cells()
    longest = [cell for cell in cells if cell[2] == 1_000_000]
    assert 1 <= len(longest) <= 6 and {cell[1] for cell in longest} == {"single"}
    assert sum(cell[2] == 64_000 for cell in cells) == 11 * 7 * 5 * 3


def test_the_cost_is_told_before(bundled_model: Model) -> None:
    told = cost_of(TEXT, PLAN, build(("full", "newest"), bundled_model), 600)
    assert told.startswith("24 questions to each of 2 systems over 21,600 text tokens: about")


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
    for broken in ("{", "[1]", '{"runs": []}', '{"format": "optical-memory-run-0", "task": "x"}'):
        file.path.write_text(broken)
        with pytest.raises(InvalidHistoryError, match=r"is not a run|holds 0 runs"):
            run_with(bundled_model, file)
    file.path.write_text(run_with(bundled_model, None, ("full",)).model_copy(update={"format": "0"}).model_dump_json())
    with pytest.raises(InvalidHistoryError, match="has format '0'"):
        read_run(file.path)
    file.path.write_text("{")
    with pytest.raises(InvalidHistoryError, match="is not a run"):
        run_with(bundled_model, file)


def test_an_unknown_system_is_named(bundled_model: Model) -> None:
    with pytest.raises(OpticalMemoryError, match="unknown system 'oracle'"):
        build(("oracle",), bundled_model)
    assert set(NAMES) <= SYSTEMS.keys()


def test_the_page_stands_alone_and_holds_every_figure(run: Run) -> None:
    html = as_html(run)
    assert html.count("<svg") == len(NAMES) + 3
    assert "http" not in html.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ), "nothing is fetched from outside"
    for figure in run.figures:
        assert figure.system in html and f"<td>{figure.low:.3f} to {figure.high:.3f}</td>" in html


def test_short_tables_are_put_between_the_marks(run: Run, tmp_path: Path) -> None:
    write_whole(tmp_path / "book.json", RunBook(runs=[run, run]))
    assert read_runs(tmp_path / "book.json") == [run, run]
    markdown = as_markdown(*read_runs(tmp_path / "book.json"))
    assert markdown.count("| text in full | 10") == 2 and "n = 16 planted" in markdown
    document = tmp_path / "README.md"
    document.write_text(
        "before\n<!-- results: written by `optical-memory report x` -->\nold\n<!-- end of results -->\nafter\n"
    )
    put_into(document, markdown)
    put_into(document, markdown)
    text = document.read_text()
    assert text.startswith("before\n<!-- results") and text.endswith("<!-- end of results -->\nafter\n")
    assert text.count(markdown) == 1 and "\nold\n" not in text
    document.write_text("no marks")
    with pytest.raises(InvalidHistoryError, match="has no place for results"):
        put_into(document, markdown)
