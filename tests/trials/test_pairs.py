"""The judge of sent bytes sees what an API would refuse, and what an adapter must not change."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from optical_memory.trials.pairs import changed, faults
from optical_memory.trials.shapes import as_anthropic, as_responses
from optical_memory.view import Viewer
from tests.view.histories import Event, write
from tests.view.test_steps import OLDER

CHAT = write([Event("user"), *[Event("tools", 400, 2)] * 3, Event("assistant"), Event("user")], "openai")
BODIES: dict[str, dict[str, Any]] = {
    "openai": {"messages": CHAT},
    "responses": {"input": as_responses(CHAT)},
    "anthropic": {"messages": as_anthropic(CHAT)[1]},
}
WRONG: dict[str, Callable[[list[Any]], Any]] = {
    "a call is gone": lambda messages: messages.pop(1),
    "a result is gone": lambda messages: messages.pop(
        3 if "output" in messages[3] or messages[3]["role"] == "tool" else 2
    ),
    "a result comes twice": lambda messages: messages.insert(4, copy.deepcopy(messages[3 if len(messages) > 9 else 2])),
    "the assistant shows a picture": lambda messages: messages.append(
        {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}
    ),
}


@pytest.mark.parametrize("shape", BODIES)
def test_real_pairs_have_no_fault(shape: str) -> None:
    assert faults(BODIES[shape]) == []


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("shape", BODIES)
def test_whatever_is_broken_is_seen(shape: str, wrong: str) -> None:
    body = copy.deepcopy(BODIES[shape])
    (messages,) = body.values()
    WRONG[wrong](messages)
    assert faults(body)


def test_a_message_between_a_call_and_its_result_is_seen() -> None:
    body = copy.deepcopy(BODIES["openai"])
    body["messages"].insert(2, {"role": "user", "content": "wait"})
    assert faults(body)


def test_pages_are_no_change_and_everything_else_is() -> None:
    history = write([Event("user"), *[Event("tools", 2500)] * 16, Event("assistant"), Event("user")], "openai")
    plain = {"model": "m", "messages": history}
    seen = {"model": "m", "messages": Viewer(OLDER, strict=True).view(history).messages}
    assert seen != plain and changed(seen, plain) == [] and faults(seen) == []
    for spoil in (
        lambda body: body.update(model="n"),
        lambda body: body["messages"].pop(),
        lambda body: body["messages"].reverse(),
        lambda body: body["messages"].__setitem__(-1, {"role": "user", "content": "something else"}),
    ):
        other = copy.deepcopy(seen)
        spoil(other)  # type: ignore[no-untyped-call]
        assert changed(other, plain)
