"""Conversations out of any folder of JSON: lists of messages wherever they stand, agents' trajectories, talks of two speakers."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optical_memory.errors import InvalidHistoryError

FIELDS = ("role", "content", "name", "tool_calls", "tool_call_id")
"""What a message keeps; loggers put fields of their own beside them."""
ROLES = ("system", "developer", "user", "assistant", "tool")
NAMES = ("messages", "history", "conversation", "turns")
LONGEST_FILE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in OpenAI's chat shape, and the file they came from."""

    name: str
    messages: list[dict[str, Any]]


def read_conversations(folder: Path, shortest: int = 4) -> list[Conversation]:
    """Every conversation of at least `shortest` messages in the files under a folder, in order of their paths.

    Files that hold no JSON, or no conversation, are passed over. Raises InvalidHistoryError if none is found.
    """
    found = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        if path.is_file() and path.stat().st_size <= LONGEST_FILE:
            lists = [messages for messages in _lists(_json(path)) if len(messages) >= shortest]
            found += [
                Conversation(path.name if len(lists) == 1 else f"{path.name} #{number}", messages)
                for number, messages in enumerate(lists, 1)
            ]
    if not found:
        raise InvalidHistoryError(f"no conversation in {folder}: expected JSON files with lists of messages")
    return found


def _json(path: Path) -> Any:
    """The file's JSON, the list of its lines' JSON, or None."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError):
        return None
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()] if path.suffix == ".jsonl" else None
    except ValueError:
        return None


def _lists(value: Any) -> Iterator[list[dict[str, Any]]]:
    """The conversations in a value: the one that an object names as its history, or else all that stand inside it."""
    if isinstance(value, list):
        if _is_history(value):
            yield _history(value)
        elif _is_talk(value):
            yield _talk(value)
        else:
            for item in value:
                yield from _lists(item)
    elif isinstance(value, Mapping):
        named = next((value[key] for key in NAMES if _is_history(value.get(key))), None)
        if named is not None:
            yield _history(named)
            return
        sessions = sorted((key for key in value if re.fullmatch(r"session_\d+", key)), key=lambda key: int(key[8:]))
        spoken = [turn for key in sessions if _is_talk(value[key]) for turn in value[key]]
        if spoken:
            yield _talk(spoken)
        for key, item in value.items():
            if key not in sessions:
                yield from _lists(item)


def _is_history(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and item.get("role") in ROLES for item in value)
    )


def _is_talk(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and "speaker" in item and isinstance(item.get("text"), str) for item in value)
    )


def _talk(turns: list[Any]) -> list[dict[str, Any]]:
    """Two speakers as user and assistant: whoever speaks first asks."""
    first = turns[0]["speaker"]
    return [{"role": "user" if turn["speaker"] == first else "assistant", "content": turn["text"]} for turn in turns]


def _history(messages: list[Any]) -> list[dict[str, Any]]:
    """Messages as an API would have had them: an id that a log uses again gets a number, as it can name one call only."""
    uses: Counter[str] = Counter()
    found = []
    for message in map(_message, messages):
        calls = message.get("tool_calls") or ()
        uses.update(call["id"] for call in calls if call.get("id"))
        if calls:
            message["tool_calls"] = [{**call, "id": _own(str(call.get("id", "")), uses)} for call in calls]
        if "tool_call_id" in message:
            message["tool_call_id"] = _own(message["tool_call_id"], uses)
        found.append(message)
    return found


def _own(identity: str, uses: Mapping[str, int]) -> str:
    return identity if uses[identity] < 2 else f"{identity}-{uses[identity]}"


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message without its logger's fields; a result that names its call in a list names it as the API wants it."""
    kept = {key: message[key] for key in FIELDS if message.get(key) is not None}
    kept.setdefault("content", "")
    answered = message.get("tool_call_ids")
    if "tool_call_id" not in kept and isinstance(answered, list) and answered:
        kept["tool_call_id"] = answered[0]
    return kept
