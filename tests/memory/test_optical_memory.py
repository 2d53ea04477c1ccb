"""OpticalMemory on a fake model: nothing is lost, only what is new is encoded, and the report adds up."""

import copy
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optical_memory.encoded import EncodedPage
from optical_memory.errors import CheckpointError, InvalidHistoryError, OpticalMemoryError
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import Context, PagePart, TextPart
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.selection import protected_from
from optical_memory.memory.store import TokenStore
from optical_memory.memory.turn import Turn, parse_history
from optical_memory.modes import BASE, GUNDAM, SMALL, TINY, Mode
from renderers import Grid
from renderers.transcript import MARKS
from tests.memory.fake import FakeModel, conversation, memory_of, prose

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


# Nothing is lost


@given(histories(), st.integers(0, 4))
@examples(80)
def test_every_character_stands_once_on_a_page_or_in_a_text(history: list[Message], keep_last: int) -> None:
    assert_nothing_is_lost(compress(history, keep_last), parse_history(history))


@given(histories(), st.integers(0, 4))
@examples(50)
def test_pages_and_texts_hold_the_turns_own_characters(history: list[Message], keep_last: int) -> None:
    context = compress(history, keep_last)
    sources = {turn.id: turn.text for turn in parse_history(history)}
    for shown in context.pages:
        assert shown.page.text == "".join(sources[span.source][span.start : span.end] for span in shown.page.spans)
    rebuilt: dict[str, str] = dict.fromkeys(sources, "")
    for part in context.parts:
        if isinstance(part, TextPart):
            rebuilt[part.turn.id] += part.text
        else:
            for span in part.page.spans:
                rebuilt[span.source] += sources[span.source][span.start : span.end]
    assert rebuilt == sources


def test_a_line_of_50_000_characters() -> None:
    line = "".join(chr(0x21 + (index * index + index // 7) % 94) for index in range(50_000))
    history = [{"role": "user", "content": line}, *conversation(4)]
    context = memory_of(FakeModel()).compress(history)
    assert len(context.pages) == -(-50_000 // 4095)
    assert "".join(part.page.text for part in context.pages) == line


@pytest.mark.parametrize("text", ["tabs\tand\nnewlines\r\n" * 50, "naïve “quotes” — €5 ≤ 6 →" * 40, "a\u00a0b" * 200])
def test_readable_text_goes_on_a_page_exactly(text: str) -> None:
    context = memory_of(FakeModel(), keep_last=0).compress([{"role": "user", "content": text}])
    assert [part.page.text for part in context.pages] == [text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CJK, r"\u65e5\u672c"),
        ("smile \U0001f642", r"\U0001f642"),
        ("שלום", r"\u05e9"),
        ("bidi \u202e override", r"\u202e"),
        ("nul \0 byte", r"\x00"),
        ("lone \ud800 surrogate", r"\ud800"),
        ("marker \ue055 code", r"\ue055"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_turn_that_cannot_be_read_stays_text_with_the_reason(text: str, shown: str) -> None:
    message = {"role": "user", "content": text + " " + prose(3000, 0)}
    context = compress([message, *conversation(6)])
    reason = reasons_of(context)["turn-0"]
    assert "does not read" in reason
    assert shown in reason
    assert context.messages()[0] == message
    assert reason.isascii()


@pytest.mark.parametrize(
    "part",
    [{"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "input_audio", "input_audio": {"data": ""}}],
    ids=lambda part: str(part["type"]),
)
def test_a_turn_with_a_picture_or_sound_stays_as_it_came(part: Message) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": prose(3000, 0)}, part]}
    context = compress([message, *conversation(6)])
    assert reasons_of(context)["turn-0"] == f"holds {part['type']}"
    assert context.messages()[0] == message


def test_an_empty_turn_stays_with_the_reason() -> None:
    message = {"role": "assistant", "content": None, "refusal": "no"}
    context = compress([message, *conversation(6)])
    assert reasons_of(context)["turn-0"] == "empty"
    assert context.messages()[0] == message


def test_a_system_message_stays_text_wherever_it_stands() -> None:
    history = conversation(8, 3000)
    history[3] = {"role": "system", "content": prose(3000, 3)}
    history[4] = {"role": "developer", "content": prose(3000, 4)}
    context = compress(history)
    assert {turn: reasons_of(context)[turn] for turn in ("turn-3", "turn-4")} == dict.fromkeys(
        ("turn-3", "turn-4"), "system message"
    )
    assert history[3] in context.messages()
    assert history[4] in context.messages()


def test_a_spoilt_page_loses_no_source() -> None:
    history = conversation(8, 3000)
    context = memory_of(FakeModel(spoilt={"Small": 0.5}), keep_last=2, schedule=FLAT).compress(history)
    assert_nothing_is_lost(context, parse_history(history))
    assert [part.fidelity for part in context.pages] == pytest.approx([0.5] * len(context.pages), abs=0.001)


# What comes in


def test_dicts_and_turns_give_the_same_context() -> None:
    history = conversation(8, 3000)
    turns = [Turn(message["role"], message["content"]) for message in history]
    from_dicts, from_turns = compress(history), compress(turns)  # type: ignore[arg-type]
    assert from_dicts.messages() == from_turns.messages()


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(InvalidHistoryError, match="empty"):
        compress([])


def test_a_refused_history_leaves_the_memory_as_it_was() -> None:
    memory = memory_of(FakeModel())
    kept = memory.compress(conversation(6, 3000))
    with pytest.raises(InvalidHistoryError):
        memory.compress([{"role": "wizard", "content": "x"}])
    assert memory.context is kept


@given(histories())
@examples(30)
def test_the_history_is_not_written_to(history: list[Message]) -> None:
    before = copy.deepcopy(history)
    compress(history).messages()
    assert history == before


def test_negative_keep_last_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        memory_of(FakeModel(), keep_last=-1)


def test_a_model_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        OpticalMemory(tmp_path / "none.safetensors", device="cpu")


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


# Only what is new is encoded


def test_the_same_history_again_encodes_nothing() -> None:
    model = FakeModel()
    memory = memory_of(model)
    memory.compress(conversation(30, 1000))
    encoded = model.num_encoded
    memory.compress(conversation(30, 1000))
    assert model.num_encoded == encoded > 0


@pytest.mark.parametrize("num_characters", [100, 1000, 4095])
def test_one_more_turn_encodes_at_most_two_pages(num_characters: int) -> None:
    model = FakeModel()
    memory = memory_of(model, schedule=FLAT, fade_every=1)
    for num_turns in range(20, 40):
        memory.compress(conversation(num_turns, num_characters))
        encoded = model.num_encoded
        memory.compress(conversation(num_turns + 1, num_characters))
        assert model.num_encoded - encoded <= 2


def test_with_fading_one_more_turn_encodes_what_is_new_and_what_changes_its_mode() -> None:
    model = FakeModel()
    memory = memory_of(model, fade_every=1)
    before = memory.compress(conversation(99, 1000)).pages
    encoded = model.num_encoded
    after = memory.compress(conversation(100, 1000)).pages
    modes = {part.page.digest: part.encoded.mode for part in before}
    assert model.num_encoded - encoded == sum(modes.get(part.page.digest) != part.encoded.mode for part in after)
    assert model.num_encoded - encoded <= 2 + len(ForgettingSchedule().steps)


def test_growing_turn_by_turn_ends_where_one_call_ends() -> None:
    memory = memory_of(FakeModel(), fade_every=1)
    for num_turns in range(1, 26):
        grown = memory.compress(conversation(num_turns, 1500))
    at_once = memory_of(FakeModel()).compress(conversation(25, 1500))
    assert json.dumps(grown.messages()) == json.dumps(at_once.messages())
    assert grown.report.model_dump(exclude={"seconds", "unchanged_tokens"}) == at_once.report.model_dump(
        exclude={"seconds", "unchanged_tokens"}
    )


@given(histories(), st.integers(0, 3))
@examples(25)
def test_the_same_history_gives_the_same_bytes(history: list[Message], keep_last: int) -> None:
    memory = memory_of(FakeModel(SMALL_PAGE), keep_last=keep_last)
    first, again = (json.dumps(memory.compress(history).messages()) for _ in range(2))
    assert first == again == json.dumps(compress(history, keep_last).messages())


def test_a_store_without_room_changes_no_byte() -> None:
    history = conversation(30, 1000)
    cramped = memory_of(FakeModel(), store=TokenStore(budget=0)).compress(history)
    assert json.dumps(cramped.messages()) == json.dumps(memory_of(FakeModel()).compress(history).messages())


def test_a_shared_store_saves_encoding() -> None:
    store, second = TokenStore(), FakeModel()
    memory_of(FakeModel(), store=store).compress(conversation(10, 3000))
    memory_of(second, store=store).compress(conversation(10, 3000))
    assert second.num_encoded == 0


def test_another_encoder_gets_nothing_from_a_shared_store() -> None:
    store, second = TokenStore(), FakeModel(fingerprint="other")
    memory_of(FakeModel(), store=store).compress(conversation(10, 3000))
    context = memory_of(second, store=store).compress(conversation(10, 3000))
    assert second.num_encoded == len(context.pages) > 0


def test_progress_counts_up_to_the_pages_to_encode() -> None:
    told: list[tuple[int, int]] = []
    model = FakeModel()
    memory_of(model, on_progress=lambda done, total: told.append((done, total))).compress(conversation(40, 3000))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert {total for _, total in told} == {model.num_encoded}
    assert told[-1][0] == model.num_encoded


# Modes


def test_pages_fade_with_age() -> None:
    context = memory_of(FakeModel(), keep_last=0).compress(conversation(30, 4000))
    sides = [part.encoded.mode.side for part in context.pages]
    assert sides[:-1] == sorted(sides[:-1])
    assert {part.encoded.mode for part in context.pages} == {TINY, SMALL, BASE}


def test_a_page_is_as_old_as_its_newest_turn() -> None:
    context = memory_of(FakeModel(), keep_last=0).compress(conversation(30, 4000))
    for part in context.pages[:-1]:
        age = 29 - int(part.page.sources[-1].removeprefix("turn-"))
        assert part.encoded.mode == ForgettingSchedule().mode_at(age)


@given(histories(), st.integers(0, 3))
@examples(40)
def test_a_page_never_costs_more_than_its_text(history: list[Message], keep_last: int) -> None:
    for part in compress(history, keep_last).pages:
        assert part.encoded.sequence_length < part.text_tokens


def test_what_is_cheaper_as_text_stays_text_with_the_reason() -> None:
    history = [{"role": "user", "content": "a few words"}, *conversation(2)]
    context = compress(history)
    assert context.pages == []
    assert reasons_of(context)["turn-0"] == "cheaper as text"
    assert context.messages() == history


def test_the_tail_of_a_turn_may_stay_text() -> None:
    text = prose(4095 + 100, 0)
    context = memory_of(FakeModel(), keep_last=1).compress([{"role": "user", "content": text}, *conversation(1)])
    page, tail = context.parts[:2]
    assert isinstance(page, PagePart)
    assert isinstance(tail, TextPart)
    assert page.page.text + tail.text == text
    assert tail.text in context.messages()[1]["content"]


def test_a_page_with_little_text_takes_a_cheaper_mode() -> None:
    context = memory_of(FakeModel(), keep_last=0).compress([{"role": "user", "content": prose(600, 0)}])
    (part,) = context.pages
    assert part.encoded.mode in (TINY, SMALL)
    assert part.text_tokens < BASE.sequence_length()


@pytest.mark.parametrize("mode", [TINY, BASE, GUNDAM], ids=str)
def test_a_schedule_of_one_step_keeps_its_mode(mode: Mode) -> None:
    schedule = ForgettingSchedule(((0, mode),))
    context = memory_of(FakeModel(Grid(128, 64)), schedule=schedule, keep_last=0).compress(conversation(5, 8191))
    assert [part.encoded.mode for part in context.pages] == [mode] * 5


def test_a_tiled_mode_fades_to_its_whole_view() -> None:
    """Both have the same side; the one without cuts is the cheaper."""
    schedule = ForgettingSchedule(((0, GUNDAM), (2, BASE)))
    context = memory_of(FakeModel(Grid(128, 64)), schedule=schedule, keep_last=0).compress(conversation(6, 8191))
    assert [part.encoded.mode for part in context.pages] == [BASE] * 4 + [GUNDAM] * 2


def test_a_mode_of_ones_own_is_encoded() -> None:
    schedule = ForgettingSchedule(((0, Mode("Own", 768)),))
    context = memory_of(FakeModel(), schedule=schedule, keep_last=0).compress(conversation(2, 4000))
    assert [part.encoded.mode.name for part in context.pages] == ["Own", "Own"]


# The report


@given(histories(), st.integers(0, 4))
@examples(50)
def test_the_report_adds_up(history: list[Message], keep_last: int) -> None:
    context = compress(history, keep_last)
    report = context.report
    assert report.tokens_before == sum(count_text_tokens([turn.text for turn in parse_history(history)]))
    pages = [part.encoded.sequence_length for part in context.pages]
    texts = count_text_tokens([part.text for part in context.parts if isinstance(part, TextPart)])
    assert [page.sequence_length for page in report.pages] == pages
    assert [text.tokens for text in report.texts] == texts
    assert report.tokens_after == sum(pages) + sum(texts)
    assert report.ratio == (report.tokens_before / report.tokens_after if report.tokens_after else 1.0)


def test_the_report_names_every_page_and_text() -> None:
    context = memory_of(FakeModel(spoilt={"Small": 0.25})).compress(conversation(12, 3000))
    report = context.report
    assert report.model == "fake"
    assert [(row.number, row.mode, row.turns, row.fidelity) for row in report.pages] == [
        (part.number, part.encoded.mode.name, list(part.page.sources), part.fidelity) for part in context.pages
    ]
    assert [(row.turn, row.reason) for row in report.texts] == list(reasons_of(context).items())
    assert report.seconds > 0


def test_the_reports_fidelity_is_the_pages_mean_by_their_text() -> None:
    report = memory_of(FakeModel(spoilt={"Small": 0.5, "Tiny": 1.0})).compress(conversation(30, 1500)).report
    assert {page.fidelity for page in report.pages} > {0.0, 1.0}
    weight = sum(page.text_tokens for page in report.pages)
    assert report.fidelity == pytest.approx(sum(page.fidelity * page.text_tokens for page in report.pages) / weight)
    assert 0.0 < report.fidelity < 1.0


def test_a_report_without_pages_is_wholly_legible() -> None:
    report = compress(conversation(2, 20)).report
    assert (report.fidelity, report.ratio, report.pages) == (1.0, 1.0, [])


def test_a_report_of_nothing_but_an_empty_turn() -> None:
    report = compress([{"role": "user", "content": ""}]).report
    assert (report.tokens_before, report.tokens_after, report.ratio) == (0, 0, 1.0)


def test_the_printed_report_has_a_line_for_every_part() -> None:
    context = compress(conversation(12, 3000))
    lines = str(context.report).split("\n")
    assert len(lines) == 1 + len(context.parts)
    assert f"{context.report.tokens_before:,} tokens -> {context.report.tokens_after:,}" in lines[0]


# Read and ask


def test_reading_gives_back_the_page() -> None:
    memory = memory_of(FakeModel())
    context = memory.compress(conversation(12, 3000))
    for part in context.pages:
        by_number, by_part = memory.read(part.number), memory.read(part)
        assert by_number.text == by_part.text
        assert by_number.codes.tolist() == part.page.codes.tolist()


@pytest.mark.parametrize("number", [0, -1, 99])
def test_a_page_that_is_not_there_is_told(number: int) -> None:
    memory = memory_of(FakeModel())
    count = len(memory.compress(conversation(12, 3000)).pages)
    with pytest.raises(OpticalMemoryError, match=rf"no page {number}.*1 to {count}"):
        memory.read(number)


def test_reading_before_the_first_compress_is_told() -> None:
    memory = memory_of(FakeModel())
    with pytest.raises(OpticalMemoryError, match="compress"):
        memory.read(1)
    with pytest.raises(OpticalMemoryError, match="compress"):
        memory.ask("what?")


def asked(
    history: list[Message], question: str, max_positions: int = 8192
) -> tuple[OpticalMemory, list[str | EncodedPage]]:
    """What the decoder is handed for a question."""
    model = FakeModel(max_positions=max_positions)
    memory = memory_of(model)
    memory.compress(history)
    answer = memory.ask(question, 16)
    ((parts, told),) = model.asked
    assert (told, answer) == (question, f"{len(parts)} parts, at most 16 tokens")
    return memory, parts


def with_needle(position: int, needle: str) -> list[Message]:
    history = conversation(12, 4095)
    text = history[position]["content"]
    history[position]["content"] = f"{text[:2000]} {needle} {text[2000:]}"[:4095]
    return history


def positions(parts: list[str | EncodedPage]) -> int:
    return sum(len(part) if isinstance(part, str) else part.sequence_length for part in parts)


def test_asking_hands_over_the_whole_context_and_the_passage_last() -> None:
    memory, parts = asked(with_needle(3, "the zebra listens on 5432"), "where does the zebra listen", 40_000)
    assert parts[:-1] == memory.context.splice_parts()
    assert "the zebra listens on 5432" in str(parts[-1])


def test_too_long_a_context_loses_what_matters_least() -> None:
    question = "where does the zebra listen"
    memory, parts = asked(with_needle(3, "the zebra listens on 5432"), question, 17_200)
    assert positions(parts) <= 17_200 - 16 - len(question) - 3
    (expected,) = [part.encoded for part in memory.context.pages if "zebra" in part.page.text]
    pages = [part for part in parts if isinstance(part, EncodedPage)]
    assert expected in pages
    assert len(pages) < len(memory.context.pages)


def test_where_nothing_fits_the_passage_stands_alone() -> None:
    _, parts = asked(with_needle(3, "the zebra listens on 5432"), "where does the zebra listen", 600)
    (passage,) = parts
    assert "the zebra listens on 5432" in str(passage)


def test_a_newer_turn_is_told_under_its_own_marker() -> None:
    memory, _ = asked(with_needle(11, "the zebra listens on 5432"), "where does the zebra listen")
    passage = memory.passage_for("where does the zebra listen")
    assert passage[0] == chr(MARKS["assistant"])
    assert "the zebra listens on 5432" in passage


def test_a_passage_is_short_whatever_the_history() -> None:
    memory, _ = asked(with_needle(3, "the zebra"), "the zebra")
    for length in (40, 480):
        assert 1 < len(memory.passage_for("the zebra", length)) <= 1 + length


def test_a_question_that_shares_no_word_still_gets_a_passage() -> None:
    _, parts = asked(conversation(12, 4095), "xylophone?")
    assert isinstance(parts[-1], str) and len(parts[-1]) > 1


def test_asking_leaves_the_context_as_it_was() -> None:
    memory, _ = asked(with_needle(3, "the zebra"), "the zebra")
    before = memory.context
    memory.ask("the zebra")
    assert memory.context is before
