"""What stays text, and what is parted or not: the newest turns, tool calls and results, the order of things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.memory.context import TextPart
from optical_memory.memory.selection import protected_from
from optical_memory.memory.turn import parse_history
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
