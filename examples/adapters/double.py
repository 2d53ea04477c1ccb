"""A stand-in for a hosted API, so that the examples run offline: it answers with how many pictures it was shown."""

import json
from pathlib import Path
from typing import Any

import httpx2

HISTORY: list[dict[str, Any]] = json.loads(
    Path(__file__).parent.with_name("conversation.json").read_text(encoding="utf-8")
)["messages"]
"""A team and an assistant with tools, 149 messages in OpenAI's chat shape."""


def num_pictures(value: Any) -> int:
    if isinstance(value, dict):
        own = value.get("type") in ("image", "image_url", "input_image")
        return own + sum(num_pictures(item) for item in value.values())
    return sum(num_pictures(item) for item in value) if isinstance(value, list) else 0


def answer(request: httpx2.Request) -> httpx2.Response:
    """OpenAI's chat and Anthropic's messages."""
    text = f"I was shown {num_pictures(json.loads(request.content))} pages."
    if request.url.path.endswith("/messages"):
        block = {"type": "text", "text": text}
        usage = {"input_tokens": 0, "output_tokens": 0}
        reply = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [block], "usage": usage}
        return httpx2.Response(200, json=reply)
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return httpx2.Response(
        200, json={"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    )


def transport() -> httpx2.MockTransport:
    return httpx2.MockTransport(answer)
