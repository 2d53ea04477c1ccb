"""Conversation files in the shapes of the public data sets, written for the tests."""

import json
from pathlib import Path
from typing import Any

from tests.memory.fake import conversation, prose


def write_dialogue(folder: Path, num_turns: int = 120) -> Path:
    """LoCoMo's shape: two speakers, three sessions, questions with evidence."""
    topics = (
        "a zebra crossing in Lisbon",
        "the violin lessons of her aunt",
        "a broken kayak paddle",
        "nine jars of honey",
    )
    sessions: dict[str, Any] = {"speaker_a": "Ann", "speaker_b": "Bob"}
    questions = []
    for number in range(1, 4):
        turns = []
        for place in range(num_turns // 3):
            said = prose(400, 1000 * number + place)
            if place % 10 == 5:
                topic = topics[(number + place // 10) % 4]
                said += f" By the way, {topic} number {number}{place} surprised us."
                questions.append({"question": f"What about {topic}?", "evidence": [f"D{number}:{place + 1}; D99:1"]})
            turns.append({"speaker": ("Ann", "Bob")[place % 2], "dia_id": f"D{number}:{place + 1}", "text": said})
        turns[0]["blip_caption"] = "a dog on a beach"
        sessions[f"session_{number}"] = turns
        sessions[f"session_{number}_date_time"] = f"1:00 pm on {number} May, 2023"
    questions.append({"question": "Nothing to go by?", "evidence": []})
    path = folder / "dialogues.json"
    path.write_text(json.dumps([{"sample_id": "one", "conversation": sessions, "qa": questions}]))
    return path


def write_meetings(folder: Path) -> Path:
    """QMSum's shape: one meeting a line."""
    lines = [
        {"meeting_transcripts": [{"speaker": f"S{place % 3}", "content": prose(600, place)} for place in range(count)]}
        for count in (20, 30)
    ]
    path = folder / "meetings.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def write_trajectory(folder: Path) -> Path:
    """SWE-agent's shape: a system message, calls and results."""
    history: list[dict[str, Any]] = [
        {"role": "system", "content": "You are an agent.", "agent": "main"},
        {"role": "user", "content": prose(3000, 1), "agent": "main", "is_demo": True},
    ]
    for step in range(8):
        call = {"id": f"c{step}", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
        history.append({"role": "assistant", "content": "Looking.", "tool_calls": [call], "thought": "hm"})
        history.append({"role": "tool", "content": prose(1500, step + 5), "tool_call_ids": [f"c{step}"]})
    path = folder / "run.traj"
    path.write_text(json.dumps({"history": history, "info": {}}))
    return path


def write_chat(folder: Path) -> Path:
    path = folder / "chat.json"
    path.write_text(json.dumps(conversation(30, 900)))
    return path
