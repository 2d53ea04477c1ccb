"""Stage 2 at toy width: both tasks give gradients, answers stand in their passages, a run resumes bit-exactly."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from optical_memory.checkpoint import BUNDLED
from optical_memory.config import ALPHABET, default, tiny_random
from optical_memory.language.quoting import REFUSAL
from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.loading import load_model
from optical_memory.training import decoder_stage
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.decoder_recipes import DecoderRecipe, Phase
from optical_memory.training.decoder_stage import DecoderTrainee, answer_weights, exact_share, train_decoder
from optical_memory.training.encoder_recipe import EncoderRecipe
from optical_memory.training.encoder_stage import train_encoder
from optical_memory.training.lessons import Teacher
from optical_memory.training.page_text import PageText
from optical_memory.training.run import start_with

CPU = torch.device("cpu")
RECIPE = DecoderRecipe((Phase(0, 1, 2), Phase(2, 2, 2)), steps=4, positions=256, warm_up=2)


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


def test_the_first_character_of_every_answer_counts_for_more() -> None:
    asked = torch.tensor([[True, True, False, True], [False, True, True, True]])
    assert answer_weights(asked, 4.0).tolist() == [[4.0, 1.0, 0.0, 4.0], [0.0, 4.0, 1.0, 1.0]]


def test_phases_follow_the_steps() -> None:
    recipe = replace(RECIPE, phases=(Phase(0, 1, 2), Phase(800, 2, 4)))
    assert [recipe.phase_at(step).block for step in (0, 799, 800)] == [1, 1, 2]


def test_a_lesson_counts_its_rows_and_asks_for_what_stands_there() -> None:
    tokenizer = CharacterTokenizer(ALPHABET)
    alphabet = Alphabet.of(ALPHABET)
    text = PageText(alphabet.encode("lorem ipsum dolor sit amet " * 100), alphabet, 0.0)
    teacher = Teacher(text, tokenizer, replace(RECIPE, positions=2048, page_share=1.0))
    for step, block in ((0, 1), (2, 2)):
        lesson = teacher.draw(step, np.random.default_rng(step))
        assert lesson.classes.shape[1] == (8 * block) ** 2
        assert (lesson.tokens == CharacterTokenizer.IMAGE).sum() == len(lesson.classes) * (block * (block + 1) + 1)
        assert (lesson.targets[:, :-1] != CharacterTokenizer.IMAGE).all()
        pages = [tokenizer.decode(page + CharacterTokenizer.FIRST) for page in lesson.classes]
        shown = "".join(pages) + "".join(page[1:] for page in pages)  # a passage goes on behind the next page's marker
        for tokens, asked in zip(lesson.targets, lesson.is_answer, strict=True):
            answers = np.split(tokens[asked], np.flatnonzero(tokens[asked] == CharacterTokenizer.EOS) + 1)
            for answer in map(tokenizer.decode, answers):
                assert answer in shown or answer == REFUSAL


def test_whole_pages_are_asked_about_no_more_than_a_passage() -> None:
    tokenizer, alphabet = CharacterTokenizer(ALPHABET), Alphabet.of(ALPHABET)
    text = PageText(alphabet.encode("lorem ipsum dolor sit amet " * 100), alphabet, 0.0)
    recipe = replace(RECIPE, phases=(Phase(0, 8, 8),), positions=1, reading_share=0.0, pairs_share=0.0)
    teacher = Teacher(text, tokenizer, recipe)
    asked = [
        (teacher.draw(0, np.random.default_rng(seed)).tokens == CharacterTokenizer.QUESTION).sum() for seed in range(12)
    ]
    assert 4 < max(asked) <= 11 + 0.15 * 11 + 1


def test_a_passage_stands_behind_its_background_and_holds_its_answers() -> None:
    tokenizer, alphabet = CharacterTokenizer(ALPHABET), Alphabet.of(ALPHABET)
    text = PageText(alphabet.encode("lorem ipsum dolor sit amet " * 100), alphabet, 0.0)
    recipe = replace(RECIPE, positions=4096, passage_share=1.0, background_share=0.5)
    assert not recipe.reads_pages
    lesson = Teacher(text, tokenizer, recipe).draw(0, np.random.default_rng(0))
    assert 0 < len(lesson.classes) < 2 * len(lesson.tokens)
    for row, targets, asked in zip(lesson.tokens, lesson.targets, lesson.is_answer, strict=True):
        said = tokenizer.decode(row[: int(np.flatnonzero(row == CharacterTokenizer.QUESTION)[0])])
        for answer in np.split(targets[asked], np.flatnonzero(targets[asked] == CharacterTokenizer.EOS) + 1):
            assert tokenizer.decode(answer) in said or tokenizer.decode(answer) == REFUSAL


def test_where_nothing_is_asked_of_pages_the_decoder_learns_alone(corpus: Path, tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    before = train_encoder(tiny_random(), EncoderRecipe((), steps=1), corpus, encoder, CPU).state_dict()
    recipe = replace(RECIPE, passage_share=1.0, background_share=1.0, steps=2)
    after = train_decoder(tiny_random(), recipe, corpus, encoder, tmp_path / "run", CPU).state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items() if name in after)


def test_what_is_frozen_stays_and_the_rest_learns(corpus: Path, tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    before = train_encoder(tiny_random(), EncoderRecipe((), steps=1), corpus, encoder, CPU).state_dict()
    after = train_decoder(tiny_random(), RECIPE, corpus, encoder, tmp_path / "run", CPU).state_dict()
    changed = {name for name, tensor in before.items() if name in after and not torch.equal(tensor, after[name])}
    assert not any(name.startswith(("encoder.sam", "encoder.compressor")) for name in changed)
    assert {"encoder.projector.weight", "encoder.newline", "readout.unfold.weight"} <= changed
    log = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    for shares in log["experts"].values():
        assert sum(shares) == pytest.approx(1.0, abs=1e-3)


def test_exact_answers_are_counted_by_run() -> None:
    asked = torch.tensor([[False, True, True, False, True], [True, True, False, False, True]])
    right = torch.tensor([[True, True, False, True, True], [True, True, True, True, False]])
    assert exact_share(right, asked) == pytest.approx(1 / 3)


def test_what_reads_is_forgotten_before_answers_are_learnt() -> None:
    trainee = DecoderTrainee(default(), reads_pages=False)
    start_with(trainee, BUNDLED)
    trainee.forget_reading()
    model = load_model("default", "cpu")
    tokens = torch.tensor([[CharacterTokenizer.BOS, *model.tokenizer.encode("The key of the port is 4711.")]])

    with torch.inference_mode():
        learnt, answering = trainee.decoder.eval()(input_ids=tokens).logits, model.answering(input_ids=tokens).logits

    assert torch.allclose(learnt, answering, atol=1e-3)
    assert not any(weight.requires_grad for weight in trainee.decoder.model.layers[:2].parameters())
