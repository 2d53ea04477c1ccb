"""Scores against values worked out by hand."""

import numpy as np
import pytest

from optical_memory.evaluation.metrics import (
    character_error_rate,
    contains_answer,
    listed_f1,
    mean_interval,
    rouge_1,
    set_precision,
    set_recall,
    share_bootstrap,
    share_in_order,
    token_f1,
)
from optical_memory.evaluation.report import Figure, as_table, wilson


def test_set_precision_ignores_order_and_repetition() -> None:
    assert set_precision("b a a c", "a b d d") == pytest.approx(2 / 3)
    assert set_recall("b a a c", "a b d d") == pytest.approx(2 / 3)
    assert set_precision("", "a") == 0.0


def test_character_error_rate_is_levenshtein_over_the_longer() -> None:
    assert character_error_rate("kitten", "sitting") == pytest.approx(3 / 7)
    assert character_error_rate("same", "same") == 0.0


def test_token_f1_stems_and_drops_articles() -> None:
    assert token_f1("The cats were running", "a cat runs") == pytest.approx(2 * 2 / (3 + 2))
    assert token_f1("cat cat", "cat") == pytest.approx(2 / 3), "repetitions count"
    assert token_f1("", "cat") == 0.0


def test_listed_f1_averages_the_best_match_of_each_part() -> None:
    assert listed_f1("pottery, a red kayak", "kayak, pottery, swimming") == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_rouge_1_counts_overlapping_stems() -> None:
    assert rouge_1("the boats sailed", "the boat sails home") == pytest.approx(2 * 3 / 7)


def test_contained_answers_are_whole_words() -> None:
    assert contains_answer("You are 35, I think.", ["35", "thirty-five"])
    assert contains_answer("Thirty five!", ["35", "thirty-five"])
    assert not contains_answer("You are 1350.", ["35"])


def test_share_in_order_asks_for_the_order() -> None:
    assert share_in_order("a b c d".split(), "x a b y d".split()) == 0.75
    assert share_in_order("a b".split(), "b a".split()) == 0.5


def test_wilson_interval_of_nine_in_ten() -> None:
    low, high = wilson(9, 10)
    assert (low, high) == (pytest.approx(0.5958, abs=1e-3), pytest.approx(0.9821, abs=1e-3))
    assert wilson(0, 0) == (0.0, 1.0)


def test_intervals_hold_the_mean_and_shrink_with_n() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=20), rng.normal(size=2000)
    for values in (few, many):
        mean, low, high = mean_interval(list(values))
        assert low < mean < high
    assert np.ptp(mean_interval(list(many))[1:]) < np.ptp(mean_interval(list(few))[1:])


def test_share_bootstrap_is_wider_where_errors_come_in_bunches() -> None:
    total = np.full(40, 100)
    spread, heaped = np.full(40, 98), np.where(np.arange(40) < 4, 80, 100)
    rng = np.random.default_rng(0)
    assert share_bootstrap(spread, total, rng) == (0.98, 0.98)
    low, high = share_bootstrap(heaped, total, rng)
    assert high - low > 0.01
    empty = np.zeros(3, dtype=np.int64)
    assert share_bootstrap(empty, empty, rng) == (0.0, 1.0)


def test_table_has_a_line_for_every_figure() -> None:
    figure = Figure(
        task="t", system="s", mode="Tiny", sequence_length=73, metric="m", value=0.5, low=0.4, high=0.6, n=3
    )
    assert len(as_table([figure, figure]).splitlines()) == 3
