"""A provider that answers in a word, whatever it is sent, and remembers the bytes of the latest request."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

EVENTS, PAUSE = 16, 0.25
"""Events of a stream, and seconds between them."""
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "done"}}],
    "usage": USAGE,
}
SAID = {"type": "output_text", "text": "done", "annotations": []}
RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 0,
    "model": "m",
    "status": "completed",
    "output": [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [SAID]}],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "done"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def build_upstream() -> Starlette:
    """POST anything: an answer in the words of the API that the path belongs to, or a stream; GET /latest: what came last."""
    latest: list[bytes] = [b""]

    async def answer(request: Request) -> Response:
        latest[0] = await request.body()
        if b'"stream":true' in latest[0][-200_000:].replace(b" ", b"") or b'"stream": true' in latest[0][:200]:
            return StreamingResponse(_events(), media_type="text/event-stream")
        path = request.url.path
        reply: dict[str, Any] = (
            MESSAGE if path.endswith("/messages") else RESPONSE if path.endswith("/responses") else CHAT
        )
        return JSONResponse(reply)

    async def tell(request: Request) -> Response:  # noqa: ARG001
        return Response(latest[0])

    return Starlette(routes=[Route("/latest", tell, methods=["GET"]), Route("/{path:path}", answer, methods=["POST"])])


async def _events() -> AsyncIterator[bytes]:
    for _ in range(EVENTS):
        yield b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
        await asyncio.sleep(PAUSE)
    yield b"data: [DONE]\n\n"
