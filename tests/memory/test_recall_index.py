"""The index of pages: words that are rare decide, near words help, and what was removed leaves no trace."""

from collections.abc import Sequence
from typing import Literal
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from optical_memory.memory.dense import PASSAGE
from optical_memory.memory.recall import PageIndex, best_window, fuse

Form = Literal["NFC", "NFD"]


def index_of(**texts: str) -> PageIndex:
    index = PageIndex()
    for key, text in texts.items():
        index.add(key, text)
    return index


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


@pytest.mark.parametrize("said", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_an_accent_may_stand_in_its_letter_or_behind_it(said: Form, asked: Form) -> None:
    text, query = normalize(said, "the résumé of José lies in Århus"), normalize(asked, "JOSÉ résumé")
    index = index_of(a=text, b="the resume lies in Paris", c="other")
    assert index.search(query, 1) == [("a", 1.0)]
    assert text in best_window("x " * 90 + text, index.rarity(query), 60)[1]


def test_scores_fall_from_one() -> None:
    """One is the first place in both rankings."""
    index = index_of(a="alpha beta", b="alpha gamma delta", c="alpha epsilon zeta eta")
    found = index.search("alpha beta", 3)
    scores = [score for _, score in found]
    assert found[0] == ("a", 1.0)
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 < score <= 1.0 for score in scores)


def test_near_words_are_found_without_a_common_one() -> None:
    index = index_of(a="the postgresql settings", b="a cat sat on the mat")
    assert [key for key, _ in index.search("postgres", 2)] == ["a"]


def test_the_two_rankings_are_fused_by_rank() -> None:
    assert fuse(([1, 2], 2.0), ([2, 3], 1.0)) == [
        (2, pytest.approx((2 * 21 / 22 + 1) / 3)),
        (1, pytest.approx(2 / 3)),
        (3, pytest.approx(21 / 22 / 3)),
    ]
    assert fuse() == []


class Topics:
    """An embedder that knows what words mean, as one that was downloaded might."""

    width = 2
    floor = 0.5

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, query: str) -> NDArray[np.float32]:
        row = np.array([any(word in query for word in ("car", "vehicle")), "pear" in query], dtype=np.float32)
        return row / max(1.0, float(np.linalg.norm(row)))


def test_any_embedder_can_take_the_dense_side() -> None:
    index = PageIndex(Topics())
    for text in ("a fast car", "a ripe pear", "neither"):
        index.add(text, text)
    assert [key for key, _ in index.search("vehicle", 3)] == ["a fast car"]
    index.remove("a fast car")
    assert index.search("vehicle", 3) == []


def test_a_fact_in_the_last_passage_of_a_long_page_is_found() -> None:
    filler = "alpha beta gamma delta " * (4 * PASSAGE // 23)
    index = index_of(a=filler + "the harbour master", b=filler, c=filler)
    assert index.search("harbour master", 1) == [("a", 1.0)]


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
    index = index_of(a="alpha", b="gamma")
    index.add("a", "beta")
    assert index.search("alpha", 1) == []
    assert [key for key, _ in index.search("beta", 1)] == ["a"]
    assert len(index) == 2


def test_removed_pages_are_not_found() -> None:
    index = index_of(a="alpha", b="alpha", c="alpha")
    index.remove("b")
    index.remove("b")
    index.follow({"c": "alpha", "d": "beta"})
    assert [key for key, _ in index.search("alpha", 3)] == ["c"]
    assert "a" not in index
    assert [key for key, _ in index.search("beta", 3)] == ["d"]


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
    used.follow({})
    for key, words in then.items():
        used.add(key, " ".join(words))
        fresh.add(key, " ".join(words))
    found, expected = dict(used.search(query, 9)), dict(fresh.search(query, 9))
    assert found.keys() == expected.keys()
    assert all(abs(found[key] - expected[key]) < 1e-5 for key in found)


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


@given(st.integers(20, 200), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_the_edges_of_a_window_are_those_of_words(length: int, place: int) -> None:
    words = [f"{number:05}" for number in range(120)]
    words[place] = "zebra"
    _, window = best_window(" ".join(words), {"zebra": 1.0}, length)
    if length >= 48:  # an eighth of it is a word
        assert set(window.split()) <= set(words)
    assert "zebra" in window


def test_a_word_longer_than_half_the_window_is_found() -> None:
    token = "a" * 50
    assert best_window(f"the key is {token}", {token: 1.0}, 80)[0] == 1.0
