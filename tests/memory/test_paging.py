"""Where pages begin: without edits nothing moves, and an edit moves only the pages that it touches."""

from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.memory.draft import TokenCounter, draft_of
from optical_memory.memory.paging import PageStart, carried, places_now, starts_of
from optical_memory.memory.turn import Turn
from renderers import Grid, Page
from tests.memory.fake import FakeModel, prose

TEXTS = st.lists(st.sampled_from(("word ", "ab", "\n", "x = 1\n", "\n```py\nx = 1\n```\n")), max_size=30).map("".join)
TURNS = st.lists(TEXTS, min_size=1, max_size=8)
GRIDS = st.builds(Grid, st.integers(3, 14), st.integers(2, 8), st.booleans())


def turns_of(texts: list[str]) -> list[Turn]:
    return [Turn(("user", "assistant")[place % 2], text, f"turn-{place}") for place, text in enumerate(texts)]  # type: ignore[arg-type]


def pages_of(turns: list[Turn], grid: Grid, starts: list[PageStart] | None = None) -> list[Page]:
    draft = draft_of(turns, 0, FakeModel(grid), TokenCounter(), starts or ())
    return [drafted.page for drafted in draft.pages]


def known(pages: list[Page], turns: list[Turn]) -> list[PageStart]:
    return [start for start in starts_of(pages, turns) if start is not None]


@given(TURNS, GRIDS)
@settings(max_examples=150, deadline=None)
def test_pages_begun_where_they_began_are_the_same_pages(texts: list[str], grid: Grid) -> None:
    turns = turns_of(texts)
    pages = pages_of(turns, grid)
    again = pages_of(turns, grid, known(pages, turns))
    assert [page.digest for page in again] == [page.digest for page in pages]
    assert [page.spans for page in again] == [page.spans for page in pages]


@given(TURNS, GRIDS, st.data())
@settings(max_examples=150, deadline=None)
def test_an_edit_loses_no_character(texts: list[str], grid: Grid, data: st.DataObject) -> None:
    turns = turns_of(texts)
    starts = known(pages_of(turns, grid), turns)
    edited = list(texts)
    place = data.draw(st.integers(0, len(texts) - 1))
    edited[place : place + data.draw(st.integers(0, 2))] = data.draw(st.lists(TEXTS, max_size=2))
    now = turns_of(edited)
    pages = pages_of(now, grid, carried(starts, turns, now))
    # an empty turn is never drawn: it stays text
    assert "".join(page.text for page in pages) == "".join(turn.text for turn in now)


def test_an_edit_in_the_middle_touches_one_page() -> None:
    texts = [prose(1500, seed) for seed in range(40)]
    turns = turns_of(texts)
    pages = pages_of(turns, Grid(64, 64))
    now = turns_of([*texts[:20], texts[20] + " and 27 characters more.", *texts[21:]])
    after = pages_of(now, Grid(64, 64), carried(known(pages, turns), turns, now))
    before = {page.digest for page in pages}
    changed = [page for page in after if page.digest not in before]
    touched = [page for page in pages if "turn-20" in page.sources]
    assert len(changed) <= len(touched) + 1
    assert len({page.digest for page in after} & before) == len(pages) - len(touched)


def test_a_history_that_lost_its_oldest_turns_keeps_its_pages() -> None:
    texts = [prose(1500, seed) for seed in range(40)]
    turns, now = turns_of(texts), turns_of(texts[8:])
    pages = pages_of(turns, Grid(64, 64))
    after = pages_of(now, Grid(64, 64), carried(known(pages, turns), turns, now))
    assert [page.digest for page in after][-10:] == [page.digest for page in pages][-10:]


def test_starts_follow_a_turn_that_stands_elsewhere_now() -> None:
    before = turns_of(["a", "b", "c", "d"])
    now = turns_of(["new", "a", "c", "d!"])
    starts = [PageStart(position, 0) for position in range(4)]
    roles = [turn.role for turn in now]
    assert roles == ["user", "assistant", "user", "assistant"]
    assert carried(starts, before, now) == [PageStart(2, 0)]  # "a" is another's now, "d" says something else


def test_a_page_of_a_marker_alone_is_no_page() -> None:
    """A start carried over from a history in which something else stood before it."""
    turns = [Turn("user", prose(300, 1), "a"), Turn("assistant", prose(300, 2), "b")]
    for offset in range(3):
        draft = draft_of(turns, 0, FakeModel(), TokenCounter(), [PageStart(1, offset)])
        assert all(page.page.sources for page in draft.pages)
        assert "".join(page.page.text for page in draft.pages) == "".join(turn.text for turn in turns)


def test_turns_are_found_again_between_others_that_say_the_same() -> None:
    def said(texts: list[str]) -> list[Turn]:
        return [Turn("user", text, f"turn-{place}") for place, text in enumerate(texts)]

    before = said(["now 10:00", "ok", "first", "ok", "ok", "second", "ok", "third"])
    now = said(["now 10:05", "ok", "first", "ok", "ok", "second (edited)", "ok", "third", "new"])
    assert places_now(before, now) == {1: 1, 2: 2, 3: 3, 4: 4, 6: 6, 7: 7}


def test_a_long_history_of_short_turns_is_found_again_in_few_steps() -> None:
    """Compared turn by turn in both orders, this took the cube of its length."""

    class Counted(str):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    texts = [Counted("[cleared]") if place % 3 else Counted(f"turn {place}") for place in range(900)]
    before = [Turn("user", text, f"turn-{place}") for place, text in enumerate([Counted("10:00"), *texts])]
    now = [Turn("user", text, f"turn-{place}") for place, text in enumerate([Counted("10:05"), *texts, Counted("new")])]
    assert len(places_now(before, now)) == len(texts)
    assert Counted.compared < 40 * len(texts)
