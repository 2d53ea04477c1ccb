"""The verbatim ledger: strings at risk beside their page, within a cap, stable while a conversation grows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.ledger import Ledger, told_by
from optical_memory.memory.legend import LETTER_FOR_LETTER
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.stretches import stretches
from optical_memory.modes import TINY
from renderers import Block, Grid, Page, lay_out
from tests.memory.fake import FakeModel, conversation, memory_of, prose

STRINGS = st.sampled_from(
    (
        "7f3a9c12",
        "/etc/hosts",
        "user_id",
        "https://x.org/a/b_1",
        "5432",
        "5433",
        "5434",
        "port",
        "the",
        "0042",
        "fetchAll",
    )
)


def pages_of(*texts: str) -> list[Page]:
    return lay_out([Block(text, "user", f"t{number}") for number, text in enumerate(texts)], Grid())


def test_strings_are_told_once_and_rows_of_numbers_as_one() -> None:
    first = prose(3800, 1) + " id 7f3a9c12 lines 118 119 120 121 in /srv/app/main.py"
    second = prose(3800, 2) + " again 7f3a9c12 and /srv/app, new 9b1c77d0"
    ledger = Ledger(0.2)
    notes = ledger.notes(pages_of(first, second))
    assert notes == ["118..121\n7f3a9c12\n/srv/app/main.py", "9b1c77d0"]
    assert told_by(notes[0]) >= {"118", "119", "120", "121", "7f3a9c12", "/srv/app/main.py"}


def test_a_number_that_lies_in_a_longer_one_is_told_too() -> None:
    first, second = f"order 915432 {prose(4090, 1)}", f"port 5432, pin 9154 {prose(3800, 2)}"
    assert Ledger(1.0).notes(pages_of(first, second)) == ["915432", "5432\n9154"]


@given(st.lists(st.lists(STRINGS, min_size=20, max_size=400).map(" ".join), min_size=1, max_size=4), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_the_cap_is_kept_and_nothing_is_made_up(texts: list[str], share: float) -> None:
    pages = pages_of(*texts)
    ledger = Ledger(share)
    for page, note in zip(pages, ledger.notes(pages), strict=True):
        text_tokens = sum(count_text_tokens(list(stretches(page.text, page.spans))))
        assert count_text_tokens([note])[0] <= share * text_tokens + 1
        assert {line for line in note.split("\n") if line and ".." not in line} <= set(ledger.strings_of(page))


@given(st.lists(st.lists(STRINGS, min_size=20, max_size=400).map(" ".join), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_with_room_everything_at_risk_is_told(texts: list[str]) -> None:
    pages, ledger = pages_of(*texts), Ledger(1.0)
    notes = ledger.notes(pages)
    told = "\n".join(line for note in notes for line in told_by(note))
    assert all(string in told for page in pages for string in ledger.strings_of(page))


def test_later_pages_change_no_earlier_note() -> None:
    texts = [prose(4000, number) + f" {number}f3a9c{number}" for number in range(5)]
    ledger = Ledger()
    assert ledger.notes(pages_of(*texts[:3])) == ledger.notes(pages_of(*texts))[:3]


@pytest.mark.parametrize("bad", [-0.1, 1.5])
def test_a_share_that_is_none_is_told(bad: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        Ledger(bad)


def test_messages_carry_the_strings_after_their_picture() -> None:
    history = conversation(8, 4000)
    history[1]["content"] = prose(3900, 1) + " commit 7f3a9c12 of /srv/app/main.py"
    context = memory_of(FakeModel(), schedule=ForgettingSchedule(((0, TINY),))).compress(history)
    content = [
        part for message in context.messages(ledger=Ledger()) for part in message["content"] if isinstance(part, dict)
    ]
    (place,) = [place for place, part in enumerate(content) if LETTER_FOR_LETTER in part.get("text", "")]
    assert "7f3a9c12\n/srv/app/main.py" in content[place]["text"]
    assert content[place - 1]["type"] == "image_url"
    assert content[place]["text"].split(",")[0] == content[place - 2]["text"].split(",")[0]
    without = [part for message in context.messages() for part in message["content"] if isinstance(part, dict)]
    assert without == content[:place] + content[place + 1 :]


def test_any_function_may_say_what_is_at_risk() -> None:
    ledger = Ledger(1.0, at_risk=lambda text: [word for word in text.split() if word.isupper()])
    assert ledger.notes(pages_of("we said NEVER and ALWAYS " + prose(500, 1))) == ["NEVER\nALWAYS"]
