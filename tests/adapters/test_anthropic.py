"""The middleware in the real `anthropic` client, over a canned transport."""

import asyncio
from typing import Any

from anthropic import Anthropic, AsyncAnthropic

from optical_memory.adapters.anthropic import RECALL_TOOL, OpticalMiddleware
from tests.adapters.double import Api, num_pictures
from tests.memory.fake import conversation
from tests.view.histories import Event, call_ids, write

MODEL = "claude-sonnet-4-6"
HISTORY = [*conversation(24), {"role": "user", "content": "and now?"}]


def client_of(api: Api, **options: Any) -> tuple[Anthropic, OpticalMiddleware]:
    middleware = OpticalMiddleware(trust_cell=8, **options)
    return Anthropic(api_key="k", http_client=api.client, middleware=[middleware]), middleware


def send(api: Api, history: Any, **body: Any) -> Any:
    return client_of(api)[0].messages.create(model=MODEL, max_tokens=8, messages=history, **body)


def test_messages_get_pages() -> None:
    api = Api()
    client, middleware = client_of(api)
    reply = client.messages.create(model=MODEL, max_tokens=8, messages=HISTORY, system="be brief", tools=[RECALL_TOOL])
    assert reply.content[0].text == "done"
    assert middleware.report is not None
    assert num_pictures(api.bodies[0]) == middleware.report.num_pages > 0
    assert (api.bodies[0]["system"], api.bodies[0]["messages"][-4:]) == ("be brief", HISTORY[-4:])


def test_counting_tokens_counts_the_view() -> None:
    api = Api()
    client, _ = client_of(api)
    assert client.messages.count_tokens(model=MODEL, messages=HISTORY).input_tokens == 7
    assert num_pictures(api.bodies[0]) > 0


def test_parallel_calls_stay_with_their_results() -> None:
    api = Api()
    history = write([Event("user"), *[Event("reasoning", 2500, 3)] * 6, Event("user")], "anthropic")
    send(api, history)
    calls, results = call_ids(api.bodies[0]["messages"])
    assert num_pictures(api.bodies[0]) > 0 and calls == results


def test_a_retry_and_a_stream_and_async_send_the_same_bytes() -> None:
    api, later = Api(failures=1), Api()
    client, _ = client_of(api)
    with client.messages.stream(model=MODEL, max_tokens=8, messages=HISTORY) as stream:
        assert stream.get_final_text() == "done"

    async def run() -> Any:
        client = AsyncAnthropic(
            api_key="k", http_client=later.async_client, middleware=[OpticalMiddleware(trust_cell=8)]
        )
        return await client.messages.create(model=MODEL, max_tokens=8, messages=HISTORY)

    assert asyncio.run(run()).content[0].text == "done"
    assert api.bodies[0]["messages"] == api.bodies[1]["messages"] == later.bodies[0]["messages"] != HISTORY


def test_nothing_at_or_before_a_cache_mark_is_drawn() -> None:
    api = Api()
    marked = {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
    history = [*conversation(12), marked, *conversation(12), {"role": "user", "content": "?"}]
    send(api, history)
    assert api.bodies[0]["messages"][:13] == history[:13]
    assert num_pictures(api.bodies[0]) > 0


def test_a_request_that_is_marked_as_a_whole_is_left_alone() -> None:
    api = Api()
    send(api, HISTORY, extra_body={"cache_control": {"type": "ephemeral"}})
    assert api.bodies[0]["messages"] == HISTORY


def test_who_marks_has_the_last_page_marked_too_and_nobody_else() -> None:
    def marks(value: Any) -> int:
        if isinstance(value, dict):
            return ("cache_control" in value) + sum(map(marks, value.values()))
        return sum(map(marks, value)) if isinstance(value, list) else 0

    ephemeral = {"type": "ephemeral"}
    for given, expected in ((0, 0), (1, 2), (3, 4), (4, 4)):
        api = Api()
        system = [
            {"type": "text", "text": "be brief", **({"cache_control": ephemeral} if i < given else {})}
            for i in range(4)
        ]
        send(api, HISTORY, system=system)
        last = max(i for i, message in enumerate(api.bodies[0]["messages"]) if num_pictures(message))
        assert marks(api.bodies[0]) == expected
        assert ("cache_control" in api.bodies[0]["messages"][last]["content"][-1]) == (expected > given)


def test_other_paths_are_left_alone() -> None:
    api = Api()
    client, middleware = client_of(api)
    client.post("/v1/messages/batches", body={"messages": HISTORY, "model": MODEL}, cast_to=object)
    assert api.bodies[0]["messages"] == HISTORY and middleware.report is None
