"""Real conversations from a folder: LoCoMo, QMSum, SWE-agent trajectories, or any chat file, told apart by what is in them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.files import load_history

SUFFIXES = (".json", ".jsonl", ".traj")


@dataclass(frozen=True, slots=True)
class Question:
    """`evidence`: ids of the turns that hold the answer."""

    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Messages as `compress` takes them, each with an id where questions name it. `kind`: the data set's name."""

    kind: str
    name: str
    messages: tuple[Mapping[str, Any], ...]
    questions: tuple[Question, ...] = ()


def conversations_in(folder: Path) -> list[Conversation]:
    """Every conversation of a folder and its subfolders, by file name. Raises InvalidHistoryError if there is none."""
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    found = [conversation for path in paths for conversation in _read(path)]
    if not found:
        raise InvalidHistoryError(f"{folder} holds no conversation; expected files that end in {', '.join(SUFFIXES)}")
    return found


def first_of_each(conversations: Iterable[Conversation], most: int) -> list[Conversation]:
    """At most so many of each kind, in order."""
    taken: Counter[str] = Counter()
    kept = []
    for conversation in conversations:
        if taken[conversation.kind] < most:
            kept.append(conversation)
        taken[conversation.kind] += 1
    return kept


def _read(path: Path) -> Iterator[Conversation]:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix == ".jsonl" and '"meeting_transcripts"' in text:
        for number, line in enumerate(filter(None, text.split("\n"))):
            yield _meeting(json.loads(line), f"meeting-{number}")
    elif path.suffix == ".traj":
        yield Conversation("SWE-agent", path.stem, tuple(_trajectory(json.loads(text))))
    elif '"evidence"' in text and '"dia_id"' in text:
        yield from map(_dialogue, json.loads(text))
    else:
        yield Conversation("chat", path.stem, tuple(load_history(path)))


def _dialogue(sample: Mapping[str, Any]) -> Conversation:
    """LoCoMo: sessions in order; the date opens each, a shared picture is told by its caption."""
    spoken, messages = sample["conversation"], []
    numbers = sorted(int(key.split("_")[1]) for key in spoken if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        date = f"[{spoken[f'session_{number}_date_time']}] "
        for turn in spoken[f"session_{number}"]:
            picture = f" [picture: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            role = "user" if turn["speaker"] == spoken["speaker_a"] else "assistant"
            content = f"{date}{turn['text']}{picture}"
            messages.append({"role": role, "name": turn["speaker"], "content": content, "id": turn["dia_id"]})
            date = ""
    ids = {message["id"] for message in messages}
    questions = (Question(asked["question"], tuple(_evidence(asked, ids))) for asked in sample["qa"])
    answerable = tuple(question for question in questions if question.evidence)
    return Conversation("LoCoMo", sample["sample_id"], tuple(messages), answerable)


def _evidence(asked: Mapping[str, Any], ids: set[str]) -> Iterable[str]:
    named = re.findall(r"D\d+:\d+", " ".join(asked.get("evidence", ())))
    return dict.fromkeys(turn for turn in named if turn in ids)


def _meeting(meeting: Mapping[str, Any], name: str) -> Conversation:
    """QMSum: who spoke and what."""
    messages = [
        {"role": "user", "name": turn["speaker"], "content": turn["content"]} for turn in meeting["meeting_transcripts"]
    ]
    return Conversation("QMSum", name, tuple(messages))


def _trajectory(run: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """SWE-agent: the messages that went to the model."""
    for message in run["history"]:
        kept = {key: message[key] for key in ("role", "content", "tool_calls") if message.get(key)}
        calls = message.get("tool_call_ids") or ()
        yield {"content": "", **kept, **({"tool_call_id": calls[0]} if calls and message["role"] == "tool" else {})}
