"""Forgetting by age: the paper's ladder, and only what changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import GridError
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.modes import BASE, NATIVE_MODES, TINY, Mode

AGES = st.lists(st.integers(1, 500), max_size=5, unique=True).map(lambda ages: [0, *sorted(ages)])
SCHEDULES = AGES.flatmap(
    lambda ages: st.tuples(*(st.tuples(st.just(age), st.sampled_from(NATIVE_MODES)) for age in ages))
).map(ForgettingSchedule)


@pytest.mark.parametrize(("age", "mode"), [(0, BASE), (7, BASE), (8, TINY), (9999, TINY)])
def test_the_default_ladder(age: int, mode: Mode) -> None:
    assert ForgettingSchedule().mode_at(age) == mode


def test_the_default_only_ever_fades() -> None:
    sides = [ForgettingSchedule().mode_at(age).side for age in range(200)]
    assert sides == sorted(sides, reverse=True)
    assert set(sides) == {mode.side for mode in (TINY, BASE)}


def test_a_negative_age_counts_as_none() -> None:
    assert ForgettingSchedule().mode_at(-5) == BASE


@pytest.mark.parametrize(
    "ages", [(), (1,), (0, 0), (0, 8, 8), (0, 9, 8), (-1, 0), (8, 0)], ids=lambda ages: str(list(ages))
)
def test_ages_must_rise_from_zero(ages: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rise from 0"):
        ForgettingSchedule(tuple((age, TINY) for age in ages))


@given(SCHEDULES, st.integers(0, 600))
@settings(deadline=None)
def test_a_page_takes_the_last_step_it_has_reached(schedule: ForgettingSchedule, age: int) -> None:
    reached = [mode for since, mode in schedule.steps if since <= age]
    assert schedule.mode_at(age) == reached[-1]


def test_a_schedule_with_a_wide_gap_keeps_its_step_across_it() -> None:
    schedule = ForgettingSchedule.from_table([(0, "base"), (500, "tiny")])
    assert [schedule.mode_at(age) for age in (0, 250, 499, 500)] == [BASE, BASE, BASE, TINY]


def test_a_table_with_a_mode_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="huge"):
        ForgettingSchedule.from_table([(0, "huge")])


def test_a_model_that_reads_some_modes_gets_the_nearest_of_them() -> None:
    steps = ForgettingSchedule.paper(budget=900).read_by({TINY, BASE}.__contains__)
    assert [mode and mode.name for _, mode in steps.steps] == ["Base", "Base", "Base", "Tiny", "Tiny", None]
    assert [age for age, _ in steps.steps] == [0, 2, 4, 8, 16, 128] and steps.budget == 900


@given(SCHEDULES)
def test_a_model_that_reads_every_mode_changes_no_schedule(schedule: ForgettingSchedule) -> None:
    assert schedule.read_by(lambda _: True) == schedule


def test_a_model_that_reads_no_mode_on_a_grid_has_no_schedule() -> None:
    with pytest.raises(GridError, match="reads pages of its grid in no mode"):
        ForgettingSchedule().read_by(lambda _: False)
