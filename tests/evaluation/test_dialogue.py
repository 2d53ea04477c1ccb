"""A dialogue run over four small benchmarks: what it asks, that it resumes, that a judge is heard."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.dialogue import Asked, DialoguePlan, cost_of, evaluate_dialogue, questions_of
from optical_memory.evaluation.plots import plots_of
from optical_memory.evaluation.run import Run, RunFile, read_run
from optical_memory.evaluation.summary import as_markdown
from optical_memory.evaluation.systems.catalogue import build
from optical_memory.model import Model
from tests.evaluation.benchmarks import forms

TEXT = "The keeper wiped the glass at noon. He oiled the clockwork. Then he waited, and the boats came home. " * 30
NAMES = ("tiny", "full", "newest", "bm25")
PLAN = DialoguePlan(2, 3, (0.5, 0.9), (300,), 2, NAMES, "forms")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[Asked]:
    return questions_of(forms.everything(tmp_path_factory.mktemp("data")), TEXT, PLAN)


@pytest.fixture(scope="module")
def run(bundled_model: Model, asked: list[Asked]) -> Run:
    return evaluate_dialogue(bundled_model, asked, PLAN, build(NAMES, bundled_model), None)


def value(run: Run, task: str, system: str, metric: str) -> float:
    (figure,) = [f for f in run.figures if (f.task, f.system, f.metric) == (task, system, metric)]
    return figure.value


def test_every_benchmark_is_asked_as_often_as_planned(asked: list[Asked]) -> None:
    counts = {name: sum(own.benchmark.name == name for own in asked) for name in ("locomo", "babilong", "qmsum")}
    assert counts == {"locomo": 3, "babilong": 2, "qmsum": 2}
    assert [own.number for own in asked] == list(range(len(asked)))


def test_figures_stand_for_every_benchmark_budget_and_system(run: Run, asked: list[Asked]) -> None:
    assert len(run.outcomes) == len(asked) * 2 * len(NAMES)
    for share in ("50%", "90%"):
        assert value(run, f"locomo, budget {share}", "text in full", "evidence recall") == 1.0
        assert value(run, f"bfcl-memory, budget {share}", "text in full", "answer contained") == 1.0
        assert value(run, f"babilong, budget {share}", "text in full", "right") == 1.0
    tiny = value(run, "babilong, budget 50%", "optical pages, Tiny", "evidence recall")
    assert tiny == 1.0 > value(run, "babilong, budget 50%", "newest text", "evidence recall")


def test_budgets_hold_for_all_but_the_ceiling(run: Run) -> None:
    assert all(o.tokens <= o.budget for o in run.outcomes if o.system != "text in full")


def test_a_stopped_run_goes_on_to_the_same_figures(
    bundled_model: Model, asked: list[Asked], run: Run, tmp_path: Path
) -> None:
    file = RunFile(tmp_path / "run.json")
    file.save(run.model_copy(update={"outcomes": run.outcomes[:7], "figures": []}))
    resumed = evaluate_dialogue(bundled_model, asked, PLAN, build(NAMES, bundled_model), file)
    assert resumed.figures == run.figures == read_run(file.path).figures


def test_a_judge_is_heard(bundled_model: Model, asked: list[Asked]) -> None:
    heard: list[str] = []

    def judge(question: str, answers: Sequence[str], answer: str) -> float:
        heard.append(question)
        return 0.25 if answers and answer else 0.0

    found = evaluate_dialogue(bundled_model, asked, PLAN, build(("full",), bundled_model), None, judge)
    assert heard == 2 * [own.question.text for own in asked]
    assert value(found, "qmsum, budget 50%", "text in full", "judged right") == 0.25


def test_the_report_has_a_table_and_a_picture_for_each_benchmark(run: Run) -> None:
    markdown = as_markdown(run)
    assert markdown.count("| text in full |") == 2
    assert "locomo, budget 50%: token F1, n = " in markdown
    bars = plots_of(run)[0]
    assert len(bars.drawings) == 8, "four benchmarks at two budgets"


def test_the_cost_is_told(bundled_model: Model, asked: list[Asked]) -> None:
    told = cost_of(asked, PLAN, build(("full", "newest"), bundled_model))
    assert told.startswith(f"{2 * len(asked)} questions to each of 2 systems over 5 conversations: about")


def test_a_folder_without_benchmarks_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of that kind")
    with pytest.raises(InvalidHistoryError, match="holds no files of locomo, babilong, bfcl-memory, qmsum"):
        questions_of(tmp_path, TEXT, PLAN)
