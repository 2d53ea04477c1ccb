"""Foreign messages become turns: nothing is dropped, and what cannot be understood is refused by name."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import InvalidHistoryError, OpticalMemoryError
from optical_memory.memory.turn import ROLES, ToolCall, Turn, parse_history
from renderers.transcript import MARKS

CALL = {"id": "c1", "type": "function", "function": {"name": "grep", "arguments": '{"q": 1}'}}


def parse(message: Any) -> Turn:
    return parse_history([message])[0]


@pytest.mark.parametrize("role", ROLES)
def test_a_plain_message_becomes_a_turn(role: str) -> None:
    turn = parse({"role": role, "content": "hi"})
    assert (turn.role, turn.content, turn.text, turn.tool_calls, turn.attachments) == (role, "hi", "hi", (), ())


@pytest.mark.parametrize(
    ("alias", "role"), [("developer", "system"), ("function", "tool"), ("human", "user"), ("ai", "assistant")]
)
def test_other_names_of_roles_are_known(alias: str, role: str) -> None:
    assert parse({"role": alias, "content": "hi"}).role == role


def test_turns_pass_through_unchanged() -> None:
    turn = Turn("user", "hi", id="a", time=1.5, attachments=("image",))
    assert parse_history([turn]) == [turn]


def test_a_turn_without_an_id_keeps_everything_else() -> None:
    turn = Turn("assistant", "hi", "", (ToolCall("c", "f", "{}"),), "a", "bob", 1.5, ("image",), {"role": "assistant"})
    (parsed,) = parse_history([turn])
    assert parsed.id
    assert Turn("assistant", "hi", parsed.id, turn.tool_calls, "a", "bob", 1.5, ("image",)) == parsed
    assert parsed.message is turn.message


def test_any_iterable_is_a_history() -> None:
    assert [turn.content for turn in parse_history({"role": "user", "content": str(n)} for n in range(3))] == [*"012"]


def test_ids_are_kept_and_missing_ones_made() -> None:
    turns = parse_history([{"role": "user", "content": "a", "id": "x"}, {"role": "user", "content": "b"}])
    assert turns[0].id == "x"
    assert turns[1].id not in ("", "x")


def test_made_ids_do_not_depend_on_what_follows() -> None:
    history = [{"role": "user", "content": str(number)} for number in range(5)]
    assert [turn.id for turn in parse_history(history)][:3] == [turn.id for turn in parse_history(history[:3])]


def test_duplicate_ids_are_refused_by_name() -> None:
    with pytest.raises(InvalidHistoryError, match=r"message 1 .*'x'"):
        parse_history([{"role": "user", "content": "a", "id": "x"}, {"role": "user", "content": "b", "id": "x"}])


def test_a_made_id_gives_way_to_one_that_is_taken() -> None:
    """Turns of an earlier parse, the first dropped, with a new message at the end."""
    earlier = parse_history([{"role": "user", "content": str(number)} for number in range(3)])
    turns = parse_history([*earlier[1:], {"role": "user", "content": "new"}])
    assert len({turn.id for turn in turns}) == 3


def test_text_parts_are_joined_by_newlines() -> None:
    turn = parse({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "input_text", "text": "b"}, "c"]})
    assert (turn.content, turn.attachments) == ("a\nb\nc", ())


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "input_image", "image_url": "data:,", "text": "a caption"},
    ],
    ids=lambda part: str(part["type"]),
)
def test_a_part_that_is_not_text_is_an_attachment(part: dict[str, Any]) -> None:
    turn = parse({"role": "user", "content": [{"type": "text", "text": "see"}, part]})
    assert turn.attachments == (part["type"],)
    assert turn.content.startswith("see")


def test_a_part_without_a_type_is_an_attachment() -> None:
    assert parse({"role": "user", "content": [{"data": 1}]}).attachments == ("unknown part",)


def test_missing_content_is_empty_text() -> None:
    assert parse({"role": "assistant", "content": None}).text == ""
    assert parse({"role": "assistant"}).text == ""


def test_tool_calls_are_text_of_the_turn() -> None:
    turn = parse({"role": "assistant", "content": "look", "tool_calls": [CALL, {**CALL, "id": "c2"}]})
    assert turn.tool_calls == (ToolCall("c1", "grep", '{"q": 1}'), ToolCall("c2", "grep", '{"q": 1}'))
    assert turn.passages() == [("assistant", "look"), *[("tool_call", 'grep({"q": 1})')] * 2]
    assert turn.text == 'lookgrep({"q": 1})grep({"q": 1})'


def test_a_call_without_content_has_no_empty_passage() -> None:
    assert parse({"role": "assistant", "content": None, "tool_calls": [CALL]}).passages() == [
        ("tool_call", 'grep({"q": 1})')
    ]


def test_arguments_that_are_json_values_become_json() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": {"città": [1, None]}}}
    assert json.loads(parse({"role": "assistant", "tool_calls": [call]}).tool_calls[0].arguments) == {
        "città": [1, None]
    }


def test_a_call_of_the_older_shape_is_not_dropped() -> None:
    turn = parse({"role": "assistant", "content": "x", "function_call": {"name": "grep", "arguments": '{"q": 1}'}})
    assert 'grep({"q": 1})' in turn.text


def test_a_tool_result_names_its_call() -> None:
    turn = parse({"role": "tool", "content": "4", "tool_call_id": "c1"})
    assert (turn.answers, turn.passages()) == ("c1", [("tool_result", "4")])


def test_a_speakers_name_is_part_of_the_text() -> None:
    assert parse({"role": "user", "name": "Ada", "content": "hi"}).text == "Ada: hi"


def test_every_turn_has_a_passage_that_can_be_marked() -> None:
    for role in ROLES:
        for turn in (Turn(role, ""), Turn(role, "x"), Turn(role, "", tool_calls=(ToolCall("c", "f", ""),))):
            labels = [label for label, _ in turn.passages()]
            assert labels
            assert set(labels) <= set(MARKS)


@pytest.mark.parametrize("history", ["hello", b"hello", {"role": "user", "content": "hi"}, None, 7])
def test_a_history_that_is_no_list_of_messages_is_refused(history: Any) -> None:
    with pytest.raises(InvalidHistoryError, match=type(history).__name__):
        parse_history(history)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("hello", "message 1 is a str"),
        (None, "message 1 is a NoneType"),
        ([], "message 1 is a list"),
        ({"content": "x"}, "message 1 has role None"),
        ({"role": "wizard", "content": "x"}, "message 1 has role 'wizard'"),
        ({"role": ["user"], "content": "x"}, "message 1 has role"),
        ({"role": "User", "content": "x"}, "message 1 has role 'User'"),
        ({"role": "user", "content": 7}, "message 1 has content of type int"),
        ({"role": "user", "content": {"text": "x"}}, "message 1 has content of type dict"),
        ({"role": "user", "content": b"raw"}, "message 1 has .*int|bytes"),
        ({"role": "user", "content": [7]}, "message 1 has a content part of type int"),
        ({"role": "assistant", "tool_calls": "grep"}, "message 1 has tool_calls of type str"),
        ({"role": "assistant", "tool_calls": {"id": 1}}, "message 1 has tool_calls of type dict"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "message 1 has a tool call without a function name"),
        ({"role": "assistant", "tool_calls": ["grep"]}, "message 1 has a tool call without a function name"),
    ],
)
def test_a_bad_message_is_refused_by_its_position(message: Any, told: str) -> None:
    with pytest.raises(InvalidHistoryError, match=told):
        parse_history([{"role": "user", "content": "fine"}, message])


def test_refusals_are_errors_of_ours_and_value_errors() -> None:
    assert issubclass(InvalidHistoryError, OpticalMemoryError)
    assert issubclass(InvalidHistoryError, ValueError)


def test_a_turn_of_an_unknown_role_is_refused() -> None:
    with pytest.raises(InvalidHistoryError, match="'wizard'"):
        Turn("wizard", "x")  # type: ignore[arg-type]


def test_a_message_comes_back_as_it_came() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "hm"}
    assert parse(message).as_message() == message


@pytest.mark.parametrize("role", ["human", "ai"])
def test_a_role_that_openai_does_not_know_comes_back_as_one_that_it_does(role: str) -> None:
    assert parse({"role": role, "content": "x"}).as_message()["role"] in ("user", "assistant")


def test_a_turn_becomes_a_message_and_back() -> None:
    for turn in (
        Turn("assistant", "x", "turn-0", (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", ""))),
        Turn("tool", "y", "turn-0", answers="c1"),
        Turn("user", "z", "turn-0", name="Ada"),
    ):
        assert replace(parse(turn.as_message()), kept=None) == turn


def test_messages_are_not_written_to() -> None:
    history = [{"role": "assistant", "content": [{"type": "text", "text": "x"}], "tool_calls": [CALL]}]
    before = copy.deepcopy(history)
    for turn in parse_history(history):
        turn.as_message()["role"] = "user"
    assert history == before


@given(st.text(st.characters(categories=None)), st.lists(st.text(st.characters(categories=None)), max_size=3))
@settings(max_examples=100, deadline=None)
def test_the_text_is_its_passages_joined(content: str, arguments: list[str]) -> None:
    calls = [{"id": str(n), "function": {"name": "f", "arguments": text}} for n, text in enumerate(arguments)]
    turn = parse({"role": "assistant", "content": content, "tool_calls": calls})
    assert turn.text == "".join(text for _, text in turn.passages())
    assert turn.text == content + "".join(f"f({text})" for text in arguments)


def test_a_custom_tool_is_called_with_plain_text() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    (turn,) = parse_history([{"role": "assistant", "tool_calls": [call]}])
    assert [(call.name, call.arguments) for call in turn.tool_calls] == [("patch", "*** Begin")]
