"""How much the proxy adds before the first byte, with many streams open: `optical-memory evaluate proxy`.

Upstream, proxy and clients are three processes on this machine's loopback; nothing leaves it. The same bodies go straight to
the upstream first and through the proxy then, after it has seen every history once.
"""

import asyncio
import json
import multiprocessing
import random
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from statistics import median, quantiles
from typing import Any

import uvicorn
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from optical_memory.proxy.app import build_app
from optical_memory.view import Views

EVENTS, PAUSE = 16, 0.25
"""Events of a stream, and seconds between them."""
READY_SECONDS = 30.0
RESAMPLES = 1000


class ProxyLoad(BaseModel):
    """Milliseconds before the first byte: straight to the upstream, through the proxy, and what the proxy adds."""

    model_config = ConfigDict(frozen=True)

    streams: int
    requests: int
    histories: int
    pages: int
    body_bytes: int
    direct_median: float
    direct_p95: float
    proxied_median: float
    proxied_p95: float
    added_median: float
    added_interval: tuple[float, float]
    """95 % of the added median, by resampling the requests."""

    def __str__(self) -> str:
        return (
            f"{self.requests} requests, {self.streams} streams open at once, {self.histories} histories of "
            f"{self.body_bytes:,} bytes and {self.pages} pages on average\n"
            f"  first byte, direct   {self.direct_median:6.1f} ms median, {self.direct_p95:6.1f} ms at 95 %\n"
            f"  first byte, proxied  {self.proxied_median:6.1f} ms median, {self.proxied_p95:6.1f} ms at 95 %\n"
            f"  added at the median  {self.added_median:6.1f} ms ({self.added_interval[0]:.1f} to {self.added_interval[1]:.1f})"
        )


def measure(histories: Sequence[Sequence[Mapping[str, Any]]], streams: int = 200, rounds: int = 3) -> ProxyLoad:
    """`rounds` streams one after the other on each of `streams` connections, begun evenly over the length of a stream."""
    bodies = [
        json.dumps({"model": "gpt-5", "stream": True, "messages": list(history)}).encode() for history in histories
    ]
    views = Views(trust_cell=8)
    pages = [views.view(list(history), "gpt-5", "openai").report.num_pages for history in histories]
    context = multiprocessing.get_context("spawn")
    ports = [_free_port(), _free_port()]
    processes = [
        context.Process(target=_run_upstream, args=(ports[0],), daemon=True),
        context.Process(target=_run_proxy, args=(ports[1], ports[0]), daemon=True),
    ]
    for process in processes:
        process.start()
    try:
        for port in ports:
            _wait_for(port)
        for body in bodies:
            asyncio.run(_first_byte(ports[1], body, stay=False))
        direct = asyncio.run(_load(ports[0], bodies, streams, rounds))
        proxied = asyncio.run(_load(ports[1], bodies, streams, rounds))
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return ProxyLoad(
        streams=streams,
        requests=streams * rounds,
        histories=len(bodies),
        pages=round(sum(pages) / len(pages)),
        body_bytes=round(sum(map(len, bodies)) / len(bodies)),
        direct_median=median(direct),
        direct_p95=quantiles(direct, n=20)[-1],
        proxied_median=median(proxied),
        proxied_p95=quantiles(proxied, n=20)[-1],
        added_median=median(proxied) - median(direct),
        added_interval=_interval(direct, proxied),
    )


def _interval(direct: Sequence[float], proxied: Sequence[float]) -> tuple[float, float]:
    chance = random.Random(0)
    added = sorted(
        median(chance.choices(proxied, k=len(proxied))) - median(chance.choices(direct, k=len(direct)))
        for _ in range(RESAMPLES)
    )
    return added[int(0.025 * RESAMPLES)], added[int(0.975 * RESAMPLES)]


async def _load(port: int, bodies: Sequence[bytes], streams: int, rounds: int) -> list[float]:
    """Milliseconds to the first byte of every stream."""
    length = EVENTS * PAUSE

    async def one(number: int) -> list[float]:
        await asyncio.sleep(length * number / streams)
        return [await _first_byte(port, bodies[(number + turn) % len(bodies)], stay=True) for turn in range(rounds)]

    return [value for values in await asyncio.gather(*map(one, range(streams))) for value in values]


async def _first_byte(port: int, body: bytes, stay: bool) -> float:
    """Milliseconds from the request's first byte to the body's first; `stay` reads the stream to its end."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(1)
    took = 1000 * (time.perf_counter() - began)
    while stay and await reader.read(65536):
        pass
    writer.close()
    return took


def _run_upstream(port: int) -> None:
    async def answer(request: Request) -> StreamingResponse:
        await request.body()
        return StreamingResponse(_events(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", access_log=False)


async def _events() -> AsyncIterator[bytes]:
    for _ in range(EVENTS):
        yield b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
        await asyncio.sleep(PAUSE)
    yield b"data: [DONE]\n\n"


def _run_proxy(port: int, upstream: int) -> None:
    app = build_app(f"http://127.0.0.1:{upstream}", Views(trust_cell=8))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", access_log=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
