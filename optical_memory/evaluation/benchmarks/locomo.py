"""LoCoMo (arXiv 2402.17753): very long conversations of two people; the questions whose answer an audit found wrong are left out.

Files: `*locomo*.json`, and the audit's `errors.json` in a folder whose name holds "locomo", where there is one.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optical_memory.evaluation.benchmarks.benchmark import Conversation, Evidence, Question, load_json, message, need
from optical_memory.evaluation.metrics import contains_answer, listed_f1, token_f1
from optical_memory.language.quoting import REFUSAL

KINDS = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
REFUSALS = (REFUSAL, "no information available", "not mentioned")
_PLACE = re.compile(r"D(\d+):(\d+)")


class LoCoMo:
    name = "locomo"

    def load(self, folder: Path) -> list[Conversation]:
        audit = _audit(folder)
        found = []
        for path in sorted(folder.rglob("*locomo*.json")):
            for number, sample in enumerate(load_json(path)):
                told = need(sample, "conversation", path)
                history, places = _history(told)
                questions = [
                    question
                    for index, asked in enumerate(need(sample, "qa", path))
                    if (question := _question(asked, audit.get(f"locomo_{number}_qa{index}"), history, places))
                ]
                found.append(Conversation(f"{path.stem} {number}", history, tuple(questions)))
        return found

    def score(self, question: Question, answer: str) -> dict[str, float]:
        if not question.answers:
            return {"refused rightly": float(any(words in answer.lower() for words in REFUSALS))}
        truth = question.answers[0]
        f1 = listed_f1(answer, truth) if question.kind == "multi-hop" else token_f1(answer, truth)
        return {"token F1": f1, "answer contained": float(contains_answer(answer, question.answers))}


def _audit(folder: Path) -> dict[str, Mapping[str, Any]]:
    """What an audit found, by its question ids "locomo_<conversation>_qa<question>"."""
    return {
        str(need(error, "question_id", path)): error
        for path in sorted(folder.rglob("errors.json"))
        if "locomo" in path.parent.name
        for error in load_json(path)
    }


def _history(told: Mapping[str, Any]) -> tuple[tuple[dict[str, str], ...], dict[tuple[int, int], int]]:
    """Messages of all sessions, the first of each dated, and the place of each turn by (session, number)."""
    turns: list[dict[str, str]] = []
    places: dict[tuple[int, int], int] = {}
    sessions = sorted(int(key.split("_")[1]) for key in told if re.fullmatch(r"session_\d+", key))
    for session in sessions:
        date = told.get(f"session_{session}_date_time", "")
        for index, turn in enumerate(told[f"session_{session}"]):
            heading = f"[{date}]\n" if date and index == 0 else ""
            shared = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            role = "user" if turn["speaker"] == told.get("speaker_a") else "assistant"
            for place in _places(turn["dia_id"]):
                places[place] = len(turns)
            turns.append(message(role, f"{heading}{turn['speaker']}: {turn['text']}{shared}"))
    return tuple(turns), places


def _question(
    asked: Mapping[str, Any],
    error: Mapping[str, Any] | None,
    history: Sequence[Mapping[str, str]],
    places: Mapping[tuple[int, int], int],
) -> Question | None:
    """None where the audit found the answer wrong; a citation that it found wrong is put right."""
    cited = asked.get("evidence", [])
    if error is not None and error.get("question") == asked["question"]:
        if error.get("error_type") != "WRONG_CITATION":
            return None
        cited = error.get("correct_evidence") or cited
    kind = KINDS.get(asked.get("category", 0), "other")
    answer = str(asked.get("answer", ""))
    if kind == "open-domain":
        answer = answer.split(";")[0]
    turns = sorted({places[place] for words in cited for place in _places(str(words)) if place in places})
    evidence = tuple(Evidence(turn, history[turn]["content"]) for turn in turns)
    return Question(asked["question"], () if kind == "adversarial" else (answer,), evidence, kind)


def _places(text: str) -> list[tuple[int, int]]:
    return [(int(session), int(number)) for session, number in _PLACE.findall(text)]
