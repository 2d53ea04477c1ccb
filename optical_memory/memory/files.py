"""Conversations in files: chat JSON, JSON lines, or plain text."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optical_memory.errors import InvalidHistoryError

_LIST_KEYS = ("messages", "history", "conversation", "turns")
_JSON_BEGINS = re.compile(r'\s*(?:[\[{]\n|\{\s*"|\[\s*\{)')
"""Not a bracket alone: `[ ]` and `[1]` begin lists of things to do, and notes, as people write them."""


def load_history(path: Path) -> list[Mapping[str, Any]]:
    """The messages of a file.

    JSON: a list of messages, one message, or an object that holds a list under `messages`, `history`, `conversation` or
    `turns`. JSON lines: one message a line. Anything else is plain text, one user turn a paragraph. Raises InvalidHistoryError
    that says where.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidHistoryError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InvalidHistoryError(f"{path} cannot be read: {error.strerror}") from error
    if path.suffix == ".jsonl":
        return _json_lines(text, path)
    if path.suffix == ".json" or _JSON_BEGINS.match(text):
        return _json_lines(text, path) if _is_lines(text) else _json(text, path)
    return [{"role": "user", "content": part} for part in re.split(r"\n\s*\n", text) if part.strip()]


def _is_lines(text: str) -> bool:
    """Whether the first of several lines is an object by itself, which in no JSON of one value it can be."""
    first, _, rest = text.strip().partition("\n")
    if not rest or not first.startswith("{"):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _json(text: str, path: Path) -> list[Mapping[str, Any]]:
    value = _parsed(text, path)
    if isinstance(value, Mapping):
        value = next((value[key] for key in _LIST_KEYS if isinstance(value.get(key), list)), value)
    if isinstance(value, Mapping) and "role" in value:
        return [value]
    if not isinstance(value, list):
        raise InvalidHistoryError(
            f"{path} holds no list of messages; expected one, or an object with {', '.join(_LIST_KEYS)}"
        )
    return value


def _json_lines(text: str, path: Path) -> list[Mapping[str, Any]]:
    lines = enumerate(text.split("\n"), 1)
    return [_parsed(line, path, number) for number, line in lines if line.strip()]


def _parsed(text: str, path: Path, first_line: int = 1) -> Any:
    """The value of JSON that begins at a line of the file."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {first_line + error.lineno - 1}, column {error.colno}"
        raise InvalidHistoryError(f"{path} is not JSON: {error.msg} at {place}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; lists in lists in lists
        raise InvalidHistoryError(
            f"{path} holds JSON that cannot be read from line {first_line} on: {error}"
        ) from error
