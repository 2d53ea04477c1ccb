"""What a benchmark is: conversations with questions, and the scores that it defines."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.metrics import share_in_order
from optical_memory.evaluation.systems.protocol import Passage

ENOUGH = 0.9
"""Of an evidence's words, in order, that must reach the reader for it to count as recalled."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Text that a question's answer rests on, and the turn (its place in the history) that holds it."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """`answers`: any of them is right; none where the right answer is a refusal. `labels`: all answers of its task, if few."""

    text: str
    answers: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    kind: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A history and the questions about it."""

    name: str
    history: tuple[dict[str, str], ...]
    questions: tuple[Question, ...]


class Benchmark(Protocol):
    """`load` finds the benchmark's files anywhere under a folder, no conversations where there are none; `score` gives each
    of its metrics, 0..1."""

    @property
    def name(self) -> str: ...

    def load(self, folder: Path) -> list[Conversation]: ...

    def score(self, question: Question, answer: str) -> dict[str, float]: ...


class Judge(Protocol):
    """A language model, or anybody, who says how right an answer is, 0..1. None is bundled."""

    def __call__(self, question: str, answers: Sequence[str], answer: str) -> float: ...


def evidence_recall(question: Question, passages: Sequence[Passage]) -> float:
    """Share of a question's evidence that reached the reader."""
    delivered: dict[int, list[str]] = {}
    for passage in passages:
        delivered.setdefault(passage.turn, []).append(passage.text)
    found = 0
    for evidence in question.evidence:
        words = _WORD.findall(evidence.text.lower())
        text = "".join(delivered.get(evidence.turn, ()))
        found += bool(text) and share_in_order(words, _WORD.findall(text.lower())) >= ENOUGH
    return found / len(question.evidence)


def message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def load_json(path: Path) -> Any:
    """Raises InvalidHistoryError for a file that is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidHistoryError(f"{path} is not JSON: {error}") from error


def load_lines(path: Path) -> list[Any]:
    """A file of one JSON document a line."""
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InvalidHistoryError(f"{path} is not JSON lines: {error}") from error


def need(record: Mapping[str, Any], key: str, path: Path) -> Any:
    """A field that the benchmark's form has. Raises InvalidHistoryError where it is missing."""
    if not isinstance(record, Mapping) or key not in record:
        raise InvalidHistoryError(f"{path} is not of its benchmark's form: {key!r} is missing")
    return record[key]
