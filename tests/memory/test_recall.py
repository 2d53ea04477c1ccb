"""Finding pages again: the words that are rare decide, and a hit is read at its sharpest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.recall import DIMENSIONS, PageIndex, best_window, features
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.modes import LARGE, SMALL, TINY
from renderers import Grid
from tests.memory.fake import CERTAIN, DOUBTFUL, FakeModel, conversation, memory_of, prose

FADED = ForgettingSchedule(((0, LARGE), (1, TINY)))


def index_of(**texts: str) -> PageIndex:
    index = PageIndex()
    for key, text in texts.items():
        index.add(key, text)
    return index


def remembering(model: FakeModel, needle: str, schedule: ForgettingSchedule = FADED) -> OpticalMemory:
    """Twelve turns, a page each; the needle stands in the fourth."""
    history = conversation(12, 4000)
    history[3]["content"] = f"{prose(1900, 3)} {needle} {prose(1900, 30)}"
    memory = memory_of(model, schedule=schedule, keep_last=0)
    memory.compress(history)
    return memory


def test_the_page_that_shares_the_words_comes_first() -> None:
    index = index_of(a="we chose port 5432", b="the cat sat", c="a port of call")
    assert [key for key, _ in index.search("which port 5432", 3)] == ["a", "c"]


def test_rare_words_weigh_more_than_common_ones() -> None:
    common = {f"common{number}": f"server alpha beta n{number}" for number in range(9)}
    index = index_of(**common, rare="zebra alpha beta n9")
    assert index.search("server zebra", 1)[0][0] == "rare"
    assert index.rarity("zebra")["zebra"] > index.rarity("server")["server"] > 0.0


def test_case_does_not_matter_and_long_words_match_by_their_beginning() -> None:
    index = index_of(a="Configuration", b="other")
    assert [key for key, _ in index.search("CONFIGURED", 2)] == ["a"]


def test_features_are_words_and_stems() -> None:
    assert features("Port port 5432 latency") == {"port": 2, "5432": 1, "latency": 1, "laten*": 1}


def test_scores_are_cosines_and_fall() -> None:
    index = index_of(a="alpha beta", b="alpha gamma delta", c="alpha")
    scores = [score for _, score in index.search("alpha beta", 3)]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 < score <= 1.0 + 1e-5 for score in scores)


@pytest.mark.parametrize("query", ["", "   ", "zzz", "?!", "\ud800"])
def test_no_word_in_common_finds_nothing(query: str) -> None:
    assert index_of(a="alpha").search(query, 3) == []


def test_an_empty_index_finds_nothing() -> None:
    assert PageIndex().search("alpha", 3) == []


def test_a_page_without_words_can_be_indexed() -> None:
    index = index_of(a="...", b="alpha")
    assert [key for key, _ in index.search("alpha", 2)] == ["b"]


def test_the_limit_is_kept() -> None:
    assert len(index_of(a="alpha", b="alpha", c="alpha").search("alpha", 2)) == 2


def test_adding_a_key_again_replaces_its_text() -> None:
    index = index_of(a="alpha")
    index.add("a", "beta")
    assert index.search("alpha", 1) == []
    assert [key for key, _ in index.search("beta", 1)] == ["a"]
    assert len(index) == 1


def test_removed_pages_are_not_found() -> None:
    index = index_of(a="alpha", b="alpha", c="alpha")
    index.remove("b")
    index.remove("b")
    index.keep_only({"c", "unknown"})
    assert [key for key, _ in index.search("alpha", 3)] == ["c"]
    assert "a" not in index
    assert "c" in index


WORD_LISTS = st.dictionaries(
    st.integers(0, 5), st.lists(st.sampled_from("alpha beta gamma delta".split()), max_size=5), max_size=5
)


@given(WORD_LISTS, WORD_LISTS, st.sampled_from(("alpha", "beta gamma", "delta")))
@settings(max_examples=60, deadline=None)
def test_what_was_removed_leaves_no_trace(first: dict[int, list[str]], then: dict[int, list[str]], query: str) -> None:
    """Scores depend on the pages that are there, not on those that were."""
    used, fresh = PageIndex(), PageIndex()
    for key, words in first.items():
        used.add(key, " ".join(words))
    used.keep_only(set())
    for key, words in then.items():
        used.add(key, " ".join(words))
        fresh.add(key, " ".join(words))
    found, expected = dict(used.search(query, 9)), dict(fresh.search(query, 9))
    assert found.keys() == expected.keys()
    assert all(abs(found[key] - expected[key]) < 1e-5 for key in found)


def test_vectors_have_room_for_more_words_than_a_page_holds() -> None:
    assert DIMENSIONS >= 64 * 64 // 4


def test_the_best_window_holds_the_words_that_tell_most() -> None:
    text = "port " * 30 + "x" * 40 + " the zebra listens on port 5432 today " + "y" * 80
    score, window = best_window(text, {"zebra": 2.0, "port": 0.5, "5432": 3.0}, 60)
    assert "zebra listens on port 5432" in window
    assert score == 5.5


def test_a_window_without_the_words_is_the_beginning() -> None:
    assert best_window("alpha beta gamma", {"zebra": 1.0}, 8) == (0.0, "alpha be")
    assert best_window("", {"zebra": 1.0}, 8) == (0.0, "")


@given(
    st.lists(st.sampled_from(("zebra", "port", "of", "x" * 9, "\n")), max_size=40).map(" ".join), st.integers(20, 120)
)
@settings(max_examples=80, deadline=None)
def test_a_window_is_a_stretch_of_the_text_that_holds_what_it_scores(text: str, length: int) -> None:
    rarity = {"zebra": 2.0, "port": 1.0}
    score, window = best_window(text, rarity, length)
    assert window in text
    assert len(window) <= length
    assert score <= sum(weight for word, weight in rarity.items() if word in window)
    assert (score > 0.0) == ("zebra" in text or "port" in text)


def test_a_word_longer_than_half_the_window_is_found() -> None:
    token = "a" * 50
    assert best_window(f"the key is {token}", {token: 1.0}, 80)[0] == 1.0


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
