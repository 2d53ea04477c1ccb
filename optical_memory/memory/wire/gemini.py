"""Gemini's contents: roles user and model, content as parts; calls and results seldom have ids and go by their order."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.turn import Role, ToolCall, ToolResult, Turn
from optical_memory.memory.wire.picture import Picture

_ROLES: dict[Any, Role] = {"user": "user", "model": "assistant", "function": "user", "tool": "user", None: "user"}


def read_message(message: Mapping[str, Any], index: int) -> Turn:
    """`index` is only for the error's text. Both spellings of a key are known, `functionCall` and `function_call`."""
    parts = message.get("parts") if isinstance(message, Mapping) else None
    if not isinstance(parts, Sequence) or not all(isinstance(part, Mapping) for part in parts):
        raise InvalidHistoryError(f"message {index} is not one of Gemini's: expected 'role' and a list of 'parts'")
    role = message.get("role")
    if role not in _ROLES:
        raise InvalidHistoryError(f"message {index} has role {role!r}; known roles are user and model")
    texts: list[str] = []
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    attachments: list[str] = []
    for part in parts:
        call = part.get("functionCall", part.get("function_call"))
        result = part.get("functionResponse", part.get("function_response"))
        if isinstance(call, Mapping):
            arguments = json.dumps(call.get("args"), ensure_ascii=False)
            calls.append(ToolCall(str(call.get("id") or ""), str(call.get("name", "")), arguments))
        elif isinstance(result, Mapping):
            text = json.dumps(result.get("response"), ensure_ascii=False)
            results.append(ToolResult(str(result.get("id") or ""), text))
            attachments += _kinds(result.get("parts"))
        elif isinstance(part.get("text"), str):
            texts += [] if part.get("thought") else [part["text"]]
        else:
            attachments.append(_kind(part))
    return Turn(
        _ROLES[role],
        "\n".join(texts),
        tool_calls=tuple(calls),
        attachments=tuple(attachments),
        message=message,
        results=tuple(results),
        shape="gemini",
    )


def _kinds(parts: Any) -> list[str]:
    """What stands beside the response of a result: pictures and files."""
    if isinstance(parts, (list, tuple)):
        return [_kind(part) for part in parts]
    return ["parts"] if parts else []


def _kind(part: Any) -> str:
    """What a part that is not text holds, by its first key."""
    return next((str(key) for key in part), "an empty part") if isinstance(part, Mapping) else "unknown part"


def told(text: str) -> dict[str, Any]:
    """A user message of nothing but text."""
    return {"role": "user", "parts": [{"text": text}]}


def shown(content: Sequence[str | Picture]) -> dict[str, Any]:
    """A user message of text and pictures."""
    parts: list[dict[str, Any]] = [
        {"text": part} if isinstance(part, str) else {"inlineData": {"mimeType": "image/png", "data": part.base64}}
        for part in content
    ]
    return {"role": "user", "parts": parts}
