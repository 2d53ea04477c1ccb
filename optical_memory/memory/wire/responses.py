"""OpenAI's Responses items: messages, function calls, their outputs and reasoning each stand alone in one list."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.turn import ToolCall, Turn
from optical_memory.memory.wire import chat
from optical_memory.memory.wire.picture import Picture

ITEMS = ("message", "function_call", "function_call_output", "reasoning", "item_reference", "compaction")
PARTS = ("input_text", "output_text", "input_image", "input_file")


def read_message(message: Mapping[str, Any], index: int) -> Turn:
    """An item. What is neither message, function call, output nor reasoning is kept as it is, by its type.

    Ids of items are the provider's and not used; `index` is only for the error's text.
    """
    if not isinstance(message, Mapping):
        raise InvalidHistoryError(f"message {index} is a {type(message).__name__}; expected an item, which is a dict")
    kind = message.get("type")
    if kind is None:
        kind = "item_reference" if is_bare_reference(message) else "message"
    if kind == "message":
        return replace(chat.read_message(message, index), id="", shape="responses")
    if kind == "function_call" and isinstance(message.get("name"), str):
        call = ToolCall(str(message.get("call_id", "")), message["name"], str(message.get("arguments", "")))
        return Turn("assistant", "", tool_calls=(call,), message=message, shape="responses")
    if kind == "function_call_output":
        text, attachments = _output(message.get("output"), index)
        call_id = str(message.get("call_id", ""))
        return Turn("tool", text, answers=call_id, attachments=attachments, message=message, shape="responses")
    if kind == "reasoning":
        return Turn("assistant", "", message=message, leads=True, shape="responses")
    return Turn("assistant", "", attachments=(str(kind),), message=message, shape="responses")


def is_bare_reference(message: Mapping[str, Any]) -> bool:
    """Whether an item is an id alone: a reference to an item that the provider keeps may leave its type out."""
    return message.get("type") is None and isinstance(message.get("id"), str) and message.keys() <= {"id", "type"}


def _output(output: Any, index: int) -> tuple[str, tuple[str, ...]]:
    if output is None or isinstance(output, (str, list)):
        return chat.read_content(output, index)
    return json.dumps(output, ensure_ascii=False), ()


def told(text: str) -> dict[str, Any]:
    """A user message of nothing but text."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def shown(content: Sequence[str | Picture]) -> dict[str, Any]:
    """A user message of text and pictures."""
    parts: list[dict[str, Any]] = [
        {"type": "input_text", "text": part}
        if isinstance(part, str)
        else {"type": "input_image", "image_url": part.data_url, "detail": "high"}
        for part in content
    ]
    return {"type": "message", "role": "user", "content": parts}
