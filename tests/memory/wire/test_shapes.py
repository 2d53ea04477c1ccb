"""Wire shapes: told apart, and given back by the memory as they came."""

import copy
from typing import Any

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.turn import ToolCall, ToolResult, parse_history
from optical_memory.memory.wire import shape_of
from tests.memory.fake import FakeModel, conversation, memory_of
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
        ({"type": None, "id": "x"}, "responses"),
        ({"id": "x"}, "responses"),
        ({"id": "x", "content": "hi"}, "openai"),
        ({"role": "model", "parts": [{"text": "hi"}]}, "gemini"),
        ("nonsense", "openai"),
    ],
)
def test_one_message_may_tell(message: Any, shape: str) -> None:
    assert shape_of([message]) == shape


CALL = {"id": "c1", "type": "function", "function": {"name": "zoom", "arguments": '{"by": 7}'}}


@pytest.mark.parametrize("block", ["image", "document", "thinking"])
@pytest.mark.parametrize(
    "tools",
    [
        [{"role": "assistant", "content": None, "tool_calls": [CALL]}],
        [{"role": "user", "content": "found", "tool_call_id": "c1"}],
        [{"role": "tool", "content": "found"}],
        [{"role": "assistant", "content": None, "function_call": CALL["function"]}],
        [{"role": "function", "name": "zoom", "content": "found"}],
    ],
    ids=["tool_calls", "tool_call_id", "tool", "function_call", "function"],
)
def test_openai_tools_say_more_than_the_blocks_before_them(block: str, tools: list[Any]) -> None:
    asked = {"role": "user", "content": [{"type": block, "url": "https://x/cat.png"}]}
    assert shape_of([asked]) == "anthropic"
    assert shape_of([asked, *tools]) == shape_of([*tools, asked]) == "openai"


def test_a_call_after_a_foreign_block_is_not_lost() -> None:
    history = [
        {"role": "user", "content": [{"type": "image", "url": "https://x/cat.png"}]},
        {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "user", "content": "fine"},
    ]
    turns = parse_history(history)
    assert [turn.text for turn in turns] == ["", 'Let me look.zoom({"by": 7})', "a cat", "fine"]
    assert not any(turn.kept for turn in turns) and turns[0].attachments == ("image",)
    assert memory_of(FakeModel(), keep_last=9).compress(history).messages() == history


@pytest.mark.parametrize(
    "tools",
    [{"tool_calls": [CALL]}, {"tool_call_id": "c1"}, {"function_call": CALL["function"]}],
    ids=lambda tools: next(iter(tools)),
)
def test_the_reader_of_anthropic_refuses_what_it_would_lose(tools: dict[str, Any]) -> None:
    message = {"role": "assistant", "content": "Let me look."}
    assert parse_history([{**message, **dict.fromkeys(tools)}], "anthropic")[0].content == "Let me look."
    with pytest.raises(InvalidHistoryError, match=rf"message 0 has {next(iter(tools))}.*expected tool_use.*'openai'"):
        parse_history([{**message, **tools}], "anthropic")


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


@pytest.mark.parametrize("reference", [{"id": "msg_1"}, {"id": "msg_1", "type": None}], ids=["no type", "null"])
def test_a_reference_without_its_type_is_one_all_the_same(reference: dict[str, Any]) -> None:
    typed = {"id": "msg_1", "type": "item_reference"}
    history = [{"type": "message", **message} for message in conversation(8, 2500)]
    assert parse_history([typed], "responses") == parse_history([reference], "responses")
    kept = [memory_of(FakeModel()).compress([*history[:2], item, *history[2:]]) for item in (typed, reference)]
    assert [context.report.texts[0].reason for context in kept] == ["holds item_reference"] * 2
    assert [reference in context.messages() for context in kept] == [False, True]
    with pytest.raises(InvalidHistoryError, match="message 0 has role None"):
        parse_history([{**reference, "content": "hi"}], "responses")


# What stands beside the text of a message


@pytest.mark.parametrize("key", ["functionResponse", "function_response"])
@pytest.mark.parametrize(
    ("parts", "kinds"),
    [
        ([{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, {"fileData": {}}], ("inlineData", "fileData")),
        ([{}], ("an empty part",)),
        (["x"], ("unknown part",)),
        ({"inlineData": {}}, ("parts",)),
        ([], ()),
        (None, ()),
    ],
)
def test_a_picture_in_a_result_of_gemini_keeps_it_text(key: str, parts: Any, kinds: tuple[str, ...]) -> None:
    result = {"role": "user", "parts": [{key: {"name": "shot", "response": {"ok": True}, "parts": parts}}]}
    history = [{"role": "model", "parts": [{"functionCall": {"name": "shot", "args": {}}}]}, result]
    turn = parse_history(history, "gemini")[1]
    assert (turn.attachments, turn.results[0].content) == (kinds, '{"ok": true}')
    said = [{"role": "user", "parts": [{"text": message["content"]}]} for message in conversation(8, 2500)]
    messages = memory_of(FakeModel()).compress([*said[:2], *history, *said[2:]]).messages()
    assert (result in messages) == bool(kinds)


@pytest.mark.parametrize(
    ("content", "told"),
    [("42", "[error] 42"), (None, "[error] "), ([{"type": "text", "text": "no file"}], "[error] no file")],
)
def test_a_page_tells_that_a_result_of_anthropic_was_an_error(content: Any, told: str) -> None:
    block = {"type": "tool_result", "tool_use_id": "t", "content": content, "is_error": True}
    history = [
        *conversation(2, 2500),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]},
        {"role": "user", "content": [block]},
        *conversation(6, 2500),
    ]
    assert parse_history(history)[3].text == told
    assert told in "".join(part.page.text for part in memory_of(FakeModel()).compress(history).pages)
    assert memory_of(FakeModel(), keep_last=99).compress(history).messages() == history
    fine = [{"role": "user", "content": [{**block, "is_error": False}]}]
    assert "error" not in parse_history(fine, "anthropic")[0].text
