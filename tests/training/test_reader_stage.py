"""Stage 3: what lies where is found, what stands there is read, and the run can be exported."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from optical_memory.checkpoint import BUNDLED, Checkpoint, save_checkpoint
from optical_memory.config import SignpostConfig, default, tiny_random
from optical_memory.errors import CheckpointError
from optical_memory.language.decoder import build_decoder
from optical_memory.language.numbers import numbers_of
from optical_memory.language.reading_layers import SINK, CellReader, set_reading
from optical_memory.training import features
from optical_memory.training.export import export
from optical_memory.training.places import NUM_NUMBERS, place_code
from optical_memory.training.reader_stage import (
    ReaderTrainee,
    learn_places,
    reader,
    train_reader,
    what_comes_where,
)
from optical_memory.training.run import start_with

WIDTH = 96
RECIPE = replace(reader(400), place_steps=600, tokens_a_step=64)


def test_the_token_that_is_asked_for_is_ahead_of_all_others_and_of_the_beginning() -> None:
    torch.manual_seed(0)
    signposts = SignpostConfig(tokens=4, cells=2)
    code = place_code(4, 4)
    tokens = torch.randn(60, 16, WIDTH)
    tokens[..., -NUM_NUMBERS:] = 2 * code + 0.1 * torch.randn(60, 16, NUM_NUMBERS)
    free = torch.arange(WIDTH) >= 20

    finder = learn_places(tokens, torch.randn(2, WIDTH), free, torch.arange(WIDTH), signposts, RECIPE)

    assert not finder.directions[:20].any()
    normed = torch.nn.functional.normalize(tokens, dim=-1) * WIDTH**0.5
    told = normed @ finder.directions
    places = torch.arange(16)
    scores = told @ (finder.rows[places // 4] + finder.columns[places % 4]).T
    right = scores.diagonal(dim1=1, dim2=2)
    others = scores.masked_fill(torch.eye(16, dtype=torch.bool), -torch.inf).amax(1)
    assert (right - others).min() > 5
    assert (right - SINK).min() > 5


def test_what_must_go_goes_from_everywhere_and_the_rest_comes_once() -> None:
    taken = torch.zeros(WIDTH, dtype=torch.bool)
    taken[10:24], taken[-1] = True, True  # 15 numbers, as one patch's part of a token and more

    sources = what_comes_where(torch.randn(100, WIDTH), taken)

    assert (sources[taken] == -1).all()
    come = sources[~taken].tolist()
    assert -1 not in come and len(set(come)) == len(come)
    lost = sorted(set(range(WIDTH)) - set(come))
    assert WIDTH - 1 in lost
    assert len({number // (WIDTH // 16) for number in lost}) >= 14


def test_a_run_becomes_a_file_whose_decoder_has_the_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "SAVE_EVERY", 1)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    letters = np.random.default_rng(0).choice(list("abcdef \n"), 400_000)
    (corpus / "text.txt").write_text("".join(letters))
    brief = replace(reader(2), pages=2, place_steps=2, tokens_a_step=8)

    train_reader(default(), brief, corpus, BUNDLED, tmp_path / "run", torch.device("cpu"))
    export(default(), [BUNDLED], tmp_path / "run", tmp_path / "out.safetensors")

    bundled, made = Checkpoint(BUNDLED), Checkpoint(tmp_path / "out.safetensors")
    kept = "decoder.model.layers.3.self_attn.q_proj.weight"
    assert torch.allclose(made.load([kept])[kept], bundled.load([kept])[kept], atol=0.01)  # rounded twice
    asked = "decoder.model.layers.1.self_attn.q_proj.weight"
    assert not torch.equal(made.load([asked])[asked], bundled.load([asked])[asked])
    left = sorted(file.name for file in (tmp_path / "run").iterdir())
    assert left == ["log.jsonl", "state.pt"], "the features' own state goes when it is in the run's"


def test_a_decoder_that_read_nothing_takes_its_seat_behind_the_reading_layers(tmp_path: Path) -> None:
    toy = tiny_random()
    assert toy.decoder is not None
    older = replace(toy.decoder, num_dense_layers=1)
    newer = replace(
        older, depth=older.depth + 2, num_dense_layers=3, vocab_size=older.vocab_size + 90, signposts=SignpostConfig()
    )
    before, after = (nn.ModuleDict({"decoder": build_decoder(config)}) for config in (older, newer))
    save_checkpoint(tmp_path / "older.safetensors", toy, before.state_dict(), {})

    start_with(after, tmp_path / "older.safetensors")

    for number in range(older.depth):
        name = "decoder.model.layers.{}.self_attn.q_proj.weight"
        own, seated = before.state_dict()[name.format(number)], after.state_dict()[name.format(number + 2)]
        assert torch.allclose(own, seated, atol=0.01)
    table = "decoder.model.embed_tokens.weight"
    assert torch.allclose(after.state_dict()[table][: older.vocab_size], before.state_dict()[table], atol=0.01)


def test_a_model_without_signposts_is_refused() -> None:
    with pytest.raises(CheckpointError, match="reads pages"):
        ReaderTrainee(tiny_random())


def test_more_features_than_hidden_units_are_refused() -> None:
    config = default().decoder
    assert config is not None
    many = CellReader(torch.zeros(64, 25, config.width), torch.zeros(561, 25))
    trainee = ReaderTrainee(default())
    with pytest.raises(ValueError, match="1536"):
        set_reading(trainee.decoder, numbers_of(config, NUM_NUMBERS), many)
