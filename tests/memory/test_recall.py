"""Recalling pages: a hit comes back sharpened, with its spans and how sure the reader is of it."""

from typing import Any

import numpy as np
import pytest

from optical_memory.errors import CheckpointError, OpticalMemoryError
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.modes import LARGE, SMALL, TINY
from renderers import Grid
from tests.memory.fake import CERTAIN, DOUBTFUL, FakeModel, conversation, memory_of, prose

FADED = ForgettingSchedule(((0, LARGE), (1, TINY)))


def remembering(
    model: FakeModel, needle: str, schedule: ForgettingSchedule = FADED, lossless: bool = False
) -> OpticalMemory:
    """Twelve turns, a page each; the needle stands in the fourth."""
    history = conversation(12, 4000)
    history[3]["content"] = f"{prose(1900, 3)} {needle} {prose(1900, 30)}"
    memory = memory_of(model, schedule=schedule, keep_last=0, lossless=lossless)
    memory.compress(history)
    return memory


def test_recall_finds_the_needle() -> None:
    found = remembering(FakeModel(), "the zebra listens on 5432").recall("where does the zebra listen")
    assert "turn-3" in found[0].turns
    assert "the zebra listens on 5432" in found[0].text


def test_recall_reads_at_the_sharpest_mode() -> None:
    memory = remembering(FakeModel(spoilt={"Tiny": 0.5}), "zebra crossing")
    (hit,) = memory.recall("zebra", 1)
    assert memory.context.pages[hit.number - 1].encoded.mode == TINY
    assert hit.mode == LARGE
    assert "zebra crossing" in hit.text
    assert hit.certainty == CERTAIN


def test_recall_tells_how_sure_it_is_of_each_character() -> None:
    memory = remembering(FakeModel(spoilt={"Large": 0.25}), "zebra crossing")
    (hit,) = memory.recall("zebra", 1)
    source = memory.context.pages[hit.number - 1].page.text
    assert len(hit.probabilities) == len(hit.text) == len(source)
    wrong = [read != right for read, right in zip(hit.text, source, strict=True)]
    assert hit.probabilities.tolist() == [DOUBTFUL if spoilt else CERTAIN for spoilt in wrong]
    assert hit.certainty == pytest.approx(1 - 0.25 * (1 - DOUBTFUL), abs=0.001)


@pytest.mark.parametrize("faded", [False, True])
def test_a_lossless_memory_recalls_what_was_said(faded: bool) -> None:
    model = FakeModel(spoilt={"Large": 0.02, "Tiny": 0.01})
    schedule = FADED if faded else ForgettingSchedule(((0, LARGE),))
    memory = remembering(model, "the zebra listens on 5432", schedule, lossless=True)
    hits = memory.recall("the server port zebra", 3)
    assert len(hits) == 3
    for hit in hits:
        assert hit.number is not None
        assert hit.read
        assert hit.text == memory.context.pages[hit.number - 1].page.text
        assert hit.probabilities.tolist() == [CERTAIN] * len(hit.text)
    assert "the zebra listens on 5432" in memory.passage_for("where does the zebra listen")


def test_recall_leaves_the_context_as_it_was() -> None:
    memory = remembering(FakeModel(), "zebra")
    before = [part.encoded for part in memory.context.pages]
    memory.recall("zebra")
    assert all(part.encoded is encoded for part, encoded in zip(memory.context.pages, before, strict=True))


def test_a_second_recall_encodes_nothing() -> None:
    model = FakeModel()
    memory = remembering(model, "zebra")
    first = memory.recall("zebra", 1)
    calls = len(model.calls)
    assert [hit.text for hit in memory.recall("zebra", 1)] == [hit.text for hit in first]
    assert len(model.calls) == calls


def test_recall_sorts_and_limits() -> None:
    memory = remembering(FakeModel(), "zebra")
    hits = memory.recall("the server port zebra", 4)
    assert len(hits) == 4
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.number for hit in hits}) == 4
    assert memory.recall("the", 0) == []
    with pytest.raises(ValueError, match="limit counts pages, got -1"):
        memory.recall("zebra", -1)


def test_nothing_in_common_recalls_nothing() -> None:
    assert remembering(FakeModel(), "zebra").recall("xylophone") == []


def test_each_of_two_pages_alike_is_recalled() -> None:
    """A whole page of the same characters twice: both turns hold what is asked for."""
    grid = Grid(32, 32)
    text = "zebra " + prose(grid.num_cells - 7, 1)
    memory = memory_of(FakeModel(grid), keep_last=0)
    memory.compress([{"role": "user", "content": text}, {"role": "user", "content": text}])
    assert len(memory.context.pages) == 2
    assert sorted(turn for hit in memory.recall("zebra", 2) for turn in hit.turns) == ["turn-0", "turn-1"]


def test_recall_needs_something_to_remember() -> None:
    with pytest.raises(OpticalMemoryError, match="compress"):
        memory_of(FakeModel()).recall("x")


def test_only_pages_of_the_last_history_are_recalled() -> None:
    memory = remembering(FakeModel(), "zebra")
    memory.compress(conversation(6, 4000))
    assert memory.recall("zebra") == []


def test_probabilities_are_numbers_of_the_reader() -> None:
    (hit,) = remembering(FakeModel(), "zebra", ForgettingSchedule(((0, SMALL),))).recall("zebra", 1)
    assert hit.mode == SMALL
    assert hit.probabilities.dtype == np.float32


def test_a_hit_says_which_characters_of_which_turn_it_holds() -> None:
    memory = remembering(FakeModel(), "zebra crossing")
    (hit,) = memory.recall("zebra", 1)
    assert hit.number is not None
    assert hit.spans == memory.context.pages[hit.number - 1].page.spans
    assert sum(span.end - span.start for span in hit.spans) == len(hit.text)
    assert {span.source for span in hit.spans} == set(hit.turns)


def test_without_a_reader_the_source_itself_is_recalled() -> None:
    class Blind(FakeModel):
        def read(self, *_: Any) -> Any:
            raise CheckpointError("no readout")

    (hit,) = remembering(Blind(), "the zebra listens on 5432").recall("zebra", 1)
    assert "the zebra listens on 5432" in hit.text
    assert (hit.read, hit.certainty) == (False, 1.0)
