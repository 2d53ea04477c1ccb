"""Fidelity by teacher forcing: the one pass gives what a plain loop over prefixes gives, character by character."""

from pathlib import Path

import pytest
import torch

from optical_memory.errors import SpliceError
from optical_memory.language.prompts import FREE_OCR
from optical_memory.loading import load_model
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.model import Model
from optical_memory.modes import TINY
from renderers import Grid, lay_out, transcript_blocks
from tests.memory.fake import conversation
from tests.published_toy import write_toy

TEXT = "The port of the api is 8472, naïve <image> 水 \U0001f600 done."


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A random decoder without a readout."""
    folder = tmp_path_factory.mktemp("toy") / "model"
    write_toy(folder)
    return load_model(folder, device="cpu")


def test_places_cover_the_text_in_order(toy: Model) -> None:
    places = toy.tokenizer.places(TEXT)
    assert len(places) == len(toy.tokenizer.encode(TEXT))
    assert [place for start, end in places for place in range(start, end)] == sorted(
        place for start, end in places for place in range(start, end)
    )
    assert {place for start, end in places for place in range(start, end)} == set(range(len(TEXT)))
    for token, (start, end) in zip(toy.tokenizer.encode(TEXT), places, strict=True):
        said = toy.tokenizer.decode([token])
        assert "\ufffd" in said or said == TEXT[start:end]


def test_one_pass_gives_what_a_loop_gives(toy: Model) -> None:
    page = lay_out(transcript_blocks(TEXT[:40], "user", "t"), Grid(16, 16))[0]
    (encoded,) = toy.encode([page], TINY)
    text = page.text
    tokens, places = toy.tokenizer.encode(text), toy.tokenizer.places(text)
    expected: set[int] = set()
    for number, (token, place) in enumerate(zip(tokens, places, strict=True)):
        rows = toy.splice([encoded], [*toy.tokenizer.question(FREE_OCR), *tokens[:number]])
        with torch.inference_mode():
            said = int(toy.decoder(inputs_embeds=rows[None], logits_to_keep=1).logits[0, -1].argmax())
        if said != token:
            expected.update(range(*place))
    assert toy.misread(encoded, text).tolist() == sorted(expected)


def test_what_the_decoder_says_is_right(tmp_path: Path) -> None:
    """Its head is replaced by one that always says `a`."""
    write_toy(tmp_path / "model")
    model = load_model(tmp_path / "model", device="cpu")
    page = lay_out(transcript_blocks("a!a", "user", "t"), Grid(16, 16))[0]
    (encoded,) = model.encode([page], TINY)
    says_a = torch.zeros(400, 32)
    model.decoder.lm_head = torch.nn.Linear(32, 400)
    model.decoder.lm_head.load_state_dict({"weight": says_a, "bias": torch.eye(400)[model.tokenizer.encode("a")[0]]})
    assert model.misread(encoded, "a!a").tolist() == [1]
    assert model.misread(encoded, "").size == 0


def test_pages_of_a_decoder_only_model_have_a_fidelity_per_span(toy: Model) -> None:
    history = conversation(6, 500)
    memory = OpticalMemory(toy, keep_last=0)
    context = memory.compress(history)
    assert context.pages
    for part in context.pages:
        assert part.fidelity is not None and 0.0 <= part.fidelity < 0.5
        assert part.fidelity == pytest.approx(1 - len(part.wrong) / part.page.num_characters)
        assert len(part.spans) == len(part.page.spans)
    assert all(row.spans for row in context.report.pages)
    assert memory.recall("server port", 1)[0].read is False


def test_a_text_too_long_for_the_decoder_is_told(toy: Model) -> None:
    page = lay_out(transcript_blocks("x", "user", "t"), Grid(16, 16))[0]
    (encoded,) = toy.encode([page], TINY)
    with pytest.raises(SpliceError, match="positions"):
        toy.misread(encoded, "1 2 " * 9000)
