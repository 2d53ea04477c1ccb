"""How much the proxy adds before the first byte, with many streams open, and how long its event loop ever kept them waiting:
`optical-memory evaluate proxy`.

Upstream, proxy and clients are processes of their own on this machine's loopback; nothing leaves it. The same bodies go straight
to the upstream first and through the proxy then, after it has seen every history once.
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette

from optical_memory.evaluation.lag import Lag
from optical_memory.proxy.app import build_app
from optical_memory.trials.processes import Running, running
from optical_memory.trials.upstream import EVENTS, PAUSE, build_upstream
from optical_memory.view import Views

RESAMPLES = 1000
PICTURE_BYTES, NUM_MESSAGES = 30_000_000, 10_000
"""Of the two bodies that nobody should send: so many bytes of pictures, so many messages."""


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
    lags: Mapping[str, Lag]
    """How late the proxy's event loop woke a task, by what it was doing; `upstream` is the same of a loop that only streams."""

    def __str__(self) -> str:
        return (
            f"{self.requests} requests, {self.streams} streams open at once, {self.histories} histories of "
            f"{self.body_bytes:,} bytes and {self.pages} pages on average\n"
            f"  first byte, direct   {self.direct_median:6.1f} ms median, {self.direct_p95:6.1f} ms at 95 %\n"
            f"  first byte, proxied  {self.proxied_median:6.1f} ms median, {self.proxied_p95:6.1f} ms at 95 %\n"
            f"  added at the median  {self.added_median:6.1f} ms ({self.added_interval[0]:.1f} to {self.added_interval[1]:.1f})\n"
            "  event loop, late by\n" + "\n".join(f"    {name:<28} {lag}" for name, lag in self.lags.items())
        )


def measure(histories: Sequence[Sequence[Mapping[str, Any]]], streams: int = 200, rounds: int = 3) -> ProxyLoad:
    """`rounds` streams one after the other on each of `streams` connections, begun evenly over the length of a stream."""
    bodies = [_body(list(history)) for history in histories]
    views = Views(trust_cell=8)
    pages = [views.view(list(history), "gpt-5", "openai").report.num_pages for history in histories]
    with running(build_upstream) as upstream, running(_build_proxy, upstream.url) as proxy:
        lags = {"histories never seen": _lag_of(proxy, bodies)}
        for body in bodies[:1] * 4:  # where several processes draw, each has begun by now
            asyncio.run(_first_byte(proxy.port, body, stay=False))
        upstream.forget_lag()
        direct = asyncio.run(_load(upstream.port, bodies, streams, rounds))
        lags["upstream, as many streams"] = upstream.lag()
        proxy.forget_lag()
        proxied = asyncio.run(_load(proxy.port, bodies, streams, rounds))
        lags[f"{streams} streams, histories seen"] = proxy.lag()
        lags[f"{NUM_MESSAGES:,} messages"] = _lag_of(proxy, [_body(_many_messages())])
        lags[f"{PICTURE_BYTES:,} bytes of pictures"] = _lag_of(proxy, [_body(_large_picture())])
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
        lags=lags,
    )


def _build_proxy(upstream: str) -> Starlette:
    return build_app(upstream, Views(trust_cell=8))


def _lag_of(proxy: Running, bodies: Sequence[bytes]) -> Lag:
    """Of the proxy's loop while these bodies pass one after the other."""
    proxy.forget_lag()
    for body in bodies:
        asyncio.run(_first_byte(proxy.port, body, stay=False))
    return proxy.lag()


def _body(messages: list[Any]) -> bytes:
    return json.dumps({"model": "gpt-5", "stream": True, "messages": messages}).encode()


def _many_messages() -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[n % 2], "content": f"message {n} of many"} for n in range(NUM_MESSAGES + 1)]


def _large_picture() -> list[dict[str, Any]]:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * PICTURE_BYTES}}
    return [{"role": "user", "content": [picture, {"type": "text", "text": "What is this?"}]}]


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
