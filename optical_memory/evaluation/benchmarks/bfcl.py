"""BFCL v4, memory (Berkeley function calling leaderboard): earlier conversations, then questions about them.

Files: `*BFCL_v4_memory.json` (questions, and answers where the name or folder says `possible_answer`), `*memory_<scenario>.json`.
"""

import re
from pathlib import Path

from optical_memory.evaluation.benchmarks.benchmark import Conversation, Evidence, Question, load_lines, message, need
from optical_memory.evaluation.metrics import contains_answer

_WORD = re.compile(r"\w+")
NUM_WORDS = 8
"""First words of an answer's source by which its turn is found; sources may be cut short."""


class BfclMemory:
    name = "bfcl-memory"

    def load(self, folder: Path) -> list[Conversation]:
        found = []
        for path in sorted(folder.rglob("*BFCL_v4_memory.json")):
            if "possible_answer" in str(path.relative_to(folder)):
                continue
            answers = {
                need(record, "id", other): (other, record)
                for other in sorted(folder.rglob("*BFCL_v4_memory.json"))
                if "possible_answer" in str(other.relative_to(folder))
                for record in load_lines(other)
            }
            asked: dict[str, list[tuple[str, str]]] = {}
            for record in load_lines(path):
                text = need(record, "question", path)[0][0]["content"]
                asked.setdefault(need(record, "scenario", path), []).append((record["id"], text))
            for scenario, questions in asked.items():
                history = _history(folder, scenario)
                turns = [" ".join(_WORD.findall(turn["content"].lower())) for turn in history]
                known = [(text, *answers[own]) for own, text in questions if own in answers]
                found.append(
                    Conversation(
                        scenario,
                        history,
                        tuple(
                            Question(
                                text,
                                tuple(str(one) for one in need(record, "ground_truth", other)),
                                _evidence(record.get("source", ""), turns),
                                scenario,
                            )
                            for text, other, record in known
                        ),
                    )
                )
        return [conversation for conversation in found if conversation.history]

    def score(self, question: Question, answer: str) -> dict[str, float]:
        return {"answer contained": float(contains_answer(answer, question.answers))}


def _history(folder: Path, scenario: str) -> tuple[dict[str, str], ...]:
    return tuple(
        message(turn["role"], turn["content"])
        for path in sorted(folder.rglob(f"*memory_{scenario}.json"))
        for record in load_lines(path)
        for turns in need(record, "question", path)
        for turn in turns
    )


def _evidence(source: str, turns: list[str]) -> tuple[Evidence, ...]:
    """The turn that holds the source's first words, if one does."""
    words = _WORD.findall(source.lower().rstrip(".… "))
    first = " ".join(words[:NUM_WORDS])
    places = [place for place, turn in enumerate(turns) if first and first in turn]
    return (Evidence(places[0], " ".join(words)),) if places else ()
