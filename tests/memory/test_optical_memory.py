"""OpticalMemory on a fake model: nothing is lost, whatever comes in."""

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.errors import CheckpointError, InvalidHistoryError
from optical_memory.memory.context import TextPart
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.turn import Turn, parse_history
from tests.memory.fake import FakeModel, conversation, memory_of, prose
from tests.memory.histories import (
    CJK,
    FLAT,
    Message,
    assert_nothing_is_lost,
    compress,
    examples,
    histories,
    reasons_of,
)

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
        (CJK * 40, r"\u65e5\u672c"),
        ("\U0001f642 " * 300, r"\U0001f642"),
        ("שלום" * 80, r"\u05e9"),
        ("\u202e" * 300, r"\u202e"),
        ("".join(map(chr, range(0x4E00, 0x4F00))), r"\u4e00\u4e01"),
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
