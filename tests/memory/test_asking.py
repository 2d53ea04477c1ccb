"""Reading a page back, and asking over a context that may be too long for the decoder."""

from pathlib import Path

import pytest
import torch

from optical_memory.encoded import EncodedPage
from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.context import TextPart
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.turn import parse_history
from optical_memory.modes import Mode
from renderers import Page
from renderers.transcript import MARKS
from tests.memory.fake import FakeModel, conversation, memory_of, prose
from tests.memory.histories import Message


def test_reading_gives_back_the_page() -> None:
    memory = memory_of(FakeModel())
    context = memory.compress(conversation(12, 3000))
    for part in context.pages:
        by_number, by_part = memory.read(part.number), memory.read(part)
        assert by_number.text == by_part.text
        assert by_number.codes.tolist() == part.page.codes.tolist()


@pytest.mark.parametrize("number", [0, -1, 99])
def test_a_page_that_is_not_there_is_told(number: int) -> None:
    memory = memory_of(FakeModel())
    count = len(memory.compress(conversation(12, 3000)).pages)
    with pytest.raises(OpticalMemoryError, match=rf"no page {number}.*1 to {count}"):
        memory.read(number)


def test_reading_before_the_first_compress_is_told() -> None:
    memory = memory_of(FakeModel())
    with pytest.raises(OpticalMemoryError, match="compress"):
        memory.read(1)
    with pytest.raises(OpticalMemoryError, match="compress"):
        memory.ask("what?")


def asked(
    history: list[Message], question: str, max_positions: int = 8192
) -> tuple[OpticalMemory, list[str | EncodedPage]]:
    """What the decoder is handed for a question."""
    model = FakeModel(max_positions=max_positions)
    memory = memory_of(model)
    memory.compress(history)
    answer = memory.ask(question, 16)
    ((parts, told),) = model.asked
    assert (told, answer) == (question, f"{len(parts)} parts, at most 16 tokens")
    return memory, parts


def with_needle(position: int, needle: str) -> list[Message]:
    history = conversation(12, 4095)
    text = history[position]["content"]
    history[position]["content"] = f"{text[:2000]} {needle} {text[2000:]}"[:4095]
    return history


def positions(parts: list[str | EncodedPage]) -> int:
    return sum(len(part) if isinstance(part, str) else part.sequence_length for part in parts)


def test_asking_hands_over_the_whole_context_and_the_passage_last() -> None:
    memory, parts = asked(with_needle(3, "the zebra listens on 5432"), "where does the zebra listen", 40_000)
    assert parts[:-1] == memory.context.splice_parts()
    assert "the zebra listens on 5432" in str(parts[-1])


def test_too_long_a_context_loses_what_matters_least() -> None:
    question = "where does the zebra listen"
    memory, parts = asked(with_needle(3, "the zebra listens on 5432"), question, 17_200)
    assert positions(parts) <= 17_200 - 16 - len(question) - 3
    (expected,) = [part.encoded for part in memory.context.pages if "zebra" in part.page.text]
    pages = [part for part in parts if isinstance(part, EncodedPage)]
    assert expected in pages
    assert len(pages) < len(memory.context.pages)


def test_where_nothing_fits_the_passage_stands_alone() -> None:
    _, parts = asked(with_needle(3, "the zebra listens on 5432"), "where does the zebra listen", 560)
    (passage,) = parts
    assert "the zebra listens on 5432" in str(passage)


def test_a_newer_turn_is_told_under_its_own_marker() -> None:
    memory, _ = asked(with_needle(11, "the zebra listens on 5432"), "where does the zebra listen")
    passage = memory.passage_for("where does the zebra listen")
    assert passage[0] == chr(MARKS["assistant"])
    assert "the zebra listens on 5432" in passage


def test_a_passage_is_short_whatever_the_history() -> None:
    memory, _ = asked(with_needle(3, "the zebra"), "the zebra")
    for length in (40, 480):
        assert 1 < len(memory.passage_for("the zebra", length)) <= 1 + length


def test_a_question_that_shares_no_word_still_gets_a_passage() -> None:
    _, parts = asked(conversation(12, 4095), "xylophone?")
    assert isinstance(parts[-1], str) and len(parts[-1]) > 1


def test_asking_leaves_the_context_as_it_was() -> None:
    memory, _ = asked(with_needle(3, "the zebra"), "the zebra")
    before = memory.context
    memory.ask("the zebra")
    assert memory.context is before


def test_positions_are_counted_as_the_decoder_counts_them() -> None:
    """A character that takes three tokens takes three positions."""
    model = FakeModel(max_positions=4096, wide="e")
    memory = memory_of(model)
    memory.compress(conversation(8, 900))
    memory.ask("where?", 16)
    ((parts, _),) = model.asked
    assert sum(map(model.positions, parts)) + model.positions_asked("where?") + 16 <= 4096
    everything = sum(map(model.positions, memory.context.splice_parts()))
    assert everything > 4096 > sum(map(positions, ([part] for part in memory.context.splice_parts())))


def test_a_page_is_handed_over_with_its_errata_or_not_at_all() -> None:
    history = with_needle(3, "the zebra listens on 5432")
    for room in range(600, 6000, 150):
        model = FakeModel(spoilt={"Tiny": 0.01, "Base": 0.01}, max_positions=room)
        memory = memory_of(model, lossless=True)
        context = memory.compress(history)
        memory.ask("where does the zebra listen", 16)
        ((parts, _),) = model.asked
        for page in context.pages:
            assert page.note and (page.note in parts) == (page.encoded in parts)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_fact_that_lies_across_the_edge_of_a_page_is_handed_over_whole(share: float) -> None:
    needle = "the zebra of the harbour listens on 5432"
    history = conversation(8, 6000)
    edge = memory_of(FakeModel()).compress(history).pages[1].page.spans[-1]
    (turn,) = [
        message for message, parsed in zip(history, parse_history(history), strict=True) if parsed.id == edge.source
    ]
    start = edge.end - round(share * len(needle))
    turn["content"] = f"{turn['content'][:start]}{needle}{turn['content'][start + len(needle) :]}"
    memory = memory_of(FakeModel())
    memory.compress(history)
    assert not any(needle in part.page.text for part in memory.context.pages)
    assert needle in memory.passage_for("where does the zebra of the harbour listen")


def test_a_passage_does_not_leap_over_a_page_that_stayed_text() -> None:
    """The turn is on both sides of it, but it does not go on from the one to the other."""

    class MiddleBlind(FakeModel):
        def _tokens(self, page: Page, mode: Mode) -> torch.Tensor:
            tokens = super()._tokens(page, mode)
            if "MIDDLE" in page.text:
                tokens[0, page.source_cells.nonzero()[0][::2]] = ord("?")
            return tokens

    memory = memory_of(MiddleBlind(), lossless=True)
    first = f"{prose(4000, 1)} the zebra of the harbour listens on the port number ".ljust(4095, "x")
    last = f" nineteen and nowhere else. {prose(3000, 3)}"
    turn = {"role": "user", "content": f"{first}MIDDLE {prose(4088, 2)}{last}"}
    context = memory.compress([turn, *conversation(8, 300)])
    assert [isinstance(part, TextPart) for part in context.parts[:3]] == [False, True, False]
    passage = memory.passage_for("where does the zebra of the harbour listen")
    assert "zebra" in passage
    assert "nineteen" not in passage


def test_where_a_turn_ends_on_a_page_a_line_of_the_passage_does() -> None:
    """The last word of a turn and the first of the next one are not one."""
    history = conversation(12, 600)
    history[3]["content"] = f"{history[3]['content']} the zebra listens on 5432."
    memory = memory_of(FakeModel())
    memory.compress(history)
    assert f"5432.\n{history[4]['content'][:9]}" in memory.passage_for("where does the zebra listen")


@pytest.mark.parametrize("reads_pages", [False, True])
def test_a_decoder_that_does_not_read_pages_quotes_the_passage(reads_pages: bool) -> None:
    model = FakeModel()
    model.decoder_reads_pages = reads_pages
    memory = memory_of(model)
    memory.compress(with_needle(3, "the zebra listens on 5432"))
    memory.ask("where does the zebra listen")
    assert model.quoted == [None if reads_pages else memory.passage_for("where does the zebra listen")[1:]]


def test_what_another_process_forgot_is_not_told(tmp_path: Path) -> None:
    history = with_needle(11, "the zebra listens on 5432")
    one = memory_of(FakeModel(), store=tmp_path, scope="shared")
    one.compress(history)
    other = memory_of(FakeModel(), store=tmp_path, scope="shared")
    other.forget(matching="zebra")
    assert "zebra" not in one.passage_for("where does the zebra listen")


def test_words_are_as_rare_after_a_restart_as_before(tmp_path: Path) -> None:
    history = with_needle(3, "the zebra listens on 5432 " + "of port memory server " * 3)
    history[9]["content"] = "the port of memory server " * 160
    question = "where does the zebra listen, on a port of memory server"
    first = memory_of(FakeModel(), store=tmp_path, scope="kept")
    first.compress(history)
    told = first.passage_for(question)
    assert "zebra" in told
    assert memory_of(FakeModel(), store=tmp_path, scope="kept").passage_for(question) == told


def test_a_decoder_that_does_not_read_pages_gets_the_passage_alone() -> None:
    model = FakeModel()
    model.decoder_reads_pages = False
    memory = memory_of(model)
    memory.compress(with_needle(3, "the zebra listens on 5432"))
    memory.ask("where does the zebra listen")
    (((passage,), _),) = model.asked
    assert "the zebra listens on 5432" in str(passage)
