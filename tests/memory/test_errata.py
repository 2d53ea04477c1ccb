"""Errata give back the source exactly, and mode and errata together are the fewest tokens."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import Context, PagePart
from optical_memory.memory.errata import amend, errata_from, errata_of, note_of
from optical_memory.memory.fidelity import wrong_characters
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.modes import BASE, SMALL, TINY
from renderers import Page
from tests.memory.fake import FakeModel, conversation, memory_of
from tests.memory.histories import SMALL_PAGE, Message, histories

LADDER = ((0, BASE), (8, SMALL), (16, TINY))


@given(st.text(max_size=60), st.data())
@settings(max_examples=150, deadline=None)
def test_errata_put_any_reading_right(text: str, data: st.DataObject) -> None:
    wrong = sorted(data.draw(st.sets(st.integers(0, len(text) - 1)))) if text else []
    read = "".join("#" if place in set(wrong) else character for place, character in enumerate(text))
    errata = errata_of(text, np.array(wrong, dtype=np.int32))
    assert amend(read, errata) == text
    assert errata_from(note_of(errata)) == errata


def test_a_note_counts_on_from_the_erratum_before() -> None:
    errata = errata_of("ab 42  c\nd" + "x" * 50 + "y", np.array([3, 60], dtype=np.int32))
    assert note_of(errata) == "3 4\n56y"
    assert errata_from("3 4\n56y") == errata
    with pytest.raises(ValueError, match="'y57' is no erratum"):
        errata_from("3 4\ny57")


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_lossless_gives_back_the_source_always(tiny: float, small: float, base: float) -> None:
    model = FakeModel(spoilt={"Tiny": tiny, "Small": small, "Base": base})
    history = conversation(12, 3000)
    context = memory_of(model, lossless=True).compress(history)
    for part in context.pages:
        read = model.read([part.encoded], part.page.grid)[0]
        assert amend(_source(part.page, read.codes), errata_from(part.note)) == part.page.text


def _source(page: Page, codes: Any) -> str:
    return "".join(chr(code) for code in codes[page.source_cells])


def test_mode_and_errata_are_the_fewest_tokens_together() -> None:
    """Tiny misreads so much that its errata cost more than Small."""
    model = FakeModel(spoilt={"Tiny": 0.2, "Small": 0.001})
    memory = memory_of(model, lossless=True, keep_last=0, schedule=ForgettingSchedule(LADDER))
    context = memory.compress(conversation(3, 4095))
    assert {part.encoded.mode for part in context.pages} == {SMALL}
    rows = context.report.pages
    assert all(row.errata_tokens > 0 for row in rows)
    assert context.report.tokens_after == sum(row.sequence_length + row.errata_tokens for row in rows)


SHARES = st.sampled_from((0.0, 0.001, 0.01, 0.03, 0.1, 0.4, 1.0))


def read_and_amended(model: FakeModel, part: PagePart) -> str:
    reading = model.read([part.encoded], part.page.grid)[0]
    return amend(_source(part.page, reading.codes), errata_from(part.note))


@given(histories(), SHARES, SHARES, st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_whatever_stands_on_a_page_comes_back_exactly(
    history: list[Message], tiny: float, base: float, keep_last: int
) -> None:
    model = FakeModel(SMALL_PAGE, spoilt={"Tiny": tiny, "Base": base})
    context = memory_of(model, lossless=True, keep_last=keep_last).compress(history)
    assert all(read_and_amended(model, part) == part.page.text for part in context.pages)


def price(model: FakeModel, page: Page, mode: Any) -> int:
    """Tokens of a page in a mode with its errata."""
    reading = model.read(model.encode([page], mode), page.grid)[0]
    note = note_of(errata_of(page.text, wrong_characters(page, reading)))
    return mode.sequence_length() + (count_text_tokens([note])[0] if note else 0)


@given(SHARES, SHARES, SHARES)
@settings(max_examples=25, deadline=None)
def test_no_other_mode_with_its_errata_costs_less(tiny: float, small: float, base: float) -> None:
    """Also where only one page was measured in a mode before, or none; and text where all modes cost more."""
    model = FakeModel(spoilt={"Tiny": tiny, "Small": small, "Base": base})
    schedule = ForgettingSchedule(LADDER)
    context: Context = memory_of(model, lossless=True, keep_last=0, schedule=schedule).compress(conversation(5, 3000))
    for part in context.pages:
        best = min(price(model, part.page, mode) for mode in (TINY, SMALL, BASE))
        assert price(model, part.page, part.encoded.mode) == best < part.text_tokens
    report = context.report
    assert [row.sequence_length + row.errata_tokens for row in report.pages] == [
        price(model, part.page, part.encoded.mode) for part in context.pages
    ]
    texts = sum(row.tokens for row in report.texts)
    total = texts + sum(row.sequence_length + row.errata_tokens for row in report.pages)
    assert report.tokens_after == total
    assert report.ratio == pytest.approx(report.tokens_before / total)
    if not context.pages:
        assert min(tiny, small, base) > 0.0
