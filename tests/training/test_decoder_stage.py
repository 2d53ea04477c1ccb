"""Stage 2 at toy width: both tasks give gradients, answers stand in their passages, a run resumes bit-exactly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from optical_memory.config import LATIN_ALPHABET, tiny_random
from optical_memory.training import decoder_stage
from optical_memory.training.corpus import Alphabet, PageText
from optical_memory.training.decoder_stage import train_decoder
from optical_memory.training.encoder_stage import train_encoder
from optical_memory.training.questions import ABSENT, draw_pairs, draw_quiz
from optical_memory.training.recipes import DecoderRecipe, EncoderRecipe

CPU = torch.device("cpu")
RECIPE = DecoderRecipe(
    4, characters=256, question_characters=256, blocks=((0, 1), (2, 2)), passages=((0, 64),), warm_up=2
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus").mkdir()
    words = np.random.default_rng(0).choice(["one", "two", "three", "four"], 4000)
    (tmp_path / "corpus" / "text.txt").write_text(" ".join(words))
    return tmp_path / "corpus"


def test_interrupted_run_goes_on_bit_exactly(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_stage, "SAVE_EVERY", 2)
    encoder = tmp_path / "encoder"
    train_encoder(tiny_random(), EncoderRecipe((), steps=1), corpus, encoder, CPU)
    steady = replace(RECIPE, cool_down=0.0)
    short = train_decoder(tiny_random(), replace(steady, steps=2), corpus, encoder, tmp_path / "cut", CPU)
    halfway = {name: tensor.clone() for name, tensor in short.state_dict().items()}
    resumed = train_decoder(tiny_random(), steady, corpus, encoder, tmp_path / "cut", CPU)
    unbroken = train_decoder(tiny_random(), steady, corpus, encoder, tmp_path / "unbroken", CPU)
    for name, tensor in unbroken.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert any(not torch.equal(tensor, halfway[name]) for name, tensor in unbroken.state_dict().items())


def test_answers_stand_in_their_passage_unless_absent() -> None:
    alphabet = Alphabet.of(LATIN_ALPHABET)
    text = PageText(alphabet.encode("lorem ipsum dolor sit amet " * 100), alphabet, 0.0)
    rng = np.random.default_rng(1)
    absent = 0
    for _ in range(200):
        quiz = draw_quiz(text, 400, 4, rng)
        for _, answer in quiz.questions:
            absent += answer == ABSENT
            assert answer == ABSENT or answer in quiz.passage
    assert 60 < absent < 180


def test_every_key_is_asked_for_once() -> None:
    quiz = draw_pairs(200, np.random.default_rng(2))
    assert len(quiz.questions) > 3
    assert sorted(f"{key}: {value}" for key, value in quiz.questions) == sorted(quiz.passage.split("; "))


def test_blocks_and_passages_grow() -> None:
    recipe = replace(RECIPE, blocks=((0, 1), (800, 2)), passages=((0, 96), (250, 192)))
    assert [recipe.block_at(step) for step in (0, 799, 800)] == [1, 1, 2]
    assert [recipe.passage_at(step) for step in (0, 249, 250)] == [96, 96, 192]
