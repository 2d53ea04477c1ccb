"""Conversations in files: chat JSON, JSON lines, or plain text."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optical_memory.errors import InvalidHistoryError

_LIST_KEYS = ("messages", "history", "conversation", "turns")


def load_history(path: Path) -> list[Mapping[str, Any]]:
    """The messages of a file.

    JSON: a list of messages, or an object that holds one under `messages`, `history`, `conversation` or `turns`. JSON lines:
    one message a line. Anything else is plain text, one user turn a paragraph. Raises InvalidHistoryError that says where.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidHistoryError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InvalidHistoryError(f"{path} cannot be read: {error.strerror}") from error
    if path.suffix == ".jsonl":
        return _json_lines(text, path)
    if path.suffix == ".json" or text.lstrip()[:2] in ('{"', "[{", "{\n", "[\n"):
        return _json(text, path)
    return [{"role": "user", "content": part} for part in re.split(r"\n\s*\n", text) if part.strip()]


def _json(text: str, path: Path) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidHistoryError(
            f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    if isinstance(value, Mapping):
        value = next((value[key] for key in _LIST_KEYS if isinstance(value.get(key), list)), value)
    if not isinstance(value, list):
        raise InvalidHistoryError(
            f"{path} holds no list of messages; expected one, or an object with {', '.join(_LIST_KEYS)}"
        )
    return value


def _json_lines(text: str, path: Path) -> list[Mapping[str, Any]]:
    messages = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                messages.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise InvalidHistoryError(f"{path}, line {number}, is not JSON: {error.msg}") from error
    return messages
