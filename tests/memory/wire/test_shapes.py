"""Wire shapes: told apart, and given back by the memory as they came."""

import copy
from typing import Any

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.turn import ToolCall, ToolResult, parse_history
from optical_memory.memory.wire import shape_of
from tests.memory.fake import FakeModel, memory_of
from tests.view.histories import SHAPES, Event, call_ids, pictures, write

SCRIPT = [Event("user"), Event("reasoning", 2500, 2), *[Event("tools", 2500)] * 4, Event("assistant"), Event("user")]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_history_is_recognised(shape: str) -> None:
    assert shape_of(write(SCRIPT, shape)) == shape


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ({"role": "user", "content": "hi"}, "openai"),
        ({"role": "user", "content": [{"type": "text", "text": "hi"}]}, "openai"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": ""}}]}, "openai"),
        ({"role": "user", "content": [{"type": "image", "source": {}}]}, "anthropic"),
        ({"role": "assistant", "content": [{"type": "thinking", "thinking": ""}]}, "anthropic"),
        ({"role": "user", "content": [{"type": "input_text", "text": "hi"}]}, "responses"),
        ({"type": "item_reference", "id": "x"}, "responses"),
        ({"role": "model", "parts": [{"text": "hi"}]}, "gemini"),
        ("nonsense", "openai"),
    ],
)
def test_one_message_may_tell(message: Any, shape: str) -> None:
    assert shape_of([message]) == shape


@pytest.mark.parametrize("shape", SHAPES)
def test_the_memory_gives_the_callers_shape_back(shape: str) -> None:
    history = write(SCRIPT, shape)
    before = copy.deepcopy(history)
    context = memory_of(FakeModel(), keep_last=2).compress(history)
    messages = context.messages()
    assert history == before and messages[-2:] == history[-2:]
    assert sum(len(pictures(message)) for message in messages) == len(context.pages) > 0
    calls, results = call_ids(messages)
    assert set(calls) == set(results)
    with pytest.raises(InvalidHistoryError, match="telegram"):
        parse_history(history, "telegram")


def test_parallel_results_in_one_message_keep_their_calls() -> None:
    asked, answered = parse_history(write([Event("tools", 3, 2)], "anthropic"))
    assert [call.id for call in asked.tool_calls] == [result.call for result in answered.results]
    assert answered.text == "".join(result.content for result in answered.results)


def test_what_is_read_of_each_shape() -> None:
    anthropic = parse_history(write([Event("tools", 3)], "anthropic"))
    responses = parse_history(write([Event("tools", 3)], "responses"))
    gemini = parse_history(write([Event("tools", 3)], "gemini"))
    assert anthropic[0].tool_calls == (ToolCall("call-0-0", "look", '{"q": 1}'),)
    assert responses[0].tool_calls == anthropic[0].tool_calls
    assert gemini[0].tool_calls[0].name == "look-0-0"
    assert anthropic[1].results == (ToolResult("call-0-0", responses[1].content),)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("anthropic", {"role": "user", "content": 7}),
        ("anthropic", {"role": "user", "content": ["x"]}),
        ("anthropic", "x"),
        ("responses", 7),
        ("gemini", {"role": "user"}),
        ("gemini", {"role": "wizard", "parts": []}),
    ],
)
def test_a_bad_message_is_refused_by_its_position(shape: str, message: Any) -> None:
    with pytest.raises(InvalidHistoryError, match="message 0"):
        parse_history([message], shape)


def test_marks_open_calls_and_orphans_keep_their_messages() -> None:
    marked = write([Event("user"), Event("mark"), Event("user")], "anthropic")
    assert [bool(turn.kept) for turn in parse_history(marked)] == [True, True, False]
    opened = write([Event("user"), Event("open"), Event("user")], "gemini")
    assert [bool(turn.kept) for turn in parse_history(opened)] == [False, True, False]
    orphan = [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "gone", "content": "y"}]
    assert [bool(turn.kept) for turn in parse_history(orphan)] == [False, True]
