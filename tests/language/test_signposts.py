"""Signposts: where they stand among the tokens, and where characters stand among them."""

from optical_memory.config import SignpostConfig
from optical_memory.language.signposts import signposts_of

SIGNPOSTS = signposts_of(SignpostConfig(tokens=3, cells=2), vocab_size=100)


def test_marks_are_the_last_tokens_rows_before_columns() -> None:
    assert SIGNPOSTS.rows == range(91, 97)
    assert SIGNPOSTS.columns == range(97, 100)


def test_characters_stand_behind_every_column_mark() -> None:
    row = [SIGNPOSTS.rows[1], SIGNPOSTS.columns[0], 10, 11, SIGNPOSTS.columns[1], 12, 13, SIGNPOSTS.columns[2], 14, 15]

    assert len(row) == SIGNPOSTS.row_length
    assert [row[place] for place in SIGNPOSTS.character_places] == [10, 11, 12, 13, 14, 15]
