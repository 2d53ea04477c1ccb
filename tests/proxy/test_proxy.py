"""The proxy over real sockets: bytes, headers, failures, hang-ups, and the real clients through it."""

import asyncio
import gzip
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from openai import OpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from optical_memory.errors import OpticalMemoryError
from optical_memory.proxy.app import LARGEST_BODY, Forwarder, build_app
from optical_memory.proxy.binding import check_binding
from optical_memory.proxy.rewrite import rewrite
from optical_memory.proxy.workers import Rewriters
from optical_memory.readers import Limits, reader_named
from optical_memory.view import Views
from tests.adapters.double import ANTHROPIC_REPLY, ANTHROPIC_STREAM, CHAT_REPLY, CHAT_STREAM, num_pictures
from tests.memory.fake import conversation
from tests.proxy.live import raw_server, serving

HISTORY = [*conversation(24), {"role": "user", "content": "and now?"}]
KEY = "key-that-nobody-may-see"


class Upstream:
    """A provider that remembers bodies and headers; `hung_up` is set when a client left a stream that never ends."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.hung_up = threading.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "DELETE"])])

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        path = request.url.path
        if path == "/v1/broken":
            return JSONResponse({"error": {"message": "no", "type": "x"}}, 429, {"retry-after": "7", "x-own": "1"})
        if path == "/v1/packed":
            return Response(gzip.compress(b"packed " * 99, mtime=0), headers={"content-encoding": "gzip"})
        if path == "/v1/a/b c":
            return Response(request.scope["raw_path"])
        if path == "/v1/endless":
            return StreamingResponse(self.endless())
        anthropic = path.startswith("/v1/messages")
        if b'"stream":true' in body.replace(b" ", b""):
            stream = ANTHROPIC_STREAM if anthropic else CHAT_STREAM
            return StreamingResponse(pieces(stream), media_type="text/event-stream")
        return JSONResponse(ANTHROPIC_REPLY if anthropic else CHAT_REPLY)

    async def endless(self) -> Any:
        import anyio

        try:
            while True:
                yield b"data: x\n\n"
                await anyio.sleep(0.01)
        finally:
            self.hung_up.set()


async def pieces(stream: bytes) -> Any:
    for start in range(0, len(stream), 7):
        yield stream[start : start + 7]


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def proxy(upstream: Upstream) -> Iterator[str]:
    with serving(upstream.app) as url, serving(build_app(url, Views(trust_cell=8))) as proxied:
        yield proxied


def chat(model: str = "gpt-5", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HISTORY, **more}


def test_chat_gets_pages_and_the_header_says_what_was_saved(proxy: str, upstream: Upstream) -> None:
    reply = httpx2.post(f"{proxy}/v1/chat/completions", json=chat(temperature=0.5), headers={"authorization": KEY})
    assert reply.json() == CHAT_REPLY
    sent = json.loads(upstream.bodies[-1])
    assert num_pictures(sent) > 0 and sent["temperature"] == 0.5 and sent["messages"][-4:] == HISTORY[-4:]
    told = dict(part.split("=") for part in reply.headers["x-optical-memory"].split("; "))
    assert int(told["before"]) - int(told["after"]) == int(told["saved"]) > 0
    assert int(told["pages"]) == num_pictures(sent)
    assert upstream.headers[-1]["authorization"] == KEY


def test_streams_come_byte_for_byte(proxy: str) -> None:
    for path, model, expected in (
        ("chat/completions", "gpt-5", CHAT_STREAM),
        ("messages", "claude-haiku-4-5", ANTHROPIC_STREAM),
    ):
        reply = httpx2.post(f"{proxy}/v1/{path}", json=chat(model, stream=True))
        assert reply.content == expected
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert "saved=" in reply.headers["x-optical-memory"]


def test_the_real_clients_run_through_it(proxy: str, upstream: Upstream) -> None:
    openai = OpenAI(api_key=KEY, base_url=f"{proxy}/v1")
    chunks = openai.chat.completions.create(model="gpt-5", messages=HISTORY, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "done"
    assert num_pictures(json.loads(upstream.bodies[-1])) > 0
    anthropic = Anthropic(api_key=KEY, base_url=proxy)
    reply = anthropic.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=HISTORY)
    assert reply.content[0].text == "done"
    assert num_pictures(json.loads(upstream.bodies[-1])) > 0


@pytest.mark.parametrize("body", [b"{not json", b"", b"[]", b'{"messages": "hello"}', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_history_goes_on_as_it_came(proxy: str, upstream: Upstream, body: bytes) -> None:
    reply = httpx2.post(f"{proxy}/v1/chat/completions", content=body)
    assert reply.status_code == 200 and upstream.bodies[-1] == body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (chat("brand-new"), "unknown"),
        (chat("gpt-4o-mini"), "8,500"),
        ({"model": "gpt-5", "messages": [{"role": "wizard", "content": "x"}]}, "failed open, InvalidHistoryError"),
        ({"model": "gpt-5", "messages": [{"role": "user", "content": [{"type": "hologram", "x": 1}]}]}, "newest"),
    ],
)
def test_what_is_not_drawn_is_sent_byte_for_byte_with_the_reason(
    proxy: str, upstream: Upstream, body: dict[str, Any], reason: str
) -> None:
    content = json.dumps(body, indent=3).encode()
    reply = httpx2.post(f"{proxy}/v1/chat/completions", content=content)
    assert upstream.bodies[-1] == content
    assert reason in reply.headers["x-optical-memory"] and "saved=0" in reply.headers["x-optical-memory"]


def test_packed_bytes_stay_packed_and_escapes_stay_escapes(proxy: str) -> None:
    with httpx2.stream("GET", f"{proxy}/v1/packed") as reply:
        assert b"".join(reply.iter_raw()) == gzip.compress(b"packed " * 99, mtime=0)
        assert reply.headers["content-encoding"] == "gzip"
    assert httpx2.get(f"{proxy}/v1/a%2Fb%20c").content == b"/v1/a%2Fb%20c"


def test_errors_of_the_upstream_are_handed_on(proxy: str) -> None:
    reply = httpx2.post(f"{proxy}/v1/broken", json={})
    assert (reply.status_code, reply.headers["retry-after"], reply.headers["x-own"]) == (429, "7", "1")
    assert reply.json() == {"error": {"message": "no", "type": "x"}}


def test_thirty_megabytes_of_pictures_pass_as_they_come(proxy: str, upstream: Upstream) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 30_000_000}}
    body = chat()
    body["messages"] = [*HISTORY[:-1], {"role": "user", "content": [{"type": "text", "text": "?"}, picture]}]
    content = json.dumps(body).encode()

    def pieces() -> Iterator[bytes]:
        yield from (content[start : start + 2**20] for start in range(0, len(content), 2**20))

    for sent in (content, pieces()):  # with its length told, and without
        reply = httpx2.post(f"{proxy}/v1/chat/completions", content=sent, timeout=60)
        assert upstream.bodies[-1] == content and reply.json() == CHAT_REPLY
        assert "goes on as it comes" in reply.headers["x-optical-memory"]
    upstream.bodies.clear()


def test_pictures_that_fill_a_request_leave_pages_no_room() -> None:
    reader = reader_named("gpt-5").trusted(8).model_copy(update={"limits": Limits(request_bytes=LARGEST_BODY // 2)})
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (LARGEST_BODY // 2)}}
    messages = [*HISTORY[:-1], {"role": "user", "content": [{"type": "text", "text": "?"}, picture]}]
    content = json.dumps({"model": "gpt-5", "messages": messages}).encode()
    rewritten = rewrite("/v1/chat/completions", content, Views(reader), "")
    assert rewritten is not None and rewritten.body == content and "bytes" in rewritten.told


def test_an_upstream_that_dies_midway_is_not_made_to_look_whole() -> None:
    def half_an_event(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        connection.sendall(b'10\r\ndata: {"choices"\r\n')

    with raw_server(half_an_event) as url, serving(build_app(url, Views())) as proxied:
        got = b""
        with (
            pytest.raises(httpx2.RemoteProtocolError),
            httpx2.stream("POST", f"{proxied}/v1/chat/completions", json={}) as r,
        ):
            for part in r.iter_raw():
                got += part
        assert got == b'data: {"choices"'


def test_an_upstream_that_is_not_there_is_a_502() -> None:
    with serving(build_app("http://127.0.0.1:9", Views())) as proxied:
        reply = httpx2.get(f"{proxied}/v1/models")
        assert reply.status_code == 502 and "could not be reached" in reply.json()["error"]["message"]


def test_a_client_that_hangs_up_is_hung_up_on_upstream(proxy: str, upstream: Upstream) -> None:
    with httpx2.stream("POST", f"{proxy}/v1/endless", json={}) as reply:
        next(reply.iter_raw())
    assert upstream.hung_up.wait(5)


@pytest.mark.parametrize("length", [100_000, 30_000_000])
def test_a_client_that_hangs_up_while_it_sends_harms_nobody(proxy: str, upstream: Upstream, length: int) -> None:
    upstream.bodies.clear()
    with socket.create_connection(("127.0.0.1", int(proxy.rsplit(":", 1)[1]))) as raw:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"
        raw.sendall(head.encode() + b"x" * (length // 2))
    reply = httpx2.post(f"{proxy}/v1/chat/completions", json=chat())
    assert reply.json() == CHAT_REPLY and len(upstream.bodies) == 1


def test_ten_thousand_messages_pass_within_the_picture_limit(proxy: str, upstream: Upstream) -> None:
    history = [
        {"role": ("user", "assistant")[n % 2], "content": f"message {n}: nothing new here"} for n in range(10_001)
    ]
    reply = httpx2.post(f"{proxy}/v1/chat/completions", json={"model": "gpt-5", "messages": history}, timeout=60)
    assert reply.status_code == 200
    assert 0 < num_pictures(json.loads(upstream.bodies[-1])) <= 500


def test_nothing_is_logged_at_all(proxy: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    httpx2.post(f"{proxy}/v1/chat/completions", json=chat(), headers={"authorization": f"Bearer {KEY}"})
    httpx2.post(f"{proxy}/v1/chat/completions", content=b"{", headers={"x-api-key": KEY})
    with socket.create_connection(("127.0.0.1", int(proxy.rsplit(":", 1)[1]))) as raw:  # Gemini's keys stand in the URL
        raw.sendall(f"GET /v1beta/models?key={KEY} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 200")
    assert KEY not in caplog.text and HISTORY[0]["content"] not in caplog.text


def test_recall_over_the_wire(proxy: str) -> None:
    history = [*HISTORY[:3], {"role": "user", "content": "the vault opens with 7f3a-99c1-d2"}, *HISTORY[3:]]
    body = {"query": "vault", "messages": history, "model": "gpt-5"}
    assert "7f3a-99c1-d2" in httpx2.post(f"{proxy}/optical-memory/recall", json=body).json()["text"]
    for wrong in (b'{"query": 1}', b"{", b"[1]", b'{"query": "a", "messages": 5}'):
        assert httpx2.post(f"{proxy}/optical-memory/recall", content=wrong).status_code == 400
    assert httpx2.post(f"{proxy}/optical-memory/recall", content=b"x" * (LARGEST_BODY + 1)).status_code == 413


def test_a_token_keeps_others_out_and_is_not_handed_on(upstream: Upstream) -> None:
    token = "t" * 20
    with serving(upstream.app) as url, serving(build_app(url, Views(), token)) as proxied:
        assert httpx2.get(f"{proxied}/v1/models").status_code == 401
        assert httpx2.get(f"{proxied}/v1/models", headers={"x-optical-memory-token": "wrong"}).status_code == 401
        assert httpx2.get(f"{proxied}/v1/models", headers={"x-optical-memory-token": token}).status_code == 200
        assert "x-optical-memory-token" not in upstream.headers[-1]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_it_listens_elsewhere_only_with_a_token(host: str) -> None:
    with pytest.raises(OpticalMemoryError, match="token"):
        check_binding(host, None)
    with pytest.raises(OpticalMemoryError, match="16 characters"):
        check_binding(host, "short")
    check_binding(host, "t" * 16)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_listens_at_home_without_one(host: str) -> None:
    check_binding(host, None)


def test_tenants_share_no_drawing() -> None:
    views = Views(trust_cell=8)
    drawn = []
    for scope in ("a", "b", "a"):
        assert rewrite("/v1/chat/completions", json.dumps(chat()).encode(), views, scope) is not None
        drawn.append(len(views._drawings._pages))
    assert drawn[1] == 2 * drawn[0] == drawn[2]


def test_keys_name_scopes_that_only_this_process_can_make() -> None:
    def scope(forwarder: Forwarder, key: str) -> str:
        return forwarder._scope(Request({"type": "http", "headers": [(b"authorization", key.encode())]}))

    one, other = (Forwarder("http://x", Views(), None) for _ in "ab")
    assert scope(one, "a") == scope(one, "a") != scope(one, "b")
    assert scope(one, "a") != scope(other, "a")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks the process up in /proc")
def test_a_drawing_process_ends_with_a_server_that_was_killed() -> None:
    code = (
        "import os, signal\n"
        "from optical_memory.proxy.workers import Rewriters\n"
        "from optical_memory.view import Views\n"
        "if __name__ == '__main__':\n"
        "    pool = Rewriters(Views().options, 1)\n"
        "    pool.begin()\n"
        "    print(*pool._pool._processes, flush=True)\n"
        "    pool._running().submit(len, 'x').result()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    worker = int(done.stdout)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}/cmdline").exists() and Path(f"/proc/{worker}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_drawing_process_that_dies_takes_no_request_with_it() -> None:
    async def run() -> list[str]:
        rewriters = Rewriters(Views(trust_cell=8).options, 1)
        body = json.dumps(chat()).encode()
        first = await rewriters.rewrite("/v1/chat/completions", body, "")
        assert rewriters._pool is not None
        for process in rewriters._pool._processes.values():
            process.kill()
        while (second := await rewriters.rewrite("/v1/chat/completions", body, "")) == first:
            await asyncio.sleep(0.01)
        third = await rewriters.rewrite("/v1/chat/completions", body, "")
        rewriters.end()
        assert first is not None and second is not None and second.body == body and third == first
        return [first.told, second.told]

    told = asyncio.run(run())
    assert "pages=0" not in told[0] and told[1] == "saved=0; pages=0; reason=failed open, the drawing process died"
