"""A chat conversation as the other APIs take it: Anthropic's blocks, OpenAI's Responses items."""

import json
from collections.abc import Sequence
from typing import Any


def as_responses(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "tool":
            output = _text(message["content"])
            items.append({"type": "function_call_output", "call_id": message["tool_call_id"], "output": output})
            continue
        if text := _text(message["content"]):
            kind = "output_text" if message["role"] == "assistant" else "input_text"
            items.append({"type": "message", "role": message["role"], "content": [{"type": kind, "text": text}]})
        for call in message.get("tool_calls") or ():
            function = call["function"]
            arguments = _arguments(function["arguments"])
            items.append(
                {"type": "function_call", "call_id": call["id"], "name": function["name"], "arguments": arguments}
            )
    return items


def as_anthropic(messages: Sequence[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The system prompt, and the messages: results of parallel calls stand together in one."""
    system: list[str] = []
    blocks: list[dict[str, Any]] = []
    for message in messages:
        text = _text(message["content"])
        said = [{"type": "text", "text": text}] if text else []
        if message["role"] in ("system", "developer"):
            system.append(text)
        elif message["role"] == "tool":
            result = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": text}
            if blocks and blocks[-1]["role"] == "user" and blocks[-1]["content"][0]["type"] == "tool_result":
                blocks[-1]["content"].append(result)
            else:
                blocks.append({"role": "user", "content": [result]})
        else:
            calls = [
                {
                    "type": "tool_use",
                    "id": call["id"],
                    "name": call["function"]["name"],
                    "input": json.loads(_arguments(call["function"]["arguments"])),
                }
                for call in message.get("tool_calls") or ()
            ]
            if said or calls:
                blocks.append({"role": message["role"], "content": [*said, *calls]})
    return "\n".join(system), blocks


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content or () if isinstance(part, dict) and "text" in part)


def _arguments(arguments: Any) -> str:
    """JSON text, whatever was logged."""
    if not isinstance(arguments, str):
        return json.dumps(arguments)
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        value = {"text": arguments}
    return json.dumps(value if isinstance(value, dict) else {"value": value})
