"""QMSum (arXiv 2104.05938): meetings, and queries whose answers are summaries of spans of them.

Files: `*.jsonl` whose records hold `meeting_transcripts`.
"""

from pathlib import Path
from typing import Any

from optical_memory.evaluation.benchmarks.benchmark import Conversation, Evidence, Question, load_lines, message, need
from optical_memory.evaluation.metrics import rouge_1

_MARK = '"meeting_transcripts"'


class QmSum:
    name = "qmsum"

    def load(self, folder: Path) -> list[Conversation]:
        found = []
        for path in sorted(folder.rglob("*.jsonl")):
            with path.open(encoding="utf-8") as lines:
                if _MARK not in lines.readline():
                    continue
            for number, meeting in enumerate(load_lines(path)):
                history = tuple(
                    message("assistant" if place % 2 else "user", f"{turn['speaker']}: {turn['content']}")
                    for place, turn in enumerate(need(meeting, "meeting_transcripts", path))
                )
                questions = [
                    Question(query["query"], (query["answer"],), _evidence(query, history), kind)
                    for kind in ("specific", "general")
                    for query in need(meeting, f"{kind}_query_list", path)
                ]
                found.append(Conversation(f"meeting {number}", history, tuple(questions)))
        return found

    def score(self, question: Question, answer: str) -> dict[str, float]:
        return {"token F1 (ROUGE-1)": rouge_1(answer, question.answers[0])}


def _evidence(query: dict[str, Any], history: tuple[dict[str, str], ...]) -> tuple[Evidence, ...]:
    """The turns of the query's spans, both ends counted; a summary of a whole meeting has none."""
    spans = [(int(first), int(last)) for first, last in query.get("relevant_text_span", ())]
    turns = sorted({turn for first, last in spans for turn in range(first, last + 1) if turn < len(history)})
    return tuple(Evidence(turn, history[turn]["content"]) for turn in turns)
