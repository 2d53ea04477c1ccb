"""A run on disk: what was asked of whom and what came back, one JSON file that can be stopped, resumed and reported from."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.report import Figure
from optical_memory.model import Model

FORMAT = "optical-memory-run-2"


class Outcome(BaseModel):
    """One question to one system. `age`: turns behind the needle or the oldest evidence, -1 without any; `length`: text
    tokens of the history; `scores` by the benchmark's own metrics."""

    model_config = ConfigDict(frozen=True)

    system: str
    kind: str
    task: str
    length: int
    depth: float
    trial: int
    budget: int
    tokens: int
    age: int
    verdict: str
    seconds: float
    scores: dict[str, float] = {}


class Run(BaseModel):
    """Everything that a report needs: `plan` repeats the run, `figures` are computed from `outcomes` where there are any."""

    format: str = FORMAT
    task: str
    plan: dict[str, Any]
    model: str
    fingerprint: str
    grid: str = "64 x 64"
    """Columns and rows of its pages; a file that does not say is of these."""
    commit: str
    machine: str
    outcomes: list[Outcome] = []
    figures: list[Figure] = []

    def same(self, other: "Run") -> str | None:
        """The name of what parts two runs, None if they are one."""
        names = ("task", "plan", "fingerprint", "grid")
        return next((name for name in names if getattr(self, name) != getattr(other, name)), None)


class RunBook(BaseModel):
    """Runs that belong together, in one file."""

    format: str = FORMAT
    runs: list[Run]


def fresh_run(task: str, plan: Mapping[str, Any], model: Model) -> Run:
    """A run of a task in which nothing was asked yet."""
    return Run(
        task=task,
        plan=canonical(plan),
        model=model.config.name,
        fingerprint=model.fingerprint,
        grid=f"{model.grid.columns} x {model.grid.rows}",
        commit=commit(),
        machine=machine(),
    )


@dataclass(frozen=True, slots=True)
class RunFile:
    """Where a run lives. It is replaced whole, so that a kill leaves the last state."""

    path: Path

    def open(self, fresh: Run) -> Run:
        """The run of that file if it is the same one, to go on with; `fresh` if there is no file.

        Raises InvalidHistoryError for a file that is not a run, or one of another plan or model.
        """
        if not self.path.exists():
            return fresh
        found = read_run(self.path)
        parted = found.same(fresh)
        if parted is not None:
            raise InvalidHistoryError(
                f"{self.path} holds a run of another {parted}; choose another file with --out, or delete it"
            )
        return found

    def save(self, run: Run) -> None:
        write_whole(self.path, run)


def write_whole(path: Path, book: Run | RunBook) -> None:
    """One line an outcome and a figure, so that changes can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    text = json.dumps(book.model_dump(), ensure_ascii=False, separators=(",", ":"))
    part.write_text(text.replace('},{"', '},\n{"') + "\n", encoding="utf-8")
    part.replace(path)


def read_run(path: Path) -> Run:
    """The one run of a file. Raises InvalidHistoryError for a file that is missing or not a run."""
    runs = read_runs(path)
    if len(runs) != 1:
        raise InvalidHistoryError(f"{path} holds {len(runs)} runs; one was expected")
    return runs[0]


def read_runs(path: Path) -> list[Run]:
    """A file's run or runs. Raises InvalidHistoryError for a file that is missing or holds none."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        is_book = isinstance(loaded, dict) and "runs" in loaded
        book = RunBook.model_validate(loaded) if is_book else RunBook(runs=[Run.model_validate(loaded)])
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidHistoryError(f"{path} is not a run that `optical-memory evaluate` wrote: {reason}") from error
    for run in book.runs:
        if run.format != FORMAT:
            raise InvalidHistoryError(f"{path} has format {run.format!r}; this version reads {FORMAT!r}")
    return book.runs


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def commit() -> str:
    """The commit of the working tree, "+changes" behind it where the tree is not that commit's; "unknown" outside of one."""
    named = _git("rev-parse", "HEAD")
    return named + "+changes" * bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".")) or "unknown"


def _git(*arguments: str) -> str:
    """What git says in this package's folder; nothing where it says no."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def canonical(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan as JSON gives it back, so that plans compare equal across a file."""
    loaded: dict[str, Any] = json.loads(json.dumps(plan))
    return loaded


def grouped(outcomes: Sequence[Outcome], *names: str) -> Iterator[tuple[tuple[Any, ...], list[Outcome]]]:
    """Outcomes by the values of some fields, in order of first appearance."""
    groups: dict[tuple[Any, ...], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(tuple(getattr(outcome, name) for name in names), []).append(outcome)
    yield from groups.items()
