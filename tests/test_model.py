"""Encoder, readout and decoder as one thing: batches equal singles, lengths hold, foreign tokens are refused."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from PIL import Image

from optical_memory.errors import SpliceError, UnreadableTextError
from optical_memory.language.quoting import REFUSAL
from optical_memory.memory.fidelity import source_text
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.model import Model
from optical_memory.modes import BASE, LARGE, MODES, NATIVE_MODES, SMALL, TINY, Mode
from renderers import Grid, Page, lay_out, transcript_blocks


def _pages(model: Model, count: int) -> list[Page]:
    rng = np.random.default_rng(3)
    text = "".join(map(chr, rng.integers(33, 127, count * model.grid.num_cells - count)))
    return lay_out(transcript_blocks(text, "user", "t"), model.grid)


@pytest.mark.parametrize("mode", NATIVE_MODES, ids=str)
def test_batch_equals_singles(tiny_model: Model, mode: Mode) -> None:
    pages = _pages(tiny_model, 3)
    together = tiny_model.encode(pages, mode)
    alone = [tiny_model.encode([page], mode)[0] for page in pages]
    for first, second in zip(together, alone, strict=True):
        torch.testing.assert_close(first.tokens.float(), second.tokens.float(), atol=0.02, rtol=0.02)
    assert not torch.equal(together[0].tokens, together[1].tokens)


@pytest.mark.parametrize("mode", MODES.values(), ids=str)
def test_page_rows_are_as_many_as_the_mode_says(tiny_model: Model, mode: Mode) -> None:
    encoded = tiny_model.encode(_pages(tiny_model, 1), mode)[0]
    assert len(encoded.tokens) == mode.visual_tokens(encoded.tiles)
    assert len(tiny_model.page_rows(encoded)) == encoded.sequence_length


@pytest.mark.parametrize("size", [(900, 2000), (3000, 700), (100, 100)])
def test_any_picture_takes_the_length_of_its_tiling(tiny_model: Model, size: tuple[int, int]) -> None:
    picture = Image.effect_noise(size, 50).convert("RGB")
    for mode in MODES.values():
        encoded = tiny_model.encode_picture(picture, mode)
        assert len(tiny_model.page_rows(encoded)) == encoded.sequence_length


def test_readout_gives_a_distribution_over_its_alphabet(tiny_model: Model) -> None:
    page = _pages(tiny_model, 1)[0]
    reading = tiny_model.read(tiny_model.encode([page], SMALL), page.grid)[0]
    assert reading.codes.shape == reading.probabilities.shape == (page.grid.num_cells,)
    assert tiny_model.config.readout is not None
    assert {chr(code) for code in reading.codes} <= set(tiny_model.config.readout.alphabet)
    assert ((reading.probabilities > 0) & (reading.probabilities <= 1)).all()


def test_tokens_of_another_encoder_are_refused(tiny_model: Model) -> None:
    page = _pages(tiny_model, 1)[0]
    foreign = dataclasses.replace(tiny_model.encode([page], TINY)[0], fingerprint="0" * 32)
    with pytest.raises(SpliceError, match="encode the page again"):
        tiny_model.read([foreign], page.grid)
    with pytest.raises(SpliceError, match="encode the page again"):
        tiny_model.splice([foreign])


def test_spliced_rows_stand_where_the_page_does(tiny_model: Model) -> None:
    encoded = tiny_model.encode(_pages(tiny_model, 1), TINY)[0]
    rows = tiny_model.splice(["before", encoded, "after"])
    first = 1 + len("before")
    assert len(rows) == first + 73 + len("after")
    torch.testing.assert_close(rows[first : first + 73], tiny_model.page_rows(encoded))


def test_answer_is_text_and_the_same_each_time(tiny_model: Model) -> None:
    encoded = tiny_model.encode(_pages(tiny_model, 1), TINY)[0]
    answers = {tiny_model.answer([encoded, "text"], "What?", max_new_tokens=12) for _ in range(2)}
    assert len(answers) == 1 and len(answers.pop()) <= 12


@pytest.mark.parametrize(
    "text", ["the rent is 8,400 euros", "port 5432; mail a@b.example, from v2.1", "", "水 is water"]
)
def test_an_answer_that_has_to_quote_is_whole_words_of_the_text_or_a_refusal(tiny_model: Model, text: str) -> None:
    """Of a decoder that learnt nothing, too."""
    said = tiny_model.answer([f"{text}!"], "What?", max_new_tokens=40, quoting=text)
    assert said == REFUSAL or re.search(rf"(?<!\w){re.escape(said)}(?![\w,]\w)", text.replace("水", "\ufffd"))


def test_question_and_context_have_limits(tiny_model: Model) -> None:
    with pytest.raises(UnreadableTextError, match="水"):
        tiny_model.answer(["text"], "水?")
    with pytest.raises(SpliceError, match="ask over fewer pages"):
        tiny_model.answer(["x" * 9000], "What?")


def test_pages_are_laid_out_on_another_grid_by_the_same_weights(bundled_model: Model) -> None:
    other = bundled_model.on_grid(Grid(80, 80))
    assert other.encoder is bundled_model.encoder and other.decoder is bundled_model.decoder
    assert (bundled_model.grid.columns, other.grid.columns) == (128, 80)
    memory = OpticalMemory(other, keep_last=0, schedule=ForgettingSchedule(((0, SMALL),)))
    text = "The tide turned at noon and the boats came in. " * 130
    context = memory.compress([{"role": "user", "content": text}])
    assert len(context.pages) == 1
    assert source_text(context.pages[0].page, memory.read(1)) == text
    assert OpticalMemory(other).schedule.steps == ((0, LARGE), (8, SMALL)), "its cells do not fill Base or Tiny"
    with pytest.raises(ValueError, match=r"do not fill a page at Base: take modes that they fill \(Small, Large\)"):
        other.read(other.encode([context.pages[0].page], BASE), other.grid)
    with pytest.raises(ValueError, match="does not read pages of 70 x 70 cells; it reads 64 x 64, 80 x 80, 128 x 64"):
        bundled_model.on_grid(Grid(70, 70))


def test_grids_in_step_have_whole_cells_to_a_patch_or_whole_patches_to_a_cell(bundled_model: Model) -> None:
    found = {mode: [(grid.columns, grid.rows) for grid in bundled_model.grids_in_step(mode)] for mode in (TINY, SMALL)}
    assert found == {TINY: [(64, 64), (128, 64)], SMALL: [(80, 80)]}
    assert [bundled_model.in_step(mode).grid.columns for mode in (TINY, SMALL)] == [64, 80]
