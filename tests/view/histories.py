"""Histories for tests: a script of events, written in each of the four wire shapes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.memory.fake import prose

SHAPES = ("openai", "responses", "anthropic", "gemini")
KINDS = ("user", "assistant", "tools", "picture", "system", "open", "secret", "strange", "mark", "reasoning", "unknown")
SIZES = (0, 3, 400, 2500, 5000)
ROCKET = "\U0001f680"
SECRET = "the key is sk-" + "Ab3" * 12


@dataclass(frozen=True)
class Event:
    """`kind` of KINDS; `size` characters of text; `calls` in parallel."""

    kind: str
    size: int = 400
    calls: int = 1


events = st.builds(
    Event,
    st.sampled_from((*KINDS, *("user", "assistant", "tools") * 4)),
    st.sampled_from(SIZES),
    st.integers(1, 3),
)
scripts = st.lists(events, min_size=1, max_size=14)


def write(script: Sequence[Event], shape: str) -> list[dict[str, Any]]:
    """The script's messages. What a shape has no word for (a cache mark outside Anthropic's) is left out."""
    messages: list[dict[str, Any]] = []
    for number, event in enumerate(script):
        text = prose(event.size, number % 4) if event.size else ""
        messages += _WRITERS[shape](event, text, number)
    return messages


def _chat(event: Event, text: str, number: int) -> list[dict[str, Any]]:
    match event.kind:
        case "tools" | "open" | "reasoning":
            ids = [f"call-{number}-{i}" for i in range(event.calls)]
            calls = [{"id": i, "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}} for i in ids]
            results = [{"role": "tool", "tool_call_id": i, "content": text} for i in ids]
            return [
                {"role": "assistant", "content": None, "tool_calls": calls},
                *(results if event.kind != "open" else []),
            ]
        case "picture":
            url = {"url": "data:image/png;base64,AAAA"}
            return [
                {"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": url}]}
            ]
        case "unknown":
            return [{"role": "user", "content": [{"type": "hologram", "data": text}]}]
        case "mark":
            part = {"type": "text", "text": text or "x", "cache_control": {"type": "ephemeral"}}
            return [{"role": "user", "content": [part]}]
    role, said = _plain(event, text)
    return [{"role": role, "content": said}]


def _responses(event: Event, text: str, number: int) -> list[dict[str, Any]]:
    match event.kind:
        case "tools" | "open" | "reasoning":
            ids = [f"call-{number}-{i}" for i in range(event.calls)]
            calls = [{"type": "function_call", "call_id": i, "name": "look", "arguments": '{"q": 1}'} for i in ids]
            results = [{"type": "function_call_output", "call_id": i, "output": text} for i in ids]
            thought = [{"type": "reasoning", "id": f"rs-{number}", "summary": [], "encrypted_content": "gAAA"}]
            said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
            response = [*thought, said, *calls] if event.kind == "reasoning" else calls
            return response if event.kind == "open" else [*response, *results]
        case "picture":
            parts = [
                {"type": "input_text", "text": text},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ]
            return [{"type": "message", "role": "user", "content": parts}]
        case "unknown":
            return [{"type": "item_reference", "id": f"item-{number}"}]
        case "mark":
            return []
    role, said = _plain(event, text)
    kind = "output_text" if role == "assistant" else "input_text"
    return [{"type": "message", "role": role, "content": [{"type": kind, "text": said}]}]


def _anthropic(event: Event, text: str, number: int) -> list[dict[str, Any]]:
    match event.kind:
        case "tools" | "open" | "reasoning":
            ids = [f"call-{number}-{i}" for i in range(event.calls)]
            thought = [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}] if event.kind == "reasoning" else []
            calls = [{"type": "tool_use", "id": i, "name": "look", "input": {"q": 1}} for i in ids]
            results = [
                {"type": "tool_result", "tool_use_id": i, "content": [{"type": "text", "text": text}]} for i in ids
            ]
            asked = {"role": "assistant", "content": [*thought, *calls]}
            return [asked] if event.kind == "open" else [asked, {"role": "user", "content": results}]
        case "picture":
            source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
            return [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image", "source": source}]}]
        case "unknown":
            return [{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}]
        case "mark":
            block = {"type": "text", "text": text or "x", "cache_control": {"type": "ephemeral"}}
            return [{"role": "user", "content": [block]}]
        case "system":
            return []
    role, said = _plain(event, text)
    return [{"role": role, "content": [{"type": "text", "text": said}]}]


def _gemini(event: Event, text: str, number: int) -> list[dict[str, Any]]:
    match event.kind:
        case "tools" | "open" | "reasoning":
            names = [f"look-{number}-{i}" for i in range(event.calls)]
            calls = [{"functionCall": {"name": name, "args": {"q": 1}}} for name in names]
            results = [{"functionResponse": {"name": name, "response": {"output": text}}} for name in names]
            asked = {"role": "model", "parts": [*({"text": "hm", "thought": True} for _ in "x"), *calls]}
            return [asked] if event.kind == "open" else [asked, {"role": "user", "parts": results}]
        case "picture":
            data = {"mimeType": "image/png", "data": "AAAA"}
            return [{"role": "user", "parts": [{"text": text}, {"inlineData": data}]}]
        case "unknown":
            return [{"role": "user", "parts": [{"hologram": text}]}]
        case "mark" | "system":
            return []
    role, said = _plain(event, text)
    return [{"role": "model" if role == "assistant" else "user", "parts": [{"text": said}]}]


def _plain(event: Event, text: str) -> tuple[str, str]:
    """Role and text of an event that is nothing but text."""
    if event.kind == "secret":
        return "user", f"{text} {SECRET}"
    if event.kind == "strange":
        return "user", f"{text} {ROCKET}"
    return event.kind, text


_WRITERS: dict[str, Callable[[Event, str, int], list[dict[str, Any]]]] = {
    "openai": _chat,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
}


def call_ids(messages: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Ids of calls and of results anywhere in messages of any shape (Gemini's by name), in order."""
    calls: list[str] = []
    results: list[str] = []
    for message in messages:
        calls += [call["id"] for call in message.get("tool_calls") or ()]
        results += [message["tool_call_id"]] if "tool_call_id" in message else []
        if message.get("type") == "function_call":
            calls.append(message["call_id"])
        if message.get("type") == "function_call_output":
            results.append(message["call_id"])
        content = message.get("content", message.get("parts"))
        for block in content if isinstance(content, list) else ():
            calls += [block["id"]] if block.get("type") == "tool_use" else []
            results += [block["tool_use_id"]] if block.get("type") == "tool_result" else []
            calls += [block["functionCall"]["name"]] if "functionCall" in block else []
            results += [block["functionResponse"]["name"]] if "functionResponse" in block else []
    return calls, results


def pictures(message: Any) -> list[str]:
    """The base64 text of every picture in a message of any shape."""
    text = json.dumps(message)
    found = []
    content = message.get("content", message.get("parts"))
    for block in content if isinstance(content, list) else ():
        if block.get("type") == "image_url":
            found.append(block["image_url"]["url"].split(",")[1])
        elif block.get("type") == "input_image":
            found.append(block["image_url"].split(",")[1])
        elif block.get("type") == "image":
            found.append(block["source"]["data"])
        elif "inlineData" in block:
            found.append(block["inlineData"]["data"])
    assert all(data in text for data in found)
    return found


def texts(message: Any) -> list[str]:
    """The text blocks of a page message of any shape."""
    content = message.get("content", message.get("parts"))
    return [block["text"] for block in content if isinstance(block, dict) and isinstance(block.get("text"), str)]
