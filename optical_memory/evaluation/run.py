"""A run on disk: what was asked of whom and what came back, one JSON file that can be stopped, resumed and reported from."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.report import Figure

FORMAT = "optical-memory-run-1"


class Outcome(BaseModel):
    """One question to one system. `age`: turns behind the needle; `length`: text tokens of the history."""

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


class Run(BaseModel):
    """Everything that a report needs: `plan` repeats the run, `figures` are computed from `outcomes`."""

    format: str = FORMAT
    task: str
    plan: dict[str, Any]
    model: str
    fingerprint: str
    commit: str
    machine: str
    outcomes: list[Outcome] = []
    figures: list[Figure] = []


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
        for name in ("task", "plan", "fingerprint"):
            if getattr(found, name) != getattr(fresh, name):
                raise InvalidHistoryError(
                    f"{self.path} holds a run of another {name}; choose another file with --out, or delete it"
                )
        return found

    def save(self, run: Run) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(run.model_dump_json(indent=1) + "\n", encoding="utf-8")
        part.replace(self.path)


def read_run(path: Path) -> Run:
    """Raises InvalidHistoryError for a file that is missing or not a run."""
    try:
        run = Run.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidHistoryError(f"{path} is not a run that `optical-memory evaluate` wrote: {reason}") from error
    if run.format != FORMAT:
        raise InvalidHistoryError(f"{path} has format {run.format!r}; this version reads {FORMAT!r}")
    return run


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def commit() -> str:
    """The commit of the working tree, or "unknown" outside of one."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def canonical(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan as JSON gives it back, so that plans compare equal across a file."""
    loaded: dict[str, Any] = json.loads(json.dumps(plan))
    return loaded


def grouped(outcomes: list[Outcome], *names: str) -> Iterator[tuple[tuple[Any, ...], list[Outcome]]]:
    """Outcomes by the values of some fields, in order of first appearance."""
    groups: dict[tuple[Any, ...], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(tuple(getattr(outcome, name) for name in names), []).append(outcome)
    yield from groups.items()
