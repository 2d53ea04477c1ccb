"""The wrapper around the real `openai` client, over a canned transport: every way to send, sync and async."""

import asyncio
import copy
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from optical_memory.adapters.openai import RECALL_TOOL, wrap_openai
from tests.adapters.double import Api, num_pictures
from tests.memory.fake import conversation
from tests.view.histories import Event, write

HISTORY = conversation(24)
ITEMS = write(
    [Event("user"), *[Event("tools", 2500)] * 16, Event("assistant"), Event("user"), Event("tools")], "responses"
)


class Answer(BaseModel):
    text: str


def wrapped(api: Api, **options: Any) -> OpenAI:
    return wrap_openai(OpenAI(api_key="k", http_client=api.client), trust_cell=8, **options)


def test_chat_gets_pages_and_the_history_stays() -> None:
    api, before = Api(), copy.deepcopy(HISTORY)
    client = wrapped(api)
    reply = client.chat.completions.create(model="gpt-5", messages=HISTORY)
    assert reply.choices[0].message.content == "done"
    assert num_pictures(api.bodies[0]) == client.views.latest.report.num_pages > 0
    assert api.bodies[0]["messages"][-4:] == before[-4:] and before == HISTORY
    assert client.views.latest.report.saved > 0


def test_the_client_that_was_given_stays_as_it_is() -> None:
    api = Api()
    plain = OpenAI(api_key="k", http_client=api.client)
    wrap_openai(plain, trust_cell=8)
    plain.chat.completions.create(model="gpt-5", messages=HISTORY)
    assert api.bodies[0]["messages"] == HISTORY


def test_responses_get_pages_as_input_images() -> None:
    api = Api()
    reply = wrapped(api).responses.create(model="gpt-5", input=ITEMS)
    assert reply.output_text == "done"
    sent = api.bodies[0]["input"]
    kinds = {part["type"] for item in sent if item.get("role") == "user" for part in item["content"]}
    assert "input_image" in kinds
    calls = {item["call_id"] for item in sent if item["type"] == "function_call"}
    assert calls == {item["call_id"] for item in sent if item["type"] == "function_call_output"}


def test_an_input_of_plain_text_is_left_alone() -> None:
    api = Api()
    wrapped(api).responses.create(model="gpt-5", input="hello")
    assert api.bodies[0]["input"] == "hello"


def test_streams_raw_responses_parsing_and_options() -> None:
    api = Api()
    client = wrapped(api)
    chunks = client.chat.completions.create(model="gpt-5", messages=HISTORY, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "done"
    with client.chat.completions.stream(model="gpt-5", messages=HISTORY) as stream:
        assert stream.get_final_completion().choices[0].message.content == "done"
    raw = client.chat.completions.with_raw_response.create(model="gpt-5", messages=HISTORY)
    assert raw.parse().choices[0].message.content == "done"
    with pytest.raises(Exception, match="JSON"):  # "done" is no Answer: the client's own error comes through
        client.chat.completions.parse(model="gpt-5", messages=HISTORY, response_format=Answer)
    client.with_options(timeout=3).chat.completions.create(model="gpt-5", messages=HISTORY)
    assert len(api.bodies) == 5
    assert {num_pictures(body) for body in api.bodies} == {num_pictures(api.bodies[0])} != {0}


def test_async_sends_what_sync_sends() -> None:
    sync, later = Api(), Api()
    wrapped(sync).chat.completions.create(model="gpt-5", messages=HISTORY)

    async def run() -> str:
        client = wrap_openai(AsyncOpenAI(api_key="k", http_client=later.async_client), trust_cell=8)
        stream = await client.chat.completions.create(model="gpt-5", messages=HISTORY, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(run()) == "done"
    assert later.bodies[0]["messages"] == sync.bodies[0]["messages"] != HISTORY


def test_a_retry_sends_the_same_bytes() -> None:
    api = Api(failures=1)
    wrapped(api).chat.completions.create(model="gpt-5", messages=HISTORY)
    assert len(api.bodies) == 2 and api.bodies[0] == api.bodies[1]


@pytest.mark.parametrize(("model", "told"), [("gpt-4o-mini", "8,500"), ("brand-new", "unknown")])
def test_a_reader_that_cannot_gain_gets_text_and_the_reason(model: str, told: str) -> None:
    api = Api()
    client = wrapped(api)
    client.chat.completions.create(model=model, messages=HISTORY)
    assert api.bodies[0]["messages"] == HISTORY
    assert told in client.views.latest.report.reason


def test_recall_answers_with_the_source() -> None:
    api = Api()
    client = wrapped(api)
    history = [*HISTORY[:3], {"role": "user", "content": "the vault opens with 7f3a-99c1-d2"}, *HISTORY[3:]]
    client.chat.completions.create(model="gpt-5", messages=history, tools=[RECALL_TOOL])
    assert api.bodies[0]["tools"][0]["function"]["name"] == "recall_memory"
    assert "7f3a-99c1-d2" in client.views.recall("vault")
    assert "7f3a-99c1-d2" in client.views.recall("vault", history, shape="openai")


def test_a_call_that_is_cancelled_leaves_the_next_as_it_was() -> None:
    """At whatever await: while pages are drawn, while the request is under way."""
    api, whole = Api(), Api()
    wrapped(whole).chat.completions.create(model="gpt-5", messages=HISTORY)

    async def run() -> None:
        client = wrap_openai(AsyncOpenAI(api_key="k", http_client=api.async_client), trust_cell=8)
        for steps in range(12):
            task = asyncio.create_task(client.chat.completions.create(model="gpt-5", messages=HISTORY))
            for _ in range(steps):
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        api.bodies.clear()
        await client.chat.completions.create(model="gpt-5", messages=HISTORY)

    asyncio.run(run())
    assert api.bodies == whole.bodies
