"""A run in short: small tables, and the Markdown that the README holds between two marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.dialogue import EVIDENCE
from optical_memory.evaluation.needle_task import VERDICTS
from optical_memory.evaluation.report import Figure, wilson
from optical_memory.evaluation.run import Outcome, Run, grouped

BEGIN, END = "<!-- results: written by `optical-memory report", "<!-- end of results -->"
"""Around what a command writes into a document."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings, and what they show."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary(run: Run) -> list[Table]:
    """What a reader wants to know first."""
    if run.task == "needles":
        return [_needles(run)]
    if run.task == "dialogue":
        return [_dialogue(run, EVIDENCE, True), _dialogue(run, "the benchmark's own score", False)]
    return [_figures(run)]


def subtitle(run: Run) -> str:
    """What was measured, on what."""
    asked = f"; {len(run.outcomes):,} questions" if run.outcomes else ""
    model = f"Model {run.model} ({run.fingerprint[:8]}), pages of {run.grid} cells"
    return f"{model}, commit {run.commit[:8]}, {run.machine}{asked}."


def as_markdown(*runs: Run) -> str:
    """The short tables of runs."""
    blocks = []
    for run in runs:
        blocks.append(f"**{run.task.capitalize()}.** {subtitle(run)} {_how(run)}")
        for table in summary(run):
            lines = ["| " + " | ".join(table.headings) + " |", "|" + "---|" * len(table.headings)]
            lines += ["| " + " | ".join(row) + " |" for row in table.rows]
            blocks += [f"*{table.title}*", "\n".join(lines)]
    return "\n\n".join(blocks) + "\n"


def put_into(document: Path, markdown: str) -> None:
    """Replaces what stands between the marks. Raises InvalidHistoryError if the document has none."""
    try:
        text = document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidHistoryError(f"{document} cannot be read: {error}") from error
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise InvalidHistoryError(f"{document} has no place for results: put {BEGIN!r} ... and {END!r} around it")
    first = text.index("\n", begin) + 1
    document.write_text(f"{text[:first]}\n{markdown}\n{text[end:]}", encoding="utf-8")


def _how(run: Run) -> str:
    share = run.plan.get("budget_share") or run.plan.get("budget_shares")
    if share is None:
        return ""
    told = ", ".join(f"{one:.0%}" for one in (share if isinstance(share, list) else [share]))
    return (
        f"Budget: {told} of the text's tokens. 95 % intervals. One extractive reader for all, no language model: it finds "
        "sentences and cannot reason."
    )


def _needles(run: Run) -> Table:
    planted = [outcome for outcome in run.outcomes if outcome.task != "absent"]
    absent = {system: own for (system,), own in grouped(run.outcomes, "system")}
    rows = []
    for (system,), outcomes in grouped(planted, "system"):
        gone = [outcome for outcome in absent[system] if outcome.task == "absent"]
        rows.append(
            (
                system,
                f"{np.mean([own.tokens / own.length for own in outcomes]):.1%}",
                *(_share(outcomes, name) for name in VERDICTS),
                _share(gone, "right") if gone else "",
            )
        )
    asked = "" if not rows else f", n = {len(planted) // len(rows)} planted"
    lengths = ", ".join(f"{length:,}" for length in run.plan.get("lengths", ()))
    title = f"Needles in {lengths} text tokens{asked}; of multiple needles all must be told"
    return Table(title, ("system", "tokens of the text's", *VERDICTS, "absent: refused"), tuple(rows))


def _share(outcomes: Sequence[Outcome], verdict: str) -> str:
    count = sum(outcome.verdict == verdict for outcome in outcomes)
    low, high = wilson(count, len(outcomes))
    return f"{count / len(outcomes):.2f} ({low:.2f} to {high:.2f})"


def _dialogue(run: Run, told: str, evidence: bool) -> Table:
    """Systems by benchmark and budget, each cell one figure: the evidence recall, or the first of the benchmark's own metrics."""
    tasks = list(dict.fromkeys(figure.task for figure in run.figures))
    systems = list(dict.fromkeys(figure.system for figure in run.figures))
    cells: dict[tuple[str, str], Figure] = {}
    for figure in run.figures:
        if (figure.metric == EVIDENCE) == evidence:
            cells.setdefault((figure.task, figure.system), figure)
    headings = []
    for task in tasks:
        first = next((cells[task, system] for system in systems if (task, system) in cells), None)
        metric = "" if evidence or first is None else f": {first.metric}"
        headings.append(f"{task}{metric}, n = {first.n if first else 0}")
    rows = [
        (system, *(_cell(cells.get((task, system))) for task in tasks))
        for system in systems
        if any((task, system) in cells for task in tasks)
    ]
    return Table(told.capitalize(), ("system", *headings), tuple(rows))


def _figures(run: Run) -> Table:
    """The figures of the whole task where there are any (Fox has parts as well), else every figure."""
    whole = [figure for figure in run.figures if figure.task == run.task] or run.figures
    rows = tuple((f"{f.task}, {f.system}", f.mode, f.metric, _cell(f), str(f.n)) for f in whole)
    return Table("Figures", ("what", "mode", "metric", "value", "n"), rows)


def _cell(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"
