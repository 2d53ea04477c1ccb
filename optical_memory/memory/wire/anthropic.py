"""Anthropic's messages: user and assistant in turn, content as blocks; several tool results may stand in one user message."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.turn import ToolCall, ToolResult, Turn
from optical_memory.memory.wire.chat import read_role, tool_keys
from optical_memory.memory.wire.picture import Picture

REASONING = ("thinking", "redacted_thinking")
"""Blocks that are neither drawn nor a hindrance: the provider itself drops them from earlier turns."""
BLOCKS = (*REASONING, "tool_use", "tool_result", "server_tool_use", "document", "search_result", "image")


def read_message(message: Mapping[str, Any], index: int) -> Turn:
    """`index` is only for the error's text."""
    if not isinstance(message, Mapping):
        raise InvalidHistoryError(
            f"message {index} is a {type(message).__name__}; expected a dict with 'role' and 'content'"
        )
    if foreign := tool_keys(message):
        raise InvalidHistoryError(
            f"message {index} has {', '.join(foreign)}, which are OpenAI's; expected tool_use and tool_result blocks in 'content': "
            "pass the history in the shape 'openai', or write its tools as blocks"
        )
    role = read_role(message, index)
    content = message.get("content")
    blocks: Any = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, Sequence) or not all(isinstance(block, Mapping) for block in blocks):
        raise InvalidHistoryError(
            f"message {index} has content of type {type(content).__name__}; expected text or blocks"
        )
    texts: list[str] = []
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    attachments: list[str] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text" and isinstance(block.get("text"), str):
            texts.append(block["text"])
            attachments += ["citations"] if block.get("citations") else []
        elif kind == "tool_use" and isinstance(block.get("name"), str):
            arguments = json.dumps(block.get("input"), ensure_ascii=False)
            calls.append(ToolCall(str(block.get("id", "")), block["name"], arguments))
        elif kind == "tool_result":
            text, inside = _result(block.get("content"))
            answer = f"[error] {text}" if block.get("is_error") else text  # on a page there is no flag
            results.append(ToolResult(str(block.get("tool_use_id", "")), answer))
            attachments += inside
        elif kind not in REASONING:
            attachments.append(str(kind or "unknown block"))
    return Turn(
        role,
        "\n".join(texts),
        tool_calls=tuple(calls),
        attachments=tuple(attachments),
        message=message,
        results=tuple(results),
        shape="anthropic",
    )


def _result(content: Any) -> tuple[str, list[str]]:
    """The text of a tool result, and the kinds of its blocks that are not text."""
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if not isinstance(content, Sequence) or not all(isinstance(block, Mapping) for block in content):
        return "", [f"a result of type {type(content).__name__}"]
    texts = [block["text"] for block in content if block.get("type") == "text" and isinstance(block.get("text"), str)]
    others = [str(block.get("type", "unknown block")) for block in content if block.get("type") != "text"]
    return "\n".join(texts), others


def told(text: str) -> dict[str, Any]:
    """A user message of nothing but text."""
    return {"role": "user", "content": text}


def shown(content: Sequence[str | Picture]) -> dict[str, Any]:
    """A user message of text and pictures."""
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": part.base64}}
        for part in content
    ]
    return {"role": "user", "content": blocks}
