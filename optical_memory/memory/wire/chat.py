"""OpenAI's chat shape: `{"role": ..., "content": ...}` with `tool_calls` and `tool_call_id`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.turn import ROLES, Role, ToolCall, Turn
from optical_memory.memory.wire.citation import cited
from optical_memory.memory.wire.picture import Picture

_ALIASES: dict[str, Role] = {"developer": "system", "function": "tool", "human": "user", "ai": "assistant"}
_TOOL_KEYS = ("tool_calls", "tool_call_id", "function_call")
_TEXT_PARTS = (None, "text", "input_text", "output_text", "refusal")


def read_message(message: Mapping[str, Any], index: int) -> Turn:
    """One message in OpenAI's chat shape. `index` is only for the error's text."""
    if not isinstance(message, Mapping):
        raise InvalidHistoryError(
            f"message {index} is a {type(message).__name__}; expected a dict with 'role' and 'content'"
        )
    role = read_role(message, index)
    content, attachments = read_content(message.get("content"), index)
    sources, others = cited(message.get("annotations"), content)
    return Turn(
        role,
        "\n".join(text for text in (content, *sources) if text),
        id=str(message["id"]) if message.get("id") else "",
        tool_calls=tuple(_tool_calls(message, index)),
        answers=str(message["tool_call_id"]) if message.get("tool_call_id") else None,
        name=str(message["name"]) if message.get("name") else None,
        attachments=(*attachments, *others),
        message=message,
    )


def read_role(message: Mapping[str, Any], index: int) -> Role:
    role = message.get("role")
    role = _ALIASES.get(role, role) if isinstance(role, str) else role
    if role not in ROLES:
        known = ", ".join((*ROLES, *_ALIASES))
        raise InvalidHistoryError(f"message {index} has role {role!r}; known roles are {known}")
    return cast(Role, role)


def tool_keys(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of a message that hold its calls, or name the call it answers, beside the content: OpenAI's way alone."""
    return tuple(key for key in _TOOL_KEYS if message.get(key))


def read_content(content: Any, index: int) -> tuple[str, tuple[str, ...]]:
    """The text of a content field with what it cites, and the kinds of its parts that are not text."""
    if content is None:
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, Sequence):
        raise InvalidHistoryError(
            f"message {index} has content of type {type(content).__name__}; expected text or a list of parts"
        )
    texts: list[str] = []
    attachments: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
            sources, others = cited(part.get("annotations"), part["text"])
            texts += [part["text"], *sources]
            attachments += others
        elif isinstance(part, Mapping):
            attachments.append(str(part.get("type", "unknown part")))
        else:
            raise InvalidHistoryError(
                f"message {index} has a content part of type {type(part).__name__}; expected a dict"
            )
    return "\n".join(texts), tuple(attachments)


def _tool_calls(message: Mapping[str, Any], index: int) -> Iterable[ToolCall]:
    calls = message.get("tool_calls") or ()
    if isinstance(message.get("function_call"), Mapping):
        calls = [{"id": "", "function": message["function_call"]}]  # the shape before tool_calls
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise InvalidHistoryError(f"message {index} has tool_calls of type {type(calls).__name__}; expected a list")
    for call in calls:
        function = call.get("function") or call.get("custom") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise InvalidHistoryError(f"message {index} has a tool call without a function name: {str(call)[:80]!r}")
        arguments = function.get("arguments", function.get("input", ""))  # a custom tool takes plain text
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        yield ToolCall(str(call.get("id", "")), function["name"], text)


def told(text: str) -> dict[str, Any]:
    """A user message of nothing but text."""
    return {"role": "user", "content": text}


def shown(content: Sequence[str | Picture]) -> dict[str, Any]:
    """A user message of text and pictures."""
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image_url", "image_url": {"url": part.data_url, "detail": "high"}}
        for part in content
    ]
    return {"role": "user", "content": parts}
