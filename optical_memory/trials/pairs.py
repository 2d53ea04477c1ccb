"""What is wrong with the bytes of a request, by the rules that the APIs refuse requests by; and what an adapter changed in it."""

import json
from collections.abc import Sequence
from typing import Any

PICTURES = ("image", "image_url", "input_image")


def faults(body: dict[str, Any]) -> list[str]:
    """Calls and results that are not paired as the API of that body wants them, and roles and pictures out of place."""
    if isinstance(body.get("input"), list):
        return _responses_faults(body["input"])
    messages = body["messages"]
    blocks = [block for message in messages for block in _blocks(message)]
    of_anthropic = any(block.get("type") in ("tool_use", "tool_result", "image") for block in blocks)
    return _anthropic_faults(messages) if of_anthropic else _chat_faults(messages)


def changed(sent: dict[str, Any], plain: dict[str, Any]) -> list[str]:
    """What differs between a request with pages and the same without, other than runs of messages that became pages."""
    field = "input" if "input" in plain else "messages"
    found = [
        f"{key} differs"
        for key in sorted(sent.keys() | plain.keys())
        if key != field and sent.get(key) != plain.get(key)
    ]
    theirs = [json.dumps(message, sort_keys=True) for message in plain[field]]
    place = 0
    for message in sent[field]:
        if num_pictures(message):
            continue
        text = json.dumps(message, sort_keys=True)
        try:
            place = theirs.index(text, place) + 1
        except ValueError:
            found.append(f"a message that was not there, or not in that order: {text[:80]}")
    if sent[field][-1:] != plain[field][-1:]:
        found.append("the last message differs")
    return found


def num_pictures(value: Any) -> int:
    """Pictures anywhere in a message or a body."""
    if isinstance(value, dict):
        return (value.get("type") in PICTURES) + sum(num_pictures(item) for item in value.values())
    return sum(num_pictures(item) for item in value) if isinstance(value, list) else 0


def _chat_faults(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Every call is answered once in the tool messages right behind it; pictures are the user's."""
    found: list[str] = []
    open_calls: list[str] = []
    for message in messages:
        role = message.get("role")
        if role == "tool":
            if message.get("tool_call_id") in open_calls:
                open_calls.remove(message["tool_call_id"])
            else:
                found.append(f"a result without its call: {message.get('tool_call_id')}")
            continue
        found += [f"a call without its result: {call}" for call in open_calls]
        open_calls = [call["id"] for call in message.get("tool_calls") or ()]
        if role not in ("system", "developer", "user", "assistant"):
            found.append(f"a role that is none: {role}")
        if num_pictures(message) and role != "user":
            found.append(f"a picture in a message of the {role}")
    return [*found, *(f"a call without its result: {call}" for call in open_calls)]


def _anthropic_faults(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The calls of a message are answered, all of them and no others, in the message right behind it."""
    found: list[str] = []
    asked: list[str] = []
    for message in messages:
        blocks = _blocks(message)
        answered = [block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"]
        if sorted(asked) != sorted(answered):
            found.append(f"calls {asked} are followed by results {answered}")
        asked = [block["id"] for block in blocks if block.get("type") == "tool_use"]
        if message.get("role") not in ("user", "assistant"):
            found.append(f"a role that is none: {message.get('role')}")
        if (num_pictures(message) or answered) and message["role"] != "user":
            found.append(f"a picture or a result in a message of the {message['role']}")
    return [*found, *(f"a call without its result: {call}" for call in asked)]


def _responses_faults(items: Sequence[dict[str, Any]]) -> list[str]:
    """Every call has one output behind it, reasoning has what it led to, pictures are the user's."""
    found: list[str] = []
    open_calls: set[str] = set()
    led = False
    for item in items:
        kind = item.get("type", "message")
        if led and kind not in ("function_call", "reasoning") and item.get("role") != "assistant":
            found.append("reasoning without what it led to")
        led = kind == "reasoning"
        if kind == "function_call":
            open_calls.add(item["call_id"])
        elif kind == "function_call_output":
            if item["call_id"] not in open_calls:
                found.append(f"a result without its call: {item['call_id']}")
            open_calls.discard(item["call_id"])
        elif num_pictures(item) and item.get("role") != "user":
            found.append(f"a picture in an item of the {item.get('role')}")
    return [*found, *(f"a call without its result: {call}" for call in sorted(open_calls))]


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
