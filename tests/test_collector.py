"""The garbage collector stands still during an import, and works as before after it."""

import gc

from optical_memory.collector import without_collections


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
    class Ring:
        alive = 0

        def __init__(self) -> None:
            self.self = self
            Ring.alive += 1

        def __del__(self) -> None:
            Ring.alive -= 1

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
