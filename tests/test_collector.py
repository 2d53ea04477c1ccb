"""The garbage collector stands still during an import, passes over what was set aside, and else works as before."""

import gc
from collections.abc import Iterator

import pytest

from optical_memory import collector
from optical_memory.collector import set_aside, without_collections


@pytest.fixture(autouse=True)
def nothing_set_aside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a fresh process."""
    monkeypatch.setattr(collector, "_is_set_aside", False)
    gc.unfreeze()
    yield
    gc.unfreeze()


class Ring:
    """A cycle that tells how many of it live."""

    alive = 0

    def __init__(self) -> None:
        self.self = self
        Ring.alive += 1

    def __del__(self) -> None:
        Ring.alive -= 1


def test_no_pass_within_and_none_over_what_was_made() -> None:
    passes: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            passes.append(info["generation"])

    gc.callbacks.append(note)
    try:
        with without_collections():
            made = [[place] for place in range(200_000)]
        after = [[place] for place in range(2_000)]
    finally:
        gc.callbacks.remove(note)
    assert gc.isenabled() and gc.get_freeze_count() == 0
    assert 2 not in passes and len(passes) < 10
    assert len(made) + len(after) == 202_000


def test_cycles_made_within_are_still_collected() -> None:
    with without_collections():
        for _ in range(5):
            Ring()
    gc.collect()
    assert Ring.alive == 0


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with without_collections():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_lives_is_set_aside_once_and_garbage_is_not() -> None:
    for _ in range(3):
        Ring()
    living = [[place] for place in range(50_000)]
    set_aside()
    aside = gc.get_freeze_count()
    assert Ring.alive == 0 and aside > len(living)
    later = [[place] for place in range(20_000)]
    set_aside()
    # Fewer than before is possible: see below.
    assert gc.get_freeze_count() <= aside and len(later) == 20_000
    Ring()
    gc.collect()
    assert Ring.alive == 0


def test_what_is_imported_later_joins_it() -> None:
    set_aside()
    aside = gc.get_freeze_count()
    with without_collections():
        made = [[place] for place in range(100_000)]
    assert gc.get_freeze_count() >= aside + len(made)


def test_a_program_that_froze_its_own_is_left_alone() -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()
    made_since: list[list[int]] = [[] for _ in range(1000)]
    set_aside()
    # Fewer than before is possible: frozen objects of other threads die when nothing refers to them.
    assert gc.get_freeze_count() < frozen + len(made_since) and not collector._is_set_aside
