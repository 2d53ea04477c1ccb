"""A hosted API that is not there: it remembers what it got and answers in the provider's own words."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

CHAT_REPLY = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "done"}}],
}
CHAT_STREAM = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":'
    b'{"role":"assistant","content":"do"},"finish_reason":null}]}\n\n'
    b'data: {"id":"c","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":'
    b'{"content":"ne"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
RESPONSES_REPLY = {
    "id": "r",
    "object": "response",
    "created_at": 0,
    "model": "m",
    "output": [
        {
            "type": "message",
            "id": "msg",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "done", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
ANTHROPIC_REPLY = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "done"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ANTHROPIC_STREAM = "".join(
    f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
    for event in (
        {"type": "message_start", "message": {**ANTHROPIC_REPLY, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "done"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    )
).encode()


@dataclass
class Api:
    """`bodies` is every request's JSON, `failures` how many requests to turn away before the first answer."""

    bodies: list[Any] = field(default_factory=list)
    failures: int = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        if len(self.bodies) <= self.failures:
            return httpx2.Response(500, json={"error": {"message": "try again"}}, headers={"retry-after-ms": "1"})
        path = request.url.path
        if path.endswith("/count_tokens"):
            return httpx2.Response(200, json={"input_tokens": 7})
        plain, stream = (
            (CHAT_REPLY, CHAT_STREAM)
            if path.endswith("/chat/completions")
            else (RESPONSES_REPLY, b"")
            if path.endswith("/responses")
            else (ANTHROPIC_REPLY, ANTHROPIC_STREAM)
        )
        if body.get("stream"):
            return httpx2.Response(200, content=stream, headers={"content-type": "text/event-stream"})
        return httpx2.Response(200, json=plain)

    @property
    def client(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self))

    @property
    def async_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self))


def num_pictures(value: Any) -> int:
    """Pictures anywhere in a request's body, whatever its shape."""
    if isinstance(value, dict):
        own = value.get("type") in ("image", "image_url", "input_image")
        return own + sum(num_pictures(item) for item in value.values())
    return sum(num_pictures(item) for item in value) if isinstance(value, list) else 0
