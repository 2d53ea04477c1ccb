"""What stays text, and what is parted or not: the newest turns, tool calls and results, the order of things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.memory.context import TextPart
from optical_memory.memory.selection import protected_from
from optical_memory.memory.turn import parse_history, tool_units
from tests.memory.fake import FakeModel, conversation, memory_of, prose
from tests.memory.histories import (
    CJK,
    READABLE_TEXT,
    Message,
    assert_nothing_is_lost,
    call,
    compress,
    examples,
    histories,
    reasons_of,
    tool_history,
)

# The newest turns, and tools


@pytest.mark.parametrize("keep_last", [0, 1, 4, 8, 99])
def test_the_newest_turns_stay_text(keep_last: int) -> None:
    context = compress(conversation(8, 3000), keep_last)
    newest = [turn for turn, reason in reasons_of(context).items() if "newest" in reason]
    assert newest == [f"turn-{position}" for position in range(max(0, 8 - keep_last), 8)]


@given(histories(READABLE_TEXT), st.integers(0, 6))
@examples(80)
def test_the_border_parts_no_result_from_its_call(history: list[Message], keep_last: int) -> None:
    turns = parse_history(history)
    first = protected_from(turns, keep_last)
    assert first <= max(0, len(turns) - keep_last)
    called = {made.id: position for position, turn in enumerate(turns) for made in turn.tool_calls}
    for position, turn in enumerate(turns):
        if turn.answers is not None:
            assert (position >= first) == (called[turn.answers] >= first)


def test_the_border_goes_back_past_a_word_between_call_and_result() -> None:
    turns = parse_history(
        [
            {"role": "user", "content": "go"},
            {"role": "assistant", "tool_calls": [call("c1")]},
            {"role": "user", "content": "still there?"},
            {"role": "tool", "tool_call_id": "c1", "content": "5432"},
            {"role": "assistant", "content": "yes"},
        ]
    )
    assert [protected_from(turns, keep_last) for keep_last in (1, 2, 3, 4, 5)] == [4, 1, 1, 1, 0]


def test_the_border_parts_no_result_without_an_id_from_the_call_before_it() -> None:
    turns = parse_history(
        [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": None, "function_call": {"name": "grep", "arguments": "{}"}},
            {"role": "function", "name": "grep", "content": "5432"},
            {"role": "assistant", "content": "yes"},
        ]
    )
    assert [protected_from(turns, keep_last) for keep_last in (1, 2, 3)] == [3, 1, 1]


def test_a_border_at_the_end_or_before_the_beginning() -> None:
    turns = parse_history(tool_history())
    assert protected_from(turns, 0) == len(turns)
    assert protected_from(turns, 99) == 0


def test_a_result_without_its_call_is_kept_like_any_turn() -> None:
    history = [{"role": "tool", "tool_call_id": "gone", "content": prose(3000, 0)}, *conversation(6, 3000)]
    for keep_last in (2, 6, 7):
        assert_nothing_is_lost(compress(history, keep_last), parse_history(history))


def pairs_parted(messages: list[Message], history: list[Message]) -> set[str]:
    """Calls of which only one half is left as a message of its own, though the history has both."""

    def halves(messages: list[Message]) -> tuple[set[str], set[str]]:
        calls = {made["id"] for message in messages for made in message.get("tool_calls") or ()}
        return calls, {message["tool_call_id"] for message in messages if message["role"] == "tool"}

    (calls, results), (all_calls, all_results) = halves(messages), halves(history)
    return (calls ^ results) & all_calls & all_results


@pytest.mark.parametrize(
    "history",
    [tool_history(), tool_history(result=CJK), tool_history(arguments=CJK), tool_history(result="")],
    ids=["plain", "result not readable", "call not readable", "result empty"],
)
@pytest.mark.parametrize("keep_last", [0, 1, 2, 3, 4, 5, 6, 7])
def test_no_message_is_half_of_a_call_and_its_result(history: list[Message], keep_last: int) -> None:
    """A hosted model refuses a result whose call is gone, and a call without its result."""
    messages = memory_of(FakeModel(), keep_last=keep_last).compress(history).messages()
    assert pairs_parted(messages, history) == set()


@given(histories(), st.integers(0, 4))
@examples(60)
def test_no_conversation_is_parted_between_call_and_result(history: list[Message], keep_last: int) -> None:
    assert pairs_parted(compress(history, keep_last).messages(), history) == set()


# Reasoning and what it led to


def response(number: int, output: str = "found", size: int = 2000) -> list[Message]:
    """Items of OpenAI's Responses: reasoning, a word, two calls, and then their outputs."""
    said = [{"type": "output_text", "text": f"I look. {prose(size, number)}"}]
    calls = [f"c{number}a", f"c{number}b"]
    return [
        {"type": "reasoning", "id": f"rs-{number}", "summary": []},
        {"type": "message", "id": f"msg-{number}", "role": "assistant", "content": said},
        *({"type": "function_call", "id": f"f{c}", "call_id": c, "name": "look", "arguments": "{}"} for c in calls),
        *({"type": "function_call_output", "call_id": call, "output": output} for call in calls),
    ]


def responses_parted(messages: list[Message], history: list[Message]) -> list[str]:
    """Reasoning of which the items of the same response are not all left, or not all gone."""
    left = {message.get("id") for message in messages}
    starts = [place for place, item in enumerate(history) if item.get("type") == "reasoning"]
    ids = [[item["id"] for item in history[place : place + 4]] for place in starts]
    return [response[0] for response in ids if len({identity in left for identity in response}) != 1]


def test_reasoning_goes_with_all_that_the_assistant_does_before_others_speak() -> None:
    history = [{"role": "user", "content": "go"}, *response(0), *response(1), {"role": "user", "content": "and?"}]
    assert tool_units(parse_history(history)) == [tuple(range(1, 7)), tuple(range(7, 13))]
    twice = [{"role": "user", "content": "go"}, response(0)[0], *response(1)[:2], {"role": "user", "content": "and?"}]
    assert tool_units(parse_history(twice)) == [(1, 2, 3)]


def test_reasoning_that_leads_to_nothing_stays_as_it_came() -> None:
    thought = response(0)[0]
    for history in ([thought], [thought, {"role": "user", "content": "go"}, {"role": "user", "content": "and?"}]):
        turns = parse_history(history, "responses")
        assert tool_units(turns) == []
        assert [bool(turn.kept) for turn in turns] == [True, False, False][: len(turns)]


@pytest.mark.parametrize("keep_last", range(14))
def test_the_border_parts_no_response(keep_last: int) -> None:
    history = [{"role": "user", "content": "go"}, *response(0), *response(1)]
    assert protected_from(parse_history(history), keep_last) == [13, *[7] * 6, *[1] * 6, 0][keep_last]
    messages = memory_of(FakeModel(), keep_last=keep_last).compress(history).messages()
    assert responses_parted(messages, history) == []


@given(
    st.lists(st.tuples(st.sampled_from(("found", CJK, "")), st.sampled_from((0, 40, 2000))), max_size=6),
    st.integers(0, 9),
)
@examples(40)
def test_no_response_is_parted(outputs: list[tuple[str, int]], keep_last: int) -> None:
    items = [item for number, of in enumerate(outputs) for item in response(number, *of)]
    history = [{"type": "message", "role": "user", "content": prose(3000, 9)}, *items]
    assert responses_parted(compress(history, keep_last).messages(), history) == []


# Order


def test_pages_are_numbered_in_the_order_of_the_conversation() -> None:
    context = compress(conversation(10, 3000))
    assert [part.number for part in context.pages] == list(range(1, len(context.pages) + 1))
    firsts = [int(part.page.sources[0].removeprefix("turn-")) for part in context.pages]
    assert firsts == sorted(firsts)


@given(histories(), st.integers(0, 4))
@examples(60)
def test_parts_begin_in_the_order_of_the_conversation(history: list[Message], keep_last: int) -> None:
    context = compress(history, keep_last)
    positions = {turn.id: position for position, turn in enumerate(parse_history(history))}
    begins = [positions[part.turn.id if isinstance(part, TextPart) else part.page.sources[0]] for part in context.parts]
    assert begins == sorted(begins)
