"""Stage 1 at toy width: it learns, it resumes bit-exactly, it refuses what does not belong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optical_memory.checkpoint import Checkpoint
from optical_memory.config import ReadoutConfig, tiny_random
from optical_memory.errors import CheckpointError, InvalidHistoryError
from optical_memory.modes import TINY
from optical_memory.training import encoder_stage
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.corpus import Corpus
from optical_memory.training.encoder_recipe import EncoderRecipe
from optical_memory.training.encoder_stage import EncoderTrainee, train_encoder
from optical_memory.training.export import export
from optical_memory.training.pages import Portion
from optical_memory.training.run import load_weights, rate_at

CONFIG = replace(tiny_random(), readout=ReadoutConfig(alphabet="ab \n", width=32, depth=1, cell_width=16))
RECIPE = EncoderRecipe((Portion(TINY, 4, crop=2),), steps=6, warm_up=2, readout_from=2)
CPU = torch.device("cpu")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    letters = np.random.default_rng(0).choice(list("ab "), 20_000)
    (folder / "text.txt").write_text("".join(letters))
    (folder / "latin1.txt").write_bytes(b"\xe9" * 100)
    (folder / "other.txt").write_text("水" * 100)
    return folder


def test_interrupted_run_goes_on_bit_exactly(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_stage, "SAVE_EVERY", 3)
    whole = train_encoder(CONFIG, RECIPE, corpus, tmp_path / "whole", CPU)
    real_step = encoder_stage.encoder_step

    def killed(*arguments: Any) -> dict[str, float]:
        if arguments[5] == 4:
            raise KeyboardInterrupt
        return real_step(*arguments)

    monkeypatch.setattr(encoder_stage, "encoder_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train_encoder(CONFIG, RECIPE, corpus, tmp_path / "cut", CPU)
    monkeypatch.setattr(encoder_stage, "encoder_step", real_step)
    resumed = train_encoder(CONFIG, RECIPE, corpus, tmp_path / "cut", CPU)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_run_of_another_corpus_or_model_is_refused(corpus: Path, tmp_path: Path) -> None:
    train_encoder(CONFIG, replace(RECIPE, steps=1), corpus, tmp_path / "run", CPU)
    with pytest.raises(CheckpointError, match="model is 'tiny-random', not 'other'"):
        train_encoder(replace(CONFIG, name="other"), RECIPE, corpus, tmp_path / "run", CPU)
    (corpus / "text.txt").write_text("ab" * 9000)
    with pytest.raises(CheckpointError, match="corpus"):
        train_encoder(CONFIG, RECIPE, corpus, tmp_path / "run", CPU)


def test_failed_save_leaves_the_last_state(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    train_encoder(CONFIG, replace(RECIPE, steps=1), corpus, run, CPU)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        train_encoder(CONFIG, RECIPE, corpus, run, CPU)
    assert load_weights(run)["state"]["step"] == 1


def test_damaged_state_is_told(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.pt").write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match="damaged"):
        train_encoder(CONFIG, RECIPE, corpus, tmp_path / "run", CPU)


def test_folder_without_readable_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("水" * 50)
    with pytest.raises(InvalidHistoryError, match="no UTF-8 file"):
        Corpus(tmp_path, Alphabet.of("ab"))


def test_corpus_keeps_files_apart_by_what_can_be_read(corpus: Path) -> None:
    found = Corpus(corpus, Alphabet.of("ab "))
    assert found.num_files == 1
    assert len(found.training) + len(found.held_out) == 20_000
    assert len(found.held_out) == 400


def test_rate_warms_up_stays_and_falls() -> None:
    recipe = replace(RECIPE, steps=100, warm_up=10, cool_down=0.5, rate=1.0)
    rates = [rate_at(step, recipe) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[20] == rates[49] == 1.0
    assert rates[50:] == sorted(rates[50:], reverse=True) and rates[-1] < 0.01


def test_start_passes_each_patch_to_its_slot() -> None:
    torch.manual_seed(0)
    trainee = EncoderTrainee(tiny_random())
    patches = torch.randn(1, 32, 8, 8)
    grid = trainee.encoder.compressor(patches)
    both = torch.cat([trainee.encoder.clip(grid), grid.flatten(2).transpose(1, 2)], -1)
    unfolded = trainee.readout.unfold(trainee.encoder.projector(both)).view(1, 2, 2, 4, 4, -1)
    unfolded = unfolded.permute(0, 5, 1, 3, 2, 4).reshape(1, -1, 8, 8)
    slot = trainee.encoder.config.width // 16
    similarity = torch.nn.functional.cosine_similarity(unfolded[0, :slot], patches[0, :slot], dim=0)
    assert similarity.mean() > 0.95


def test_a_checkpoint_file_is_a_start_too(corpus: Path, tmp_path: Path) -> None:
    train_encoder(CONFIG, replace(RECIPE, steps=1), corpus, tmp_path / "run", CPU)
    export(CONFIG, [tmp_path / "run"], None, tmp_path / "model.safetensors")
    still = replace(RECIPE, steps=1, rate=0.0)
    started = train_encoder(CONFIG, still, corpus, tmp_path / "next", CPU, tmp_path / "model.safetensors")
    stored = Checkpoint(tmp_path / "model.safetensors").load(["encoder.", "readout."])
    for name, tensor in stored.items():
        assert torch.equal(started.state_dict()[name], tensor), name
    with pytest.raises(CheckpointError, match="holds no training state"):
        train_encoder(CONFIG, still, corpus, tmp_path / "other", CPU, tmp_path / "absent")


def test_of_several_runs_the_mean_is_exported(corpus: Path, tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("second", 2)):
        train_encoder(CONFIG, replace(RECIPE, steps=1, seed=seed), corpus, tmp_path / name, CPU)
    runs = [tmp_path / "first", tmp_path / "second"]
    export(CONFIG, runs, None, tmp_path / "mean.safetensors", [0.25, 0.75])
    mean = Checkpoint(tmp_path / "mean.safetensors").load(["encoder.", "readout."])
    first, second = (load_weights(run)["model"] for run in runs)
    for name, tensor in mean.items():
        expected = 0.25 * first[name] + 0.75 * second[name]
        torch.testing.assert_close(tensor, expected, atol=0.01 * float(expected.abs().max() + 1e-6), rtol=0)
    export(CONFIG, [runs[0], tmp_path / "mean.safetensors"], None, tmp_path / "next.safetensors")
    half = Checkpoint(tmp_path / "next.safetensors")
    assert half.notes["encoder_steps"] == "1 + 1 + 1"
    for name, tensor in half.load(["encoder.", "readout."]).items():
        expected = 0.5 * first[name] + 0.5 * mean[name]
        torch.testing.assert_close(tensor, expected, atol=0.01 * float(expected.abs().max() + 1e-6), rtol=0)
    with pytest.raises(CheckpointError, match="shares that add up to 1"):
        export(CONFIG, runs, None, tmp_path / "mean.safetensors", [0.25, 0.25])


def test_a_character_that_an_older_run_did_not_know_is_in_the_mean_as_the_newest_has_it(
    corpus: Path, tmp_path: Path
) -> None:
    newer = replace(CONFIG, readout=ReadoutConfig(alphabet="ab \nc", width=32, depth=1, cell_width=16))
    runs = [tmp_path / "first", tmp_path / "second"]
    train_encoder(CONFIG, replace(RECIPE, steps=1), corpus, runs[0], CPU)
    train_encoder(newer, replace(RECIPE, steps=1, seed=2), corpus, runs[1], CPU, runs[0])
    export(newer, runs, None, tmp_path / "mean.safetensors", [0.25, 0.75])
    name = "readout.cells.classify.weight"
    mean = Checkpoint(tmp_path / "mean.safetensors").load(["readout."])[name]
    first, second = (load_weights(run)["model"][name] for run in runs)
    torch.testing.assert_close(mean[:4], 0.25 * first + 0.75 * second[:4], atol=0.01, rtol=0)
    torch.testing.assert_close(mean[4], second[4], atol=0.01, rtol=0)


def test_a_start_of_another_shape_is_refused(corpus: Path, tmp_path: Path) -> None:
    train_encoder(CONFIG, replace(RECIPE, steps=1), corpus, tmp_path / "run", CPU)
    wider = replace(CONFIG, readout=ReadoutConfig(alphabet="ab \n", width=32, depth=1, cell_width=32))
    with pytest.raises(CheckpointError, match=r"has shape .* the model needs"):
        train_encoder(wider, RECIPE, corpus, tmp_path / "next", CPU, tmp_path / "run")


def test_a_file_is_exported_as_it_is(corpus: Path, tmp_path: Path) -> None:
    train_encoder(CONFIG, replace(RECIPE, steps=1), corpus, tmp_path / "run", CPU)
    export(CONFIG, [tmp_path / "run"], None, tmp_path / "model.safetensors")
    export(CONFIG, [tmp_path / "model.safetensors"], None, tmp_path / "again.safetensors")
    first, again = (Checkpoint(tmp_path / f"{name}.safetensors") for name in ("model", "again"))
    assert again.notes == first.notes
    assert again.names == first.names
    for name, tensor in first.stored(["encoder.", "readout."]).items():
        assert torch.equal(again.stored([name])[name], tensor), name
    assert (tmp_path / "again.safetensors").stat().st_mode & 0o777 == 0o644
    wider = replace(CONFIG, readout=ReadoutConfig(alphabet="ab \n", width=32, depth=1, cell_width=32))
    with pytest.raises(CheckpointError, match="another alphabet"):
        export(wider, [tmp_path / "model.safetensors"], None, tmp_path / "wider.safetensors")


def test_export_leaves_the_auxiliary_head_behind(corpus: Path, tmp_path: Path) -> None:
    train_encoder(CONFIG, replace(RECIPE, steps=1), corpus, tmp_path / "run", CPU)
    export(CONFIG, [tmp_path / "run"], None, tmp_path / "model.safetensors")
    names = Checkpoint(tmp_path / "model.safetensors").names
    assert any(name.startswith("readout.") for name in names)
    assert not any(name.startswith("auxiliary.") for name in names)
