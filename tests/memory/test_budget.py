"""The plan under a budget: the best there is, and an error that names the best feasible pair where there is none."""

from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optical_memory.errors import BudgetError
from optical_memory.memory import budget as knapsack
from optical_memory.memory.budget import Option, choose, fewest
from optical_memory.memory.schedule import CLEARLY, PRESETS, ForgettingSchedule, PageFacts, length_of
from optical_memory.modes import BASE, GUNDAM, NATIVE_MODES, SMALL, TINY

OPTIONS = st.builds(
    lambda cost, fidelity: Option("page", TINY, cost, fidelity, cost), st.integers(0, 30), st.floats(0, 1, width=16)
)
PAGES = st.lists(st.lists(OPTIONS, min_size=1, max_size=4), min_size=1, max_size=5)


LADDER = ((0, BASE), (8, SMALL), (16, TINY))


def worth(options: list[Option], weights: list[float]) -> float:
    return sum(weight * option.fidelity for option, weight in zip(options, weights, strict=True))


@given(PAGES, st.integers(0, 120), st.lists(st.floats(0.125, 8, width=16), min_size=5, max_size=5))
@settings(max_examples=150, deadline=None)
def test_the_choice_is_the_best_of_all(pages: list[list[Option]], budget: int, weights: list[float]) -> None:
    assume(fewest(pages) <= budget)
    weights = weights[: len(pages)]
    chosen = choose(pages, weights, budget)
    assert sum(option.cost for option in chosen) <= budget
    within = [list(one) for one in product(*pages) if sum(option.cost for option in one) <= budget]
    assert worth(chosen, weights) == pytest.approx(max(worth(one, weights) for one in within))


@given(PAGES, st.integers(0, 120))
@settings(max_examples=100, deadline=None)
def test_climbing_is_at_most_one_page_away_from_the_best(pages: list[list[Option]], budget: int) -> None:
    assume(fewest(pages) <= budget)
    weights = [1.0] * len(pages)
    climbed, best = knapsack._climb(pages, weights, budget), knapsack._exact(pages, weights, budget)
    assert sum(option.cost for option in climbed) <= budget
    assert worth(best, weights) - 1.0 - 1e-9 <= worth(climbed, weights) <= worth(best, weights) + 1e-9


def facts(age: float = 0, salience: float = 1.0, pinned: bool = False, **reads: float) -> PageFacts:
    modes = (*NATIVE_MODES, GUNDAM)
    fidelities = {mode: reads.get(mode.name, 1.0) for mode in modes}
    return PageFacts(age, 930, salience, {mode: length_of(mode) for mode in modes}, fidelities, pinned)


def test_salient_pages_outlive_newer_ones_under_a_budget() -> None:
    schedule = ForgettingSchedule(budget=3 * TINY.sequence_length())
    pages = [facts(age, 4.0 if age >= 40 else 1.0) for age in (60, 40, 30, 20, 10)]
    kinds = [option.kind for option in schedule.plan(pages)]
    assert kinds == ["page", "page", "out", "out", "page"]


def test_without_a_budget_salience_slows_the_clock() -> None:
    """Where the fade would lose something; where it loses nothing, it is not held back."""
    pages = [facts(12, Tiny=0.98), facts(12, 2.0, Tiny=0.98), facts(17, 2.0, Tiny=0.98), facts(12, 2.0), facts(7, 4.0)]
    assert [option.mode for option in ForgettingSchedule().plan(pages)] == [TINY, BASE, TINY, TINY, BASE]


def test_a_mode_that_reads_worse_than_a_cheaper_one_is_passed_over() -> None:
    """What is read decides, not the ladder's order; equal reading leaves the ladder as it is."""
    ages = (0, 9, 17)
    modes = [option.mode for option in ForgettingSchedule(LADDER).plan([facts(age, Small=0.95) for age in ages])]
    assert modes == [BASE, TINY, TINY]
    assert [option.mode for option in ForgettingSchedule(LADDER).plan([facts(age) for age in ages])] == [
        BASE,
        SMALL,
        TINY,
    ]
    assert ForgettingSchedule(LADDER).plan([facts(0, Base=0.9)])[0].mode == SMALL


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(0.5, 1), st.floats(0.5, 1), st.floats(0.5, 1)), max_size=4),
    st.sampled_from((None, 200, 1000, 10**9)),
)
@settings(max_examples=60, deadline=None)
def test_no_page_is_kept_in_a_mode_that_a_cheaper_one_outdoes(
    pages: list[tuple[int, float, float, float]], budget: int | None
) -> None:
    known = [facts(age, Tiny=tiny, Small=small, Base=base) for age, tiny, small, base in pages]
    for own, option in zip(known, ForgettingSchedule(LADDER, budget=budget).plan(known), strict=True):
        if option.mode is not None:
            cheaper = [mode for mode in (TINY, SMALL, BASE) if own.costs[mode] < option.cost]
            assert all(own.fidelities[mode] <= option.fidelity + CLEARLY for mode in cheaper)


def test_min_fidelity_stops_a_fade() -> None:
    (option,) = ForgettingSchedule(LADDER, min_fidelity=0.9).plan([facts(99, Tiny=0.5, Small=0.8)])
    assert option.mode == BASE


def test_what_no_mode_can_keep_stays_text() -> None:
    (option,) = ForgettingSchedule(LADDER, min_fidelity=0.9).plan([facts(99, Tiny=0.5, Small=0.8, Base=0.89)])
    assert (option.kind, option.cost) == ("text", 930)


def test_a_pinned_page_stays_sharp() -> None:
    assert ForgettingSchedule().plan([facts(999, pinned=True)])[0].mode == BASE


def test_a_conflict_names_the_best_feasible_pair() -> None:
    pages = [facts(99, Tiny=0.5, Small=0.8)] * 2
    schedule = ForgettingSchedule(LADDER, budget=100 + 2 * 111, min_fidelity=0.9)
    with pytest.raises(BudgetError, match="646 tokens") as caught:
        schedule.plan(pages, fixed_tokens=100)
    assert (caught.value.budget, caught.value.min_fidelity) == (100 + 2 * 273, 0.8)
    assert caught.value.budget is not None
    schedule.within(caught.value.budget).plan(pages, 100)
    schedule.within(schedule.budget, caught.value.min_fidelity).plan(pages, 100)
    with pytest.raises(BudgetError):
        schedule.within(caught.value.budget - 1).plan(pages, 100)


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("budget", [0, 10**9])
def test_no_budget_is_too_small_or_too_large(name: str, budget: int) -> None:
    schedule = PRESETS[name](budget=budget)
    kept = schedule.plan([facts(age) for age in (0, 5, 50, 500)])
    assert all(option.kind == "out" for option in kept) or budget
    assert budget == 0 or kept == PRESETS[name]().plan([facts(age) for age in (0, 5, 50, 500)])


def test_the_papers_ladder_ends_out_of_the_context() -> None:
    kept = ForgettingSchedule.paper().plan([facts(age) for age in (0, 2, 4, 8, 16, 128)])
    assert [option.mode.name if option.mode else option.kind for option in kept] == [
        "Gundam", "Large", "Base", "Small", "Tiny", "out",
    ]  # fmt: skip


def test_a_schedule_from_a_table() -> None:
    schedule = ForgettingSchedule.from_table([(0, "base"), (3, "tiny"), (9, "out")])
    assert schedule.steps == ((0, BASE), (3, TINY), (9, None))


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": ((0, BASE), (4, None), (8, TINY))},
        {"steps": ((0, None),)},
        {"unit": "weeks"},
        {"budget": -1},
        {"min_fidelity": 1.5},
    ],
    ids=str,
)
def test_what_makes_no_schedule_is_told(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ForgettingSchedule(**bad)  # type: ignore[arg-type]


def test_a_conflict_over_a_pinned_page_names_a_pair_that_holds() -> None:
    page = facts(pinned=True, **{"Base": 1.0, "Tiny": 0.9})
    with pytest.raises(BudgetError) as found:
        ForgettingSchedule(budget=20).plan([page])
    assert found.value.budget > 20
    ForgettingSchedule(budget=found.value.budget).plan([page])


def test_pins_that_do_not_fit_are_blamed() -> None:
    pages = [facts(99, pinned=True), *(facts(99) for _ in range(4))]
    schedule = ForgettingSchedule(budget=500, min_fidelity=0.9)
    with pytest.raises(BudgetError, match=r"does not hold 1 pinned pages.*unpin") as found:
        schedule.plan(pages)
    assert found.value.budget == 273 + 4 * 73
    assert schedule.within(found.value.budget).plan(pages)[0].mode == BASE
