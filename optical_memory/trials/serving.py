"""How long the server's event loop keeps others waiting while many streams over pages are answered."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx2

from optical_memory.evaluation.lag import Lag
from optical_memory.memory.turn import Turn
from optical_memory.trials.processes import running
from optical_memory.view.drawing import Drawings

STREAMS, ROUNDS, PAGES = 8, 3, 3
NEW_TOKENS = 64


def server_lags() -> Mapping[str, Lag]:
    """Of the bundled model's server, on the CPU: pages it never saw, then streams over pages that are there."""
    with running(_build_server) as server:
        asyncio.run(_stream(server.url, 0, 1))  # the first request compiles what there is to compile
        server.forget_lag()
        asyncio.run(_all(server.url, STREAMS))
        fresh = server.lag()
        server.forget_lag()
        for _ in range(ROUNDS):
            asyncio.run(_all(server.url, STREAMS))
        return {f"server, {STREAMS} streams, new pages": fresh, f"server, {STREAMS} streams, pages seen": server.lag()}


def _build_server() -> Any:
    from optical_memory.loading import load_model
    from optical_memory.server.app import build_app

    return build_app(load_model("default", "cpu"), STREAMS)


async def _all(url: str, streams: int) -> None:
    await asyncio.gather(*(_stream(url, number, PAGES) for number in range(1, streams + 1)))


async def _stream(url: str, number: int, pages: int) -> None:
    """One answer, streamed to its end, over pages that no other stream has."""
    turns = [Turn("user", f"page {page} of stream {number}: " + "words upon words " * 230) for page in range(pages)]
    drawn = [Drawings().pages([turn], 0, 512)[0].picture.data_url for turn in turns]
    content = [{"type": "image_url", "image_url": {"url": one}} for one in drawn]
    messages = [{"role": "user", "content": [*content, {"type": "text", "text": f"What is number {number}?"}]}]
    body = {"model": "default", "messages": messages, "max_tokens": NEW_TOKENS, "stream": True}
    async with (
        httpx2.AsyncClient(timeout=None, trust_env=False) as client,
        client.stream("POST", f"{url}/v1/chat/completions", content=json.dumps(body).encode()) as reply,
    ):
        async for _ in reply.aiter_raw():
            pass
