"""Conversations for the memory's tests: with tools, with text that cannot be read, of any shape; and what became of them."""

from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from optical_memory.memory.context import Context, TextPart
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.turn import Turn
from optical_memory.modes import SMALL
from renderers import Grid
from tests.memory.fake import FakeModel, memory_of, prose

Message = dict[str, Any]

SMALL_PAGE = Grid(24, 16)
"""Holds some 90 tokens of prose: Tiny pays on a full page, and text often costs less."""
FLAT = ForgettingSchedule(((0, SMALL),))
CJK = "日本語のテキスト"


def call(identity: str, name: str = "grep", arguments: str = '{"q": "port"}') -> Message:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool_history(result: str = "5432", arguments: str = '{"q": "port"}') -> list[Message]:
    """A pair of parallel calls and their results in the middle of a conversation."""
    return [
        {"role": "user", "content": prose(3000, 1)},
        {"role": "assistant", "content": None, "tool_calls": [call("c1", "grep", arguments), call("c2", "ls", "{}")]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
        {"role": "tool", "tool_call_id": "c2", "content": prose(2000, 2)},
        {"role": "assistant", "content": prose(2000, 3)},
        {"role": "user", "content": prose(2000, 4)},
        {"role": "assistant", "content": "fine"},
    ]


PIECES = st.one_of(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12),
    st.sampled_from(
        ("plain words ", "\n", "\t", "   ", "0123456789abcdef", "\n```py\nx = 1\n```\n", "é", "“quoted” — ")
    ),
)
READABLE_TEXT = st.builds(
    lambda pieces, times: "".join(pieces) * times, st.lists(PIECES, max_size=5), st.integers(1, 12)
)
ANY_TEXT = st.one_of(
    READABLE_TEXT,
    READABLE_TEXT,
    st.sampled_from(("", CJK, "\U0001f642", "שלום", "\0", "a\ud800b", "\r\n")),
    st.text(st.characters(categories=None), max_size=8),
)


def examples(count: int) -> settings:
    """Slow machines are no failure."""
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def exchanges(draw: st.DrawFn, text: st.SearchStrategy[str], number: int) -> list[Message]:
    """A plain message, or calls of the assistant and then all their results."""
    kind = draw(st.sampled_from(("user", "assistant", "system", "picture", "tools", "tools")))
    if kind == "picture":
        picture = {"type": "image_url", "image_url": {"url": "data:,"}}
        return [{"role": "user", "content": [{"type": "text", "text": draw(text)}, picture]}]
    if kind != "tools":
        return [{"role": kind, "content": draw(text)}]
    identities = [f"call-{number}-{index}" for index in range(draw(st.integers(1, 3)))]
    calls = [call(identity, "f", draw(text)) for identity in identities]
    results = [{"role": "tool", "tool_call_id": identity, "content": draw(text)} for identity in identities]
    return [{"role": "assistant", "content": draw(text), "tool_calls": calls}, *draw(st.permutations(results))]


@st.composite
def histories(draw: st.DrawFn, text: st.SearchStrategy[str] = ANY_TEXT) -> list[Message]:
    return [message for number in range(draw(st.integers(1, 6))) for message in draw(exchanges(text, number))]


def compress(history: list[Message], keep_last: int = 2, **options: Any) -> Context:
    return memory_of(FakeModel(SMALL_PAGE), keep_last=keep_last, **options).compress(history)


def ranges_of(context: Context) -> dict[str, list[tuple[int, int]]]:
    """Where the characters of each turn stand: every page span and text part, in the context's order."""
    ranges = defaultdict(list)
    for part in context.parts:
        if isinstance(part, TextPart):
            end = len(part.turn.text) if part.end is None else part.end
            ranges[part.turn.id].append((part.start, end))
        else:
            for span in part.page.spans:
                ranges[span.source].append((span.start, span.end))
    return ranges


def assert_nothing_is_lost(context: Context, turns: list[Turn]) -> None:
    ranges = ranges_of(context)
    assert ranges.keys() == {turn.id for turn in turns}
    for turn in turns:
        borders = [0, *(end for _, end in ranges[turn.id])]
        assert [start for start, _ in ranges[turn.id]] == borders[:-1]
        assert borders[-1] == len(turn.text)


def reasons_of(context: Context) -> dict[str, str]:
    return {part.turn.id: part.reason for part in context.parts if isinstance(part, TextPart)}
