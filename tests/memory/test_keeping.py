"""How pages are kept: only what is new is encoded, and each page in the mode that its age and its text ask for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.memory.context import PagePart, TextPart
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.store import TokenStore
from optical_memory.modes import BASE, GUNDAM, SMALL, TINY, Mode
from renderers import Grid
from tests.memory.fake import FakeModel, conversation, memory_of, prose
from tests.memory.histories import FLAT, SMALL_PAGE, Message, compress, examples, histories, reasons_of

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
    assert {part.encoded.mode for part in context.pages} == {TINY, BASE}


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
