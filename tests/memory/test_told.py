"""What was told: what stands whole in a string that was told is told by it, what is cut out of its middle is not."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.memory.told import Told


@pytest.mark.parametrize(
    ("string", "is_told"),
    [
        ("915432", True),
        ("5432", False),
        ("9154", False),
        ("db.example.org", True),
        ("example", True),
        ("https://db.example.org", True),
        ("db.example.org/a_", False),
        ("xample.org", False),
        ("other.example.org", False),
        ("a_b-1", True),
        ("b-1", False),
        ("https://db.example.org/a_b-1/", False),
    ],
)
def test_what_stands_whole_is_told(string: str, is_told: bool) -> None:
    told = Told()
    for longer in ("915432", "https://db.example.org/a_b-1"):
        told.add(longer)
    assert (string in told) is is_told


@given(st.lists(st.text("a1_.-é", min_size=1, max_size=9), max_size=6), st.text("a1_.-é", min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_a_word_is_told_as_a_search_through_all_finds_it(strings: list[str], string: str) -> None:
    told = Told()
    for longer in strings:
        told.add(longer)
    whole = re.compile(rf"(?<!\w){re.escape(string)}(?!\w)")
    found = any(whole.search(longer) for longer in strings) if re.search(r"\w", string) else string in strings
    assert (string in told) == (found or string in strings)
