"""A face of one's own: it is learnt, goes with the checkpoint, and what it cannot tell apart is not put on a page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from optical_memory.checkpoint import BUNDLED, FONT, Checkpoint, save_checkpoint
from optical_memory.cli import main
from optical_memory.config import TypographyConfig, default, tiny_random
from optical_memory.errors import CheckpointError
from optical_memory.loading import load_model
from optical_memory.model import Model
from optical_memory.modes import SMALL, TINY
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.encoder_stage import EncoderTrainee, held_out_accuracy, train_encoder
from optical_memory.training.export import export_in_face
from optical_memory.training.own_face import learn_face, one_face
from optical_memory.training.page_text import PageText
from optical_memory.training.pages import PageEngine, Portion
from optical_memory.training.run import start_with
from renderers import DEJAVU, FIXED, Block, Grid, Page, draw, lay_out
from renderers.fonts import FACES_FOLDER

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    letters = np.random.default_rng(0).choice(list("etaoin shrdlu 0123\n"), 30_000)
    (folder / "text.txt").write_text("".join(letters))
    return folder


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A font file of a bundled face's name that holds another one."""
    file = tmp_path_factory.mktemp("fonts") / "fixed.ttf"
    file.write_bytes((FACES_FOLDER / DEJAVU.strikes[0].file).read_bytes())
    return file


@pytest.fixture(scope="module")
def learnt(tiny_checkpoint: Path, corpus: Path, font: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy after one step in that face: the folder of the run, and `own.safetensors` in it. The font is gone."""
    run = tmp_path_factory.mktemp("run")
    moved = run / font.name
    moved.write_bytes(font.read_bytes())
    learn_face(str(moved), corpus, run, run / "own.safetensors", CPU, tiny_checkpoint, steps=1)
    moved.unlink()
    return run


def page_of(text: str, grid: Grid) -> Page:
    return lay_out([Block(text, "user", "t")], grid)[0]


def test_the_bundled_weights_learn_a_face_within_a_few_steps(corpus: Path, font: Path, tmp_path: Path) -> None:
    recipe = replace(one_face(str(font), 12), portions=(Portion(TINY, 1, faces=(str(font),)),), warm_up=3)
    config = default()
    assert config.readout is not None
    alphabet = Alphabet.of(config.readout.alphabet)
    strings = PageEngine(PageText(np.zeros(1, dtype=np.int32), alphabet, 1.0), alphabet, CPU)
    before = EncoderTrainee(config)
    start_with(before, BUNDLED)

    after = train_encoder(config, recipe, corpus, tmp_path / "run", CPU, BUNDLED)

    known, learnt = (held_out_accuracy(trainee, {"s": strings}, recipe.portions, 3, CPU) for trainee in (before, after))
    assert learnt["Tiny 64x64 s"] > 1.5 * known["Tiny 64x64 s"]


def test_the_checkpoint_brings_its_font_along(learnt: Path, tiny_checkpoint: Path, font: Path) -> None:
    file = learnt / "own.safetensors"
    model = load_model(file, "cpu")
    page = page_of("the port is 5432", model.grid)
    assert model.config.name == "tiny-random-fixed"
    assert Checkpoint(file).stored([FONT])[FONT].numpy().tobytes() == font.read_bytes()
    assert np.array_equal(model.picture(page, SMALL.side), draw(page, SMALL.side, DEJAVU))
    assert not np.array_equal(model.picture(page, SMALL.side), draw(page, SMALL.side, FIXED))
    assert len(model.read(model.encode([page], SMALL), page.grid)[0].codes) == 4096
    assert model.fingerprint != load_model(tiny_checkpoint, "cpu").fingerprint


def test_letters_that_a_face_draws_alike_are_not_put_on_a_page(learnt: Path, bundled_model: Model) -> None:
    latin_and_greek = "A\u0391B\u0392"
    assert load_model(learnt / "own.safetensors", "cpu").unreadable(latin_and_greek) == "\u0391\u0392"
    assert bundled_model.unreadable(latin_and_greek) == ""


def test_a_run_of_another_face_is_refused(learnt: Path, tiny_checkpoint: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'tiny-random-fixed', not 'tiny-random-dejavu'"):
        learn_face("dejavu", corpus, learnt, tmp_path / "own.safetensors", CPU, tiny_checkpoint, steps=1)


def test_a_run_of_another_font_of_that_name_is_refused(
    learnt: Path, tiny_checkpoint: Path, corpus: Path, font: Path, tmp_path: Path
) -> None:
    other = tmp_path / font.name
    other.write_bytes(font.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="whose font is"):
        learn_face(str(other), corpus, learnt, tmp_path / "own.safetensors", CPU, tiny_checkpoint, steps=2)


def test_the_decoder_answers_as_before_and_recites_no_page(corpus: Path, bundled_model: Model, tmp_path: Path) -> None:
    recipe = replace(one_face("dejavu", 1), portions=(Portion(TINY, 1, faces=("dejavu",)),))
    train_encoder(default(), recipe, corpus, tmp_path / "run", CPU, BUNDLED)
    export_in_face(default(), tmp_path / "run", BUNDLED, DEJAVU, tmp_path / "own.safetensors")

    model = load_model(tmp_path / "own.safetensors", "cpu")

    with pytest.raises(CheckpointError, match="does not read row by row"):
        model.recite(model.encode([page_of("the port is 5432", Grid(80, 80))], SMALL)[0])
    own, others = model.answering.state_dict(), bundled_model.answering.state_dict()
    assert own.keys() == others.keys()
    for name, tensor in others.items():
        torch.testing.assert_close(own[name], tensor, atol=0.01 * float(tensor.abs().max()), rtol=0)


def test_a_face_that_the_file_lacks_is_told(tmp_path: Path) -> None:
    config = replace(tiny_random(), typography=TypographyConfig(face="Berkeley"))
    save_checkpoint(tmp_path / "own.safetensors", config, {}, {})
    with pytest.raises(CheckpointError, match=r"sets pages in 'Berkeley', a face that it does not hold"):
        _ = Checkpoint(tmp_path / "own.safetensors").face


@pytest.mark.parametrize("content", [b"", b"no font at all", None])
def test_what_is_no_font_gets_one_line(
    content: bytes | None, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.ttf"
    if content is not None:
        file.write_bytes(content)
    where = ["--corpus", str(corpus), "--run", str(tmp_path / "run"), "--out", str(tmp_path / "own.safetensors")]
    assert main(["train", "face", "--font", str(file), *where]) == 1
    assert "font file" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
