"""A few characters that a model was not taught keep no turn off the pages: they are told beside them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.memory.errata import amend
from optical_memory.memory.fidelity import source_text
from optical_memory.memory.legend import BOXES
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.strangers import MOST, are_told, listed, strangers
from optical_memory.model import Model
from optical_memory.modes import BASE, SMALL, TINY
from renderers import Block, Grid, lay_out
from tests.memory.fake import FakeModel, conversation, memory_of, prose
from tests.memory.histories import FLAT

ROCKET, WRENCH, TIRED = "\U0001f680", "\U0001f527", "\U0001f62b"
TEXT = f"{ROCKET} {prose(1200, 1)} {WRENCH}{WRENCH} {prose(1200, 2)} {TIRED}"


def cheerful() -> list[dict[str, str]]:
    return [{"role": "user", "content": TEXT}, *conversation(8, 1500)]


@pytest.mark.parametrize("lossless", [False, True])
def test_they_are_told_and_nothing_is_lost(lossless: bool) -> None:
    model = FakeModel(spoilt={"Small": 0.01})
    context = memory_of(model, schedule=FLAT, lossless=lossless).compress(cheerful())
    page = context.pages[0]
    read = source_text(page.page, model.read([page.encoded], page.page.grid)[0])
    amended = amend(read, page.errata)
    assert TEXT in page.page.text and not {ROCKET, WRENCH, TIRED} & set(read)
    assert [c for c in amended if c in (ROCKET, WRENCH, TIRED)] == [ROCKET, WRENCH, WRENCH, TIRED]
    assert (amended == page.page.text) == lossless
    assert ROCKET in context.text() and ROCKET in page.splice_parts()[1]


def test_their_tokens_are_counted_as_foreseen_and_kept() -> None:
    context = memory_of(FakeModel(), schedule=FLAT).compress(cheerful())
    row = context.report.pages[0]
    assert row.errata_tokens > 0
    assert context.report.pages[-1].errata_tokens == 0


def test_what_is_told_does_not_count_as_read_wrong_where_a_schedule_asks_for_legible_pages() -> None:
    schedule = ForgettingSchedule(((0, TINY),), min_fidelity=0.99)
    ticked = (prose(39, 1) + WRENCH) * 200
    context = memory_of(FakeModel(), schedule=schedule, keep_last=0).compress([{"role": "user", "content": ticked}])
    assert {part.encoded.mode for part in context.pages} == {TINY}
    assert context.pages[0].fidelity == pytest.approx(39 / 40, abs=0.001)


def test_recall_tells_them_wherever_it_reads() -> None:
    memory = memory_of(FakeModel(), schedule=FLAT)
    memory.compress(cheerful())
    found = next(found for found in memory.recall(TEXT[:300]) if TEXT in found.text)
    assert found.read and found.certainty == 1.0


def test_hosted_readers_are_told_what_boxes_stand_for() -> None:
    messages = memory_of(FakeModel(), schedule=FLAT).compress(cheerful()).messages()
    captions = [part["text"] for part in messages[0]["content"] if part["type"] == "text"]
    assert captions[2] == f"Page 1, {BOXES} {ROCKET} {WRENCH}{WRENCH} {TIRED}"
    assert not any("boxes" in caption for caption in captions[3:])


@pytest.mark.parametrize("never", ["\0", "\ud83d", "\ue055", "\u00b6", "\u203a"])
def test_what_looks_like_something_else_is_never_told(never: str) -> None:
    assert not are_told(never, never + "x" * 5000)


@given(st.integers(1, 60), st.integers(1, 3000))
def test_so_many_are_told(count: int, others: int) -> None:
    assert are_told(WRENCH, WRENCH * count + "x" * others) == (count <= MOST * (count + others))


def test_many_different_ones_are_not_counted_one_by_one() -> None:
    assert not are_told("".join(map(chr, range(0x4E00, 0x9000))), "x" * 100_000)


def test_their_places_are_those_of_the_pages_text() -> None:
    page = lay_out([Block(f"a{WRENCH}b\n{ROCKET}", "user", "0", mark=0xE055)], Grid(8, 8))[0]
    model = FakeModel()
    assert strangers(model.unreadable, page).tolist() == [1, 4]
    assert strangers(model.unreadable, page, np.array([0, 4], dtype=np.int32)).tolist() == [4]
    assert listed(page.text, WRENCH + ROCKET) == f"{WRENCH} {ROCKET}"


def test_the_bundled_model_gives_back_an_emoji(bundled_model: Model) -> None:
    text = "The build is green " + WRENCH + " and the deploy went out at 17:42 " + ROCKET + "\nNext: the index. " * 20
    page = lay_out([Block(text, "user", "0")], bundled_model.grid)[0]
    reading = bundled_model.read(bundled_model.encode([page], TINY), page.grid)[0]
    wrong = np.flatnonzero(reading.codes[page.source_cells] != page.codes[page.source_cells])
    assert (
        strangers(bundled_model.unreadable, page).tolist() == wrong.tolist() == [text.index(WRENCH), text.index(ROCKET)]
    )
    assert bundled_model.undrawn(text, SMALL.side) == WRENCH + ROCKET


def test_what_small_cells_cannot_show_is_undrawn_there_alone(bundled_model: Model) -> None:
    assert bundled_model.undrawn("a\u1ebf", TINY.side) == "\u1ebf"
    assert bundled_model.undrawn("a\u1ebf", BASE.side) == ""


def test_letters_that_small_cells_draw_as_others_are_undrawn_there_and_read_all_the_same(bundled_model: Model) -> None:
    text = "ża\ufb01\u05e9"
    assert bundled_model.undrawn(text, TINY.side) == "\u017c\ufb01\u05e9"
    assert bundled_model.undrawn(text, BASE.side) == "\u05e9"
    assert bundled_model.unreadable(text) == "\u05e9"


@pytest.mark.parametrize(
    "unseen", ["\x0c", "\x0b", "\x1c", "\x85", "\u2003", "\u2009", "\u2028", "\u3000", "\u200b", "\x01"]
)
def test_what_nobody_would_see_in_a_list_is_named(unseen: str) -> None:
    assert listed(f"a{unseen}b{ROCKET}{unseen}{WRENCH}c", unseen + WRENCH + ROCKET) == (
        f"U+{ord(unseen):04X} {ROCKET} U+{ord(unseen):04X} {WRENCH}"
    )


def test_an_emoji_of_several_stays_one() -> None:
    astronaut = "\U0001f469\u200d\U0001f680"
    assert listed(f"an {astronaut}!", astronaut) == astronaut
