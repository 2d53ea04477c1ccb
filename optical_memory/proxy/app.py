"""The proxy as an ASGI application: bodies rewritten on the way up, bytes passed through on the way down.

Nothing is logged. Headers are handed on and never kept: of the key, only a hash that no other process can make names a scope.
"""

import hashlib
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from optical_memory.adapters import missing
from optical_memory.collector import set_aside
from optical_memory.proxy.binding import TOKEN_HEADER, admits
from optical_memory.proxy.rewrite import holds_history, told
from optical_memory.proxy.upstream import check_upstream
from optical_memory.proxy.workers import Rewriters
from optical_memory.view import Views

try:
    import httpx2
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route
except ImportError as error:
    raise missing("starlette and httpx2", "proxy") from error

HEADER = "x-optical-memory"
RECALL_PATH = "/optical-memory/recall"
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
FRAMING = (b"host", b"content-length", b"transfer-encoding")
KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
CONNECT_SECONDS = 10.0
LARGEST_BODY = 8 * 2**20
"""Bytes; a larger body, which no text alone fills, is handed on piece by piece as it comes."""


def build_app(
    upstream: str, views: Views, token: str | None = None, transport: httpx2.AsyncBaseTransport | None = None
) -> Starlette:
    """`upstream`: the provider's base URL without the version ("https://api.openai.com"); `token` if others can reach us.

    Of `views` only the options count: pages are drawn in processes of their own, with caches of their own. Raises
    OpticalMemoryError for an upstream that no request could reach.
    """
    forwarder = Forwarder(upstream, views, token, transport)
    routes = [
        Route(RECALL_PATH, forwarder.recall, methods=["POST"]),
        Route("/{path:path}", forwarder.forward, methods=METHODS),
    ]
    return Starlette(routes=routes, lifespan=forwarder.lifespan)


class Forwarder:
    """Hands requests on. One client for all of them; no limit on connections, no time-out once connected: both are upstream's."""

    def __init__(
        self, upstream: str, views: Views, token: str | None, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        check_upstream(upstream)
        self.upstream = upstream.rstrip("/")
        self.rewriters = Rewriters(views.options)
        self.token = token
        self.transport = transport
        self._salt = os.urandom(16)
        self._client: httpx2.AsyncClient | None = None

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:  # noqa: ARG002
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # at INFO it tells whole URLs, and Gemini's hold keys
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=256)
        timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
        self.rewriters.begin()
        set_aside()
        try:
            async with httpx2.AsyncClient(
                limits=limits, timeout=timeout, follow_redirects=False, trust_env=False, transport=self.transport
            ) as self._client:
                yield
        finally:
            self.rewriters.end()

    async def forward(self, request: Request) -> Response:
        if not admits(self.token, request.headers.get(TOKEN_HEADER)):
            return _error(401, f"this proxy wants its token in the header {TOKEN_HEADER}")
        try:
            body = await _up_to(LARGEST_BODY, request.stream())
            extra: dict[str, str] = {}
            if request.method == "POST" and body and holds_history(request.url.path):
                if isinstance(body, bytes):
                    rewritten = await self.rewriters.rewrite(request.url.path, body, self._scope(request))
                    if rewritten is not None:
                        body, extra = rewritten.body, {HEADER: rewritten.told}
                else:
                    extra = {HEADER: told(None, f"a body of more than {LARGEST_BODY:,} bytes goes on as it comes")}
            return await self._send(request, body, extra)
        except ClientDisconnect:
            return Response(status_code=499)

    async def _send(self, request: Request, body: bytes | AsyncIterator[bytes], extra: dict[str, str]) -> Response:
        assert self._client is not None
        path = request.scope.get("raw_path", request.url.path.encode()).decode(
            "latin-1"
        )  # with its escapes as they came
        url = self.upstream + path + (f"?{request.url.query}" if request.url.query else "")
        sent = self._client.build_request(request.method, url, content=body or None)
        framing = [(name, value) for name, value in sent.headers.raw if name.lower() in FRAMING]
        length = request.headers.get("content-length")
        if not isinstance(body, bytes) and length is not None:
            framing = [(b"host", sent.headers["host"].encode()), (b"content-length", length.encode())]
        dropped = {"host", "content-length", TOKEN_HEADER, *HOP_BY_HOP}
        headers = [(name, value) for name, value in request.headers.raw if name.decode("latin-1") not in dropped]
        sent.headers = httpx2.Headers([*headers, *framing])
        try:
            reply = await self._client.send(sent, stream=True)
        except httpx2.TimeoutException:
            return _error(504, "the upstream did not answer in time", extra)
        except httpx2.TransportError as error:
            return _error(502, f"the upstream could not be reached: {type(error).__name__}", extra)
        response = StreamingResponse(_bytes_of(reply), status_code=reply.status_code)
        kept = [(name.lower(), value) for name, value in reply.headers.raw if name.lower().decode() not in HOP_BY_HOP]
        response.raw_headers = [*kept, *((name.encode(), value.encode("latin-1")) for name, value in extra.items())]
        return response

    async def recall(self, request: Request) -> Response:
        """`{"query": ..., "messages": [...], "model": ..., "shape": ...}` -> `{"text": ...}`: the tool `recall_memory`."""
        if not admits(self.token, request.headers.get(TOKEN_HEADER)):
            return _error(401, f"this proxy wants its token in the header {TOKEN_HEADER}")
        body = await _up_to(LARGEST_BODY, request.stream())
        if not isinstance(body, bytes):
            return _error(413, f"a history to recall from may have {LARGEST_BODY:,} bytes")
        text = await self.rewriters.recall(body)
        if text is None:
            return _error(400, 'expected JSON with "query" and "messages"')
        return JSONResponse({"text": text})

    def _scope(self, request: Request) -> str:
        """A name for whoever sent the request, from its key: tenants never share a drawing."""
        keys = "\0".join(request.headers.get(name, "") for name in KEYS)
        return hashlib.blake2b(keys.encode(), key=self._salt, digest_size=16).hexdigest()


async def _up_to(limit: int, parts: AsyncIterator[bytes]) -> bytes | AsyncIterator[bytes]:
    """The whole of a body; of one that is longer, its parts as they came and as they come."""
    held, size = [], 0
    async for part in parts:
        held.append(part)
        size += len(part)
        if size > limit:
            return _and_the_rest(held, parts)
    return b"".join(held)


async def _and_the_rest(held: list[bytes], parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for part in held:
        yield part
    async for part in parts:
        yield part


async def _bytes_of(reply: httpx2.Response) -> AsyncIterator[bytes]:
    """The upstream's bytes as they come, still encoded. If it dies midway so does our stream: nobody is told that it ended."""
    try:
        async for part in reply.aiter_raw():
            yield part
    finally:
        with anyio.CancelScope(shield=True):
            await reply.aclose()


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"type": "optical_memory_proxy", "message": message}}, status, headers)
