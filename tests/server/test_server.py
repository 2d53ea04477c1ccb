"""The whole loop offline: the real `openai` client, the proxy, pages, our bundled model, and an answer."""

import base64
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import numpy as np
import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletion
from PIL import Image

from optical_memory.errors import UnreadableTextError
from optical_memory.language.generate import generate
from optical_memory.loading import load_model
from optical_memory.memory.turn import Turn
from optical_memory.model import Model
from optical_memory.proxy.app import build_app as build_proxy
from optical_memory.server.app import build_app
from optical_memory.server.prompt import Said, tokens_of
from optical_memory.server.shelf import Shelf
from optical_memory.splice import splice
from optical_memory.view import Views
from optical_memory.view.drawing import Drawings
from tests.memory.fake import prose
from tests.proxy.live import serving

QUESTION = "What did we choose?"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A model of its own: the engine gives its decoder another attention."""
    with serving(build_app(load_model("default", "cpu"), 8)) as url:
        yield url


def client(url: str) -> OpenAI:
    return OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0, timeout=120)


def page_url(seed: int, side: int = 512) -> str:
    return Drawings().pages([Turn("user", prose(3900, seed))], 0, side)[0].picture.data_url


def asked(*urls: str, question: str = QUESTION) -> list[dict[str, Any]]:
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"role": "user", "content": [*pictures, {"type": "text", "text": question}]}]


def reply_to(url: str, messages: list[dict[str, Any]], tokens: int = 12) -> ChatCompletion:
    with client(url) as openai:
        return openai.chat.completions.create(model="default", messages=messages, max_tokens=tokens)  # type: ignore[arg-type]


def answer(url: str, messages: list[dict[str, Any]], tokens: int = 12) -> str:
    return reply_to(url, messages, tokens).choices[0].message.content or ""


def test_the_loop_of_client_proxy_pages_reader_answer(server: str) -> None:
    history = [{"role": ("user", "assistant")[n % 2], "content": prose(1500 if n < 10 else 40, n)} for n in range(14)]
    history.append({"role": "user", "content": QUESTION})
    pages = len(Views("optical-memory").view(history).pages)
    with serving(build_proxy(server, Views("optical-memory"))) as proxy, client(proxy) as openai:
        raw = openai.chat.completions.with_raw_response.create(
            model="default",
            messages=history,
            max_tokens=8,  # type: ignore[arg-type]
        )
    assert pages >= 2 and f"pages={pages};" in raw.headers["x-optical-memory"]
    reply = raw.parse()
    assert reply.usage is not None and reply.choices[0].message.content is not None
    assert 73 * pages < reply.usage.prompt_tokens < sum(len(m["content"]) for m in history)


def test_an_answer_is_what_the_decoder_says_alone(server: str, bundled_model: Model) -> None:
    """Against plain generation over spliced embeddings, from a model that no engine has touched."""
    told, question = "Look at this. The port of the server is 5432.", "What is the port of the server?"
    url = page_url(3)
    shelf = Shelf(bundled_model, 10_000)
    page = shelf.put(base64.b64decode(url.split(",")[1]))
    tokens = tokens_of(bundled_model, [Said("user", told), page], question)
    image = bundled_model.decoder_config.image_token
    plain = [image if token in page.tokens else token for token in tokens]
    embedded = splice(plain, [bundled_model.page_rows(page.encoded)], image, bundled_model.answering.model.embed_tokens)
    expected = bundled_model.tokenizer.decode(generate(bundled_model.answering, embedded, 12))
    messages = [{"role": "user", "content": told}, *asked(url, question=question)]
    assert answer(server, messages) == expected not in ("", "not found")


def test_many_at_once_get_what_each_gets_alone(server: str) -> None:
    told = [{"role": "user", "content": f"The port of the server is {1000 + n}."} for n in range(8)]
    requests = [
        [fact, *asked(page_url(n % 3), question="What is the port of the server?")] for n, fact in enumerate(told)
    ]
    alone = [answer(server, messages) for messages in requests]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda messages: answer(server, messages), requests))
    assert together == alone and len(set(alone)) > 1


def test_a_stored_page_stands_for_its_picture(server: str) -> None:
    url = page_url(5)
    stored = httpx2.post(f"{server}/v1/pages", json={"image": url}).json()
    assert (stored["mode"], stored["tokens"]) == ("Tiny", 73)
    replies = [reply_to(server, asked(one)) for one in (f"page:{stored['id']}", url)]
    assert replies[0].usage == replies[1].usage and replies[0].choices == replies[1].choices
    assert httpx2.delete(f"{server}/v1/pages/{stored['id']}").status_code == 204
    with pytest.raises(BadRequestError, match="store it again"):
        answer(server, asked(f"page:{stored['id']}"))


def test_streams_say_what_whole_answers_say(server: str) -> None:
    messages = asked(page_url(1))
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": 12}
    with client(server) as openai:
        chunks: list[Any] = list(openai.chat.completions.create(model="default", messages=messages, **options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == answer(server, messages)
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens >= len(text)


def test_a_client_that_hangs_up_frees_its_place(server: str) -> None:
    body = {"model": "default", "messages": asked(page_url(2)), "max_tokens": 2000, "stream": True}
    for _ in range(10):  # more than the eight that fit
        with httpx2.stream("POST", f"{server}/v1/chat/completions", json=body, timeout=60) as reply:
            next(reply.iter_lines())
    assert answer(server, asked(page_url(2)), 4) != ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"temperature": 0.7}, "temperature"),
        ({"tools": []}, "tools"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "wizard"),
        ({"messages": asked("https://example.org/a.png")}, "data:image/png"),
        ({"messages": asked("data:image/png;base64,AAAA")}, "cannot be opened"),
        ({"messages": asked("data:image/png;base64,\u00e9")}, "base64 is damaged"),
        ({"messages": [{"role": "user", "content": "x" * 9000}]}, "positions"),
        ({"messages": [{"role": "user", "content": "x" * 9_000_000}]}, "POST /v1/pages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "question"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(server: str, change: dict[str, Any], told: str) -> None:
    body = {"model": "default", "messages": asked(page_url(1)), **change}
    reply = httpx2.post(f"{server}/v1/chat/completions", json=body)
    assert reply.status_code == 400 and told in reply.json()["error"]["message"]


def test_a_picture_with_a_broken_chunk_is_refused(bundled_model: Model) -> None:
    noise, file = np.random.default_rng(0).integers(0, 256, (512, 512), dtype=np.uint8), io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    first, second, *others = file.getvalue().split(b"IDAT")
    with pytest.raises(UnreadableTextError, match="cannot be opened: SyntaxError"):
        Shelf(bundled_model, 10_000).put(b"IDAT".join([first, second]) + b"I\0AT" + b"IDAT".join(others))


def test_the_same_page_put_by_many_at_once_is_numbered_once(bundled_model: Model) -> None:
    shelf = Shelf(bundled_model, 10_000)
    picture = base64.b64decode(page_url(8).split(",")[1])
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(shelf.put, [picture] * 4))
    assert {page.first_token for page in pages} == {shelf.put(picture).first_token}
    assert shelf.num_bytes == pages[0].encoded.num_bytes and shelf.drop(pages[0].id) and shelf.num_bytes == 0


def test_a_picture_of_another_size_is_refused(server: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200)).save(buffer, "PNG")
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    reply = httpx2.post(f"{server}/v1/pages", content=json.dumps({"image": url}))
    assert reply.status_code == 400 and "300 x 200" in reply.json()["error"]["message"]


def test_a_page_in_json_without_end_is_refused(server: str) -> None:
    reply = httpx2.post(f"{server}/v1/pages", content=b'{"image": ' + b"[" * 100_000)
    assert reply.status_code == 400 and "data URL under 'image'" in reply.json()["error"]["message"]


def test_models_are_listed(server: str) -> None:
    with client(server) as openai:
        assert [model.id for model in openai.models.list()] == ["default"]
        with pytest.raises(NotFoundError):
            openai.embeddings.create(model="default", input="x")
