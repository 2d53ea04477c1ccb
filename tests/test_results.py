"""The README's results are those of the committed run."""

from pathlib import Path

from optical_memory.evaluation.run import read_runs
from optical_memory.evaluation.summary import BEGIN, END, as_markdown

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "examples" / "results.json"


def test_the_readme_agrees_with_the_committed_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    begin, end = text.index(BEGIN), text.index(END)
    assert text[text.index("\n", begin) : end].strip() == as_markdown(*read_runs(RESULTS)).strip()


def test_the_committed_run_says_how_it_came_about() -> None:
    runs = read_runs(RESULTS)
    assert {"needles", "dialogue"} <= {run.task for run in runs}
    for run in runs:
        assert len(run.commit) == 40 and run.machine and len(run.fingerprint) == 32
        for figure in run.figures:
            assert figure.n > 0 and figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
