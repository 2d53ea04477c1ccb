"""Comparing systems on the command line: a run, its report, all tasks in one file, bad input in one line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from optical_memory.cli import main, parser
from optical_memory.evaluation.dialogue import DialoguePlan
from optical_memory.evaluation.needle_task import NeedlePlan
from tests.evaluation.benchmarks import forms

ROOT = Path(__file__).parent.parent
TEXT = "The keeper wiped the glass at noon. He oiled the clockwork. Then he waited, and the boats came home. " * 30
FAST = ["--systems", "full,newest,bm25", "--device", "cpu"]


def generous(question: str, answers: Sequence[str], answer: str) -> float:
    return 1.0 if question and isinstance(answer, str) and len(answers) >= 0 else 0.0


@pytest.fixture
def text(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    return folder


@pytest.fixture(autouse=True)
def small_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of a few seconds in place of the quick ones and the full ones."""
    needles = NeedlePlan((700,), (0.0, 1.0), ("uuid",), ("single", "absent"))
    monkeypatch.setattr("optical_memory.evaluation.needle_task.NeedlePlan", lambda: needles)
    monkeypatch.setattr("optical_memory.evaluation.needle_task.full", lambda: needles)
    dialogue = DialoguePlan(2, 2, (0.5,), (300,), 1)
    monkeypatch.setattr("optical_memory.evaluation.dialogue.DialoguePlan", lambda: dialogue)
    monkeypatch.setattr("optical_memory.evaluation.dialogue.full", lambda: dialogue)


def test_needles_write_a_run_that_report_reads(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page, alone = tmp_path / "run.json", tmp_path / "page.html", ["--systems", "full", "--device", "cpu"]
    assert main(["evaluate", "needles", "--quick", "--text", str(text), "--out", str(out), *alone]) == 0
    assert "needles, single" in capsys.readouterr().out
    first = out.read_text()
    assert main(["evaluate", "needles", "--text", str(text), "--out", str(out), *alone]) == 0
    assert out.read_text() == first, "nothing is asked twice"
    capsys.readouterr()
    assert main(["report", str(out), "--markdown"]) == 0
    assert "| text in full |" in capsys.readouterr().out
    assert main(["report", str(out), "--html", str(page)]) == 0
    assert page.read_text().count("<svg") == 4
    assert main(["report", str(out)]) == 0
    assert "needles, by age" in capsys.readouterr().out


def test_another_grid_is_another_run(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run.json"
    given = ["evaluate", "needles", "--text", str(text), "--out", str(out), *FAST]
    assert main([*given, "--grid", "64x64"]) == 0
    assert json.loads(out.read_text())["grid"] == "64 x 64"
    assert main(given) == 1, "not gone on with on the model's own"
    assert "holds a run of another grid" in capsys.readouterr().err
    assert main(["report", str(out), "--markdown"]) == 0
    assert "pages of 64 x 64 cells" in capsys.readouterr().out


def test_full_says_first_what_it_takes(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "needles", "--full", "--text", str(text), *FAST]) == 0
    assert capsys.readouterr().err.startswith("4 questions to each of 3 systems over 2,800 text tokens: about")


def test_dialogue_hears_a_judge(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = forms.everything(tmp_path / "data")
    judge = "tests.test_cli_experiments:generous"
    given = ["evaluate", "dialogue", "--data", str(data), "--text", str(text), "--judge", judge, "--json", *FAST]
    assert main(given) == 0
    run: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {figure["value"] for figure in run["figures"] if figure["metric"] == "judged right"} == {1.0}
    assert {figure["task"].split(",")[0] for figure in run["figures"]} == {"locomo", "babilong", "bfcl-memory", "qmsum"}


def test_another_text_of_the_same_name_is_another_run(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = forms.everything(tmp_path / "data"), tmp_path / "run.json"
    other = tmp_path / "elsewhere" / text.name
    other.mkdir(parents=True)
    (other / "other.txt").write_text("A quite different text, of which there is enough for all of it. " * 400)
    given = ["evaluate", "dialogue", "--data", str(data), "--out", str(out), *FAST]
    assert main([*given, "--text", str(text)]) == 0
    first = out.read_text()
    assert main([*given, "--text", str(other)]) == 1
    assert "holds a run of another plan" in capsys.readouterr().err and out.read_text() == first
    assert main([*given, "--text", str(text)]) == 0, "of the same text it goes on"


def test_all_tasks_go_into_one_file(text: Path, tmp_path: Path) -> None:
    data, out = forms.everything(tmp_path / "data"), tmp_path / "results.json"
    given = ["evaluate", "all", "--data", str(data), "--text", str(text), "--out", str(out), *FAST]
    assert main(given) == 0
    book = json.loads(out.read_text())
    assert [run["task"] for run in book["runs"]] == ["needles", "dialogue"]
    assert all(run["plan"]["seed"] == 0 and run["machine"] and run["commit"] for run in book["runs"])
    assert [path.name for path in tmp_path.glob("*.json")] == ["results.json"], "what was for resuming is gone"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["needles", "--systems", "oracle"], "unknown system 'oracle'; expected some of tiny"),
        (["needles", "--text", "EMPTY"], "holds no UTF-8 text"),
        (["needles", "--out", "BROKEN", *FAST], "is not a run that `optical-memory evaluate` wrote"),
        (["dialogue", "--data", "EMPTY"], "holds no files of locomo"),
        (["dialogue", "--data", "DATA", "--judge", "no_such_module:judge", *FAST], "--judge takes MODULE:NAME"),
    ],
)
def test_bad_input_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], told: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text('{"task": "needles"')
    places = {"EMPTY": tmp_path / "empty", "BROKEN": tmp_path / "broken.json", "DATA": tmp_path / "data"}
    if "DATA" in given:
        forms.everything(places["DATA"])
    assert main(["evaluate", *(str(places.get(word, word)) for word in given)]) == 1
    captured = capsys.readouterr()
    assert told in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_a_broken_run_is_not_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text("[]")
    assert main(["report", str(tmp_path / "run.json")]) == 1
    assert "is not a run" in capsys.readouterr().err


def test_quick_and_full_exclude_each_other() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["evaluate", "needles", "--quick", "--full"])
