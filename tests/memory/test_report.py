"""The report adds up and names everything."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import TextPart
from optical_memory.memory.turn import parse_history
from tests.memory.fake import FakeModel, conversation, memory_of
from tests.memory.histories import Message, compress, examples, histories, reasons_of


@given(histories(), st.integers(0, 4))
@example([{"role": "user", "content": "\x1f " + "word " * 300}], 0)
@examples(50)
def test_the_report_adds_up(history: list[Message], keep_last: int) -> None:
    context = compress(history, keep_last)
    report = context.report
    assert report.tokens_before == sum(count_text_tokens([turn.text for turn in parse_history(history)]))
    pages = [part.encoded.sequence_length for part in context.pages]
    texts = count_text_tokens([part.text for part in context.parts if isinstance(part, TextPart)])
    assert [page.sequence_length for page in report.pages] == pages
    assert [text.tokens for text in report.texts] == texts
    errata = [page.errata_tokens for page in report.pages]  # what the model was not taught is told beside the page
    assert report.tokens_after == sum(pages) + sum(errata) + sum(texts)
    assert report.ratio == (report.tokens_before / report.tokens_after if report.tokens_after else 1.0)


def test_the_report_names_every_page_and_text() -> None:
    context = memory_of(FakeModel(spoilt={"Tiny": 0.25})).compress(conversation(12, 3000))
    report = context.report
    assert report.model == "fake"
    assert [(row.number, row.mode, row.turns, row.fidelity) for row in report.pages] == [
        (part.number, part.encoded.mode.name, list(part.page.sources), part.fidelity) for part in context.pages
    ]
    assert [(row.turn, row.reason) for row in report.texts] == list(reasons_of(context).items())
    assert report.seconds > 0


def test_the_reports_fidelity_is_the_pages_mean_by_their_text() -> None:
    report = memory_of(FakeModel(spoilt={"Base": 0.25, "Tiny": 0.5})).compress(conversation(30, 1500)).report
    assert {round(page.fidelity or 0.0, 2) for page in report.pages} == {0.5, 0.75}
    weight = sum(page.text_tokens for page in report.pages)
    assert report.fidelity == pytest.approx(sum(page.fidelity * page.text_tokens for page in report.pages) / weight)
    assert 0.0 < report.fidelity < 1.0


def test_a_report_without_pages_is_wholly_legible() -> None:
    report = compress(conversation(2, 20)).report
    assert (report.fidelity, report.ratio, report.pages) == (1.0, 1.0, [])


def test_a_report_of_nothing_but_an_empty_turn() -> None:
    report = compress([{"role": "user", "content": ""}]).report
    assert (report.tokens_before, report.tokens_after, report.ratio) == (0, 0, 1.0)


def test_the_printed_report_has_a_line_for_every_part() -> None:
    context = compress(conversation(12, 3000))
    lines = str(context.report).split("\n")
    assert len(lines) == 1 + len(context.parts)
    assert f"{context.report.tokens_before:,} tokens -> {context.report.tokens_after:,}" in lines[0]


def test_every_span_is_reported_with_its_fidelity() -> None:
    context = memory_of(FakeModel(spoilt={"Tiny": 0.25}), keep_last=0).compress(conversation(20, 900))
    report = context.report
    for part, row in zip(context.pages, report.pages, strict=True):
        assert [(span.turn, span.start, span.end) for span in row.spans] == [
            (span.source, span.start, span.end) for span in part.page.spans
        ]
        total = sum(span.end - span.start for span in row.spans)
        assert sum(span.fidelity * (span.end - span.start) for span in row.spans) / total == pytest.approx(row.fidelity)
        assert row.worst_span == min(span.fidelity for span in row.spans)
    lines = report.spans_table().split("\n")
    assert len(lines) == sum(len(row.spans) for row in report.pages)
    assert "turn-0 user, characters 0 to 900" in lines[0]
