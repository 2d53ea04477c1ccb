"""How a history settles: between fades nothing moves, unless what the pages were chosen by has changed."""

from pathlib import Path
from typing import Any

import pytest

from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.modes import BASE, TINY
from tests.memory.fake import FakeModel, conversation, memory_of

HISTORY = conversation(24, 2500)
AT_TINY = ForgettingSchedule(((0, TINY),))
SPOILT = {"Tiny": 0.05}


def opened(folder: Path, model: FakeModel | None = None, **options: Any) -> OpticalMemory:
    return memory_of(model or FakeModel(spoilt=SPOILT), store=folder, scope="ann", **options)


@pytest.fixture
def kept_at_tiny(tmp_path: Path) -> Path:
    context = opened(tmp_path, schedule=AT_TINY).compress(HISTORY)
    assert {part.encoded.mode for part in context.pages} == {TINY}
    return tmp_path


def modes_in(memory: OpticalMemory) -> set[str]:
    return {page.mode for page in memory.compress(HISTORY).report.pages}


def test_another_model_that_does_not_read_the_mode_plans_anew(kept_at_tiny: Path) -> None:
    other = FakeModel(fingerprint="other", readable={BASE})
    assert modes_in(opened(kept_at_tiny, other, schedule=AT_TINY)) == {"Base"}


def test_another_schedule_counts_at_once(kept_at_tiny: Path) -> None:
    assert modes_in(opened(kept_at_tiny)) == {"Base", "Tiny"}


def test_a_higher_bound_counts_at_once(kept_at_tiny: Path) -> None:
    context = opened(kept_at_tiny, schedule=AT_TINY.within(None, 0.97)).compress(HISTORY)
    assert not context.pages, "Tiny reads at 0.95"


def test_errata_asked_for_later_are_in_the_budget_and_in_the_report(kept_at_tiny: Path) -> None:
    before = opened(kept_at_tiny, schedule=AT_TINY).compress(HISTORY).report
    budget = before.tokens_after + 20
    memory = opened(kept_at_tiny, schedule=AT_TINY.within(budget), lossless=True)
    report = memory.compress(HISTORY).report
    assert report.tokens_after <= budget
    assert all(page.errata_tokens for page in report.pages)


def test_the_same_terms_hold_what_was_kept(kept_at_tiny: Path) -> None:
    model = FakeModel(spoilt=SPOILT)
    opened(kept_at_tiny, model, schedule=AT_TINY).compress([*HISTORY, {"role": "user", "content": "hi"}])
    assert model.num_encoded == 0


def test_a_plan_between_fades_is_what_compress_does() -> None:
    history = conversation(40, 2500)
    memory = memory_of(FakeModel())
    memory.compress(history[:24])
    for length in (30, 40):
        planned = memory.plan(history[:length])
        assert planned == memory.plan(history[:length]), "planning changes nothing"
        report = memory.compress(history[:length]).report
        drawn = [row for row in planned.pages if row.keep != "text"]
        assert (planned.tokens_after, len(drawn)) == (report.tokens_after, len(report.pages))


def test_a_page_that_another_process_forgot_is_not_read(kept_at_tiny: Path) -> None:
    reader, other = opened(kept_at_tiny, schedule=AT_TINY), opened(kept_at_tiny, schedule=AT_TINY)
    assert len(reader.context.pages) > 0
    other.forget(scope="ann")
    with pytest.raises(OpticalMemoryError, match="nothing is remembered"):
        reader.read(1)
