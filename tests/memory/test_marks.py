"""Pins and recalls: they hold pages sharp, follow their turns, and take nothing from another process."""

from pathlib import Path
from typing import Any

import pytest

from optical_memory.errors import BudgetError
from optical_memory.memory.marks import Marks
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.turn import whole_history
from optical_memory.modes import BASE, TINY
from tests.memory.fake import FakeModel, conversation, memory_of, prose

# What they do


def test_a_pinned_turn_keeps_its_page_sharp() -> None:
    memory = memory_of(FakeModel(), keep_last=0)
    memory.pin("turn-0")
    pages = memory.compress(conversation(40, 3000)).pages
    assert pages[0].encoded.mode == BASE
    assert pages[1].encoded.mode in (BASE, TINY)
    assert pages[5].encoded.mode == TINY


def test_a_recalled_page_is_young_again_at_the_next_fades() -> None:
    history = conversation(40, 3000)
    history[2]["content"] = prose(1500, 2) + " zebra " + prose(1400, 3)
    memory = memory_of(FakeModel(), fade_every=1)
    memory.compress(history)
    (hit,) = memory.recall("zebra", 1)
    assert hit.number is not None
    pages = memory.compress([*history, *conversation(1)]).pages
    assert pages[hit.number - 1].encoded.mode == BASE


# Edited histories


def test_marks_follow_their_turns_when_a_history_is_edited() -> None:
    """Messages without ids are called by their positions."""
    before = whole_history(conversation(20))
    marks = Marks(frozenset({"turn-4", "turn-2", "turn-99"}), {"turn-6": 19, "turn-2": 5})
    now = whole_history([*conversation(20)[:2], *conversation(20)[3:]])
    followed = marks.following(before, now)
    assert followed.pins == {"turn-3", "turn-99"}, "turn 2 is gone, and its name another's"
    assert followed.hits == {"turn-5": 18}
    assert marks.following(before, [*before, *now[:1]]) is marks


def test_a_turn_that_was_cut_off_takes_its_pin_with_it() -> None:
    """The next turn at its place has its name."""
    before = whole_history(conversation(20))
    named = whole_history([{**message, "id": f"m{place}"} for place, message in enumerate(conversation(20))])
    for turns, stays in ((before, False), (named, True)):
        pinned = Marks(frozenset({turns[19].id}), {turns[18].id: 19})
        shorter = pinned.following(turns, turns[:15])
        assert bool(shorter.pins) == bool(shorter.hits) == stays, "turns with ids of their own may come back"
        assert shorter.following(turns[:15], turns).pins == (pinned.pins if stays else frozenset())


def test_what_goes_takes_its_marks_and_moves_those_behind_it() -> None:
    turns = whole_history(conversation(6))
    marks = Marks(frozenset({"turn-1", "turn-4"}), {"turn-1": 5, "turn-4": 5, "turn-5": 1})
    assert marks.without(turns, [0, 2, 3, 4, 5]) == Marks(frozenset({"turn-4"}), {"turn-4": 4, "turn-5": 0})


def test_a_memory_keeps_its_marks_on_the_turns_of_an_edited_history() -> None:
    history = conversation(20, 1500)
    memory = memory_of(FakeModel(), keep_last=2)
    memory.compress(history)
    memory.pin("turn-4")
    memory.compress([*history[:2], *history[3:]])
    assert memory._record.marks.pins == {"turn-3"}


def test_what_fails_moves_no_pin() -> None:
    history = conversation(20, 1500)
    memory = memory_of(FakeModel(), keep_last=2)
    memory.compress(history)
    memory.pin("turn-4")
    memory.schedule = ForgettingSchedule(budget=10)
    with pytest.raises(BudgetError):
        memory.compress([*history[:2], *history[3:]])
    assert memory._record.marks.pins == {"turn-4"}


# Other processes


def shared(folder: Path) -> OpticalMemory:
    return memory_of(FakeModel(), store=folder, scope="ann/thread")


@pytest.mark.parametrize(
    "act", [lambda memory: memory.pin("turn-0"), lambda memory: memory.context, lambda memory: memory.recall("port")]
)
def test_marks_bring_nothing_back_that_another_process_forgot(tmp_path: Path, act: Any) -> None:
    first = shared(tmp_path)
    first.compress([*conversation(20, 900), {"role": "user", "content": "SECRETWORD"}, *conversation(6, 900)])
    second = shared(tmp_path)
    first.forget(matching="SECRETWORD")
    act(second)
    assert not any("SECRETWORD" in turn.text for turn in shared(tmp_path)._record.turns)


def test_marks_take_no_turns_from_another_process(tmp_path: Path) -> None:
    history = conversation(26, 900)
    first = shared(tmp_path)
    first.compress(history[:16])
    second = shared(tmp_path)
    first.compress(history)
    second.pin("turn-3")
    now = shared(tmp_path)
    assert len(now._record.turns) == 26 and now._record.marks.pins == {"turn-3"}
