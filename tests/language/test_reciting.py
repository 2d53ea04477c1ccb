"""The bundled decoder reads a page by itself; without signposts nothing of that is noticed."""

import numpy as np
import pytest
import torch

from optical_memory.errors import CheckpointError
from optical_memory.language.generate import generate
from optical_memory.language.signposts import signposts_of
from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.model import Model
from optical_memory.modes import SMALL, TINY
from renderers import Grid, lay_out, transcript_blocks

TEXT = "The ferry to Aeltre leaves pier 7 at 17:42; deploy key 3f9a-77c1-e0b2. " * 70


@pytest.fixture(scope="module")
def model(bundled_model: Model) -> Model:
    return bundled_model.on_grid(Grid(80, 80))


def test_it_reads_a_page_character_by_character(model: Model) -> None:
    page = lay_out(transcript_blocks(TEXT, "user", "test"), model.grid)[0]

    reading = model.recite(model.encode([page], SMALL)[0])

    assert (reading.codes == page.codes)[page.source_cells].mean() > 0.99
    assert reading.probabilities.mean() > 0.95


def test_said_in_one_go_a_page_begins_with_the_same_rows(model: Model) -> None:
    """Signposts are its own choice, too: prompted once it goes from row to row."""
    page = lay_out(transcript_blocks(TEXT, "user", "test"), model.grid)[0]
    encoded = model.encode([page], SMALL)[0]
    config = model.decoder_config
    assert config.signposts is not None
    signposts = signposts_of(config.signposts, config.vocab_size)

    tokens = generate(model.decoder, model.splice([encoded], [CharacterTokenizer.READ]), 9 * signposts.row_length)

    rows = [tokens[first : first + signposts.row_length] for first in range(0, len(tokens), signposts.row_length)]
    assert [row[0] for row in rows] == list(signposts.rows)[:9]
    assert all([token for token in row[1:] if token in signposts.columns] == list(signposts.columns) for row in rows)
    alphabet = np.array([ord(character) for character in model.config.readout.alphabet], dtype=np.uint32)  # type: ignore[union-attr]
    said = np.array([row[place] for row in rows for place in signposts.character_places]) - CharacterTokenizer.FIRST
    assert (alphabet[said] == model.recite(encoded).codes[: len(said)]).all()


def test_text_goes_through_the_reading_layers_unchanged(model: Model) -> None:
    tokens = torch.tensor([[CharacterTokenizer.BOS, *model.tokenizer.encode(TEXT[:300])]])

    with torch.inference_mode():
        whole, part = (
            decoder.model(input_ids=tokens).last_hidden_state for decoder in (model.decoder, model.answering)
        )

    # Of the beginning, which is fetched where nothing is asked for, rounding leaves a ten-thousandth.
    assert (whole - part).norm() < 0.003 * part.norm()
    assert len(model.answering.model.layers) == len(model.decoder.model.layers) - 2
    shared = model.answering.model.layers[0].mlp.gate_proj.weight
    assert shared.data_ptr() == model.decoder.model.layers[2].mlp.gate_proj.weight.data_ptr()


def test_other_pages_are_refused_with_what_to_do(model: Model, tiny_model: Model) -> None:
    page = lay_out(transcript_blocks("a", "user", "test"), Grid(64, 64))[0]

    with pytest.raises(ValueError, match="Tiny"):
        model.recite(model.encode([page], TINY)[0])
    with pytest.raises(CheckpointError, match="FREE_OCR"):
        tiny_model.recite(tiny_model.encode([page], SMALL)[0])
