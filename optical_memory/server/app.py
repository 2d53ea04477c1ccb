"""The server as an ASGI application: /v1/chat/completions, /v1/models, /v1/pages."""

import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, to_thread
from pydantic import ValidationError

from optical_memory.adapters import missing
from optical_memory.collector import set_aside
from optical_memory.errors import InvalidHistoryError, OpticalMemoryError
from optical_memory.model import Model
from optical_memory.proxy.binding import TOKEN_HEADER, admits
from optical_memory.server.engine import Engine
from optical_memory.server.prompt import ChatRequest, Picture, Said, read_data_url, read_request, tokens_of
from optical_memory.server.shelf import Shelf, ShelvedPage

try:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route
except ImportError as error:
    raise missing("starlette", "serve") from error


LARGEST_BODY = 8 * 2**20


def build_app(model: Model, max_requests: int, token: str | None = None) -> Starlette:
    """A server of one model that decodes up to `max_requests` answers together; `token` if others can reach it."""
    server = Server(model, max_requests, token)
    routes = [
        Route("/v1/chat/completions", server.chat, methods=["POST"]),
        Route("/v1/models", server.models, methods=["GET"]),
        Route("/v1/pages", server.put_page, methods=["POST"]),
        Route("/v1/pages/{id}", server.drop_page, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, lifespan=server.lifespan)


class Server:
    def __init__(self, model: Model, max_requests: int, token: str | None) -> None:
        self.model = model
        self.engine = Engine(model, max_requests)
        self.shelf = Shelf(model, self.engine.first_page_token)
        self.token = token
        self._encoding = CapacityLimiter(1)  # the decoder has a thread of its own; a third would starve the event loop

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:  # noqa: ARG002
        self.engine.start()
        set_aside()
        try:
            yield
        finally:
            await to_thread.run_sync(self.engine.stop)

    async def chat(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        try:
            asked, parts, question = await to_thread.run_sync(_understood, await _body(request))
            shelved = [part if isinstance(part, Said) else await self._page(part.png, part.id) for part in parts]
            tokens = await to_thread.run_sync(tokens_of, self.model, shelved, question)
        except ValidationError as error:
            first = error.errors()[0]
            return _error(400, f"{'.'.join(str(key) for key in first['loc'])}: {first['msg']}")
        except (OpticalMemoryError, KeyError, TypeError) as error:
            return _error(400, str(error))
        if len(tokens) + asked.num_new_tokens > self.engine.max_positions:
            return _error(
                400,
                f"the context takes {len(tokens)} positions and the answer {asked.num_new_tokens}, "
                f"the model has {self.engine.max_positions}",
                "context_length_exceeded",
            )
        pages = [part for part in shelved if isinstance(part, ShelvedPage)]
        reply = _Reply(self.model.config.name, len(tokens), asked.num_new_tokens)
        answer = self.engine.generate(tokens, pages, asked.num_new_tokens)
        if asked.stream:
            usage = asked.stream_options is not None and asked.stream_options.include_usage
            return StreamingResponse(self._stream(answer, reply, usage), media_type="text/event-stream")
        try:
            async with aclosing(answer):  # type: ignore[type-var]
                made = [token async for token in answer]
        except OpticalMemoryError as error:
            return _error(500, str(error))
        return JSONResponse(reply.whole(self.model.tokenizer.decode(made), len(made)))

    async def _stream(self, answer: AsyncIterator[int], reply: "_Reply", usage: bool) -> AsyncIterator[str]:
        made = 0
        async with aclosing(answer):  # type: ignore[type-var]
            yield reply.event({"role": "assistant", "content": ""})
            async for token in answer:
                made += 1
                yield reply.event({"content": self.model.tokenizer.decode([token])})
        yield reply.event({}, reply.reason(made))
        if usage:
            yield f"data: {json.dumps({**reply.head('chat.completion.chunk'), 'choices': [], 'usage': reply.usage(made)})}\n\n"
        yield "data: [DONE]\n\n"

    async def models(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        model = {"id": self.model.config.name, "object": "model", "created": 0, "owned_by": "optical-memory"}
        return JSONResponse({"object": "list", "data": [model]})

    async def put_page(self, request: Request) -> Response:
        """`{"image": DATA_URL}` -> the page's id, for `{"type": "image_url", "image_url": {"url": "page:ID"}}`."""
        if refused := self._refused(request):
            return refused
        try:
            page = await self._page(await to_thread.run_sync(_picture, await _body(request)), None)
        except (OpticalMemoryError, ValueError, KeyError, TypeError, RecursionError) as error:
            return _error(400, f"expected JSON with a data URL under 'image': {error}")
        told = {"id": page.id, "mode": page.encoded.mode.name, "tokens": page.encoded.sequence_length}
        return JSONResponse(told)

    async def drop_page(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        dropped = self.shelf.drop(request.path_params["id"])
        return Response(status_code=204) if dropped else _error(404, "there is no page of that id")

    async def _page(self, png: bytes | None, identity: str | None) -> ShelvedPage:
        page = self.shelf.get(identity or "") if png is None else await self._put(png)
        if page is None:
            raise InvalidHistoryError(f"there is no page {identity!r}: store it again with POST /v1/pages")
        return page

    async def _put(self, png: bytes) -> ShelvedPage:
        return await to_thread.run_sync(self.shelf.put, png, limiter=self._encoding)

    def _refused(self, request: Request) -> Response | None:
        if admits(self.token, request.headers.get(TOKEN_HEADER)):
            return None
        return _error(401, f"this server wants its token in the header {TOKEN_HEADER}")


async def _body(request: Request) -> bytes:
    """Raises InvalidHistoryError for one that is too large to be read at once without keeping others waiting."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            raise InvalidHistoryError(
                f"a request may have {LARGEST_BODY:,} bytes: store its pages with POST /v1/pages and name them by their ids"
            )
    return b"".join(parts)


def _understood(body: bytes) -> tuple[ChatRequest, list[Said | Picture], str]:
    asked = ChatRequest.model_validate_json(body)
    return asked, *read_request(asked.messages)


def _picture(body: bytes) -> bytes:
    return read_data_url(str(json.loads(body)["image"]))


class _Reply:
    """The envelope of one answer, whole or in events."""

    def __init__(self, model: str, prompt_tokens: int, max_tokens: int) -> None:
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self.created = int(time.time())
        self.model = model
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens

    def head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def reason(self, made: int) -> str:
        return "length" if made >= self.max_tokens else "stop"

    def usage(self, made: int) -> dict[str, int]:
        total = self.prompt_tokens + made
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": made, "total_tokens": total}

    def event(self, delta: dict[str, str], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return f"data: {json.dumps({**self.head('chat.completion.chunk'), 'choices': [choice]})}\n\n"

    def whole(self, text: str, made: int) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": self.reason(made)}
        return {**self.head("chat.completion"), "choices": [choice], "usage": self.usage(made)}


def _error(status: int, message: str, code: str | None = None) -> JSONResponse:
    body = {"message": message, "type": "invalid_request_error" if status < 500 else "server_error", "code": code}
    return JSONResponse({"error": body}, status)
