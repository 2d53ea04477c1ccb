"""The readout of a face of one's own: it learns what that face's glyphs are called, and nothing else of the file changes."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from optical_memory.checkpoint import BUNDLED, FONT, Checkpoint, save_checkpoint
from optical_memory.cli import main
from optical_memory.config import TypographyConfig
from optical_memory.errors import CheckpointError
from optical_memory.loading import load_model
from optical_memory.modes import BASE, MODES
from optical_memory.sight import Sight
from optical_memory.training import own_readout
from optical_memory.training.own_readout import set_readout
from optical_memory.vision.readout import CellClassifier
from renderers import DEJAVU, Block, Grid, lay_out
from renderers.fonts import FACES_FOLDER

CPU = torch.device("cpu")
TEXT = "Illinois will till 1,200 hills; all until full. " * 60


@pytest.fixture
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few of every grid, at Base alone, for brevity."""
    monkeypatch.setattr(own_readout, "PAGES", {BASE: 2})


@pytest.fixture
def font(tmp_path: Path) -> Path:
    file = tmp_path / "own.ttf"
    file.write_bytes((FACES_FOLDER / DEJAVU.strikes[0].file).read_bytes())
    return file


def misreading(file: Path, first: str, second: str) -> None:
    """Writes the bundled encoder, and its readout that takes two characters for each other, as it does in a strange face."""
    checkpoint = Checkpoint(BUNDLED)
    readout = checkpoint.load(["readout."])
    assert checkpoint.config.readout is not None
    rows = [checkpoint.config.readout.alphabet.index(character) for character in (first, second)]
    for name in ("readout.cells.classify.weight", "readout.cells.classify.bias"):
        readout[name][rows] = readout[name][rows[::-1]]
    config = replace(checkpoint.config, decoder=None, typography=TypographyConfig(face="dejavu"))
    save_checkpoint(file, config, readout, {}, checkpoint.stored(["encoder."]))


def share_right(file: Path) -> float:
    model = load_model(file, "cpu")
    page = lay_out([Block(TEXT, "user", "t")], model.grid)[0]
    reading = model.read(model.encode([page], BASE), page.grid)[0]
    return float((reading.codes == page.codes)[page.source_cells].mean())


@pytest.mark.usefixtures("few_pages")
def test_a_face_whose_letters_are_taken_for_others_is_read_right(font: Path, tmp_path: Path) -> None:
    misreading(tmp_path / "strange.safetensors", "l", "I")
    assert share_right(tmp_path / "strange.safetensors") < 0.85

    outcome = set_readout(str(font), tmp_path / "own.safetensors", CPU, tmp_path / "strange.safetensors")

    assert share_right(tmp_path / "own.safetensors") > 0.99
    assert outcome.is_learnt and all(page.before < 0.97 < page.after for page in outcome.tried if page.is_text)


@pytest.mark.usefixtures("few_pages")
def test_what_reads_worse_than_before_is_not_kept(
    font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    misreading(tmp_path / "strange.safetensors", "l", "I")
    before = share_right(tmp_path / "strange.safetensors")
    monkeypatch.setattr(own_readout, "EPOCHS", 1)
    monkeypatch.setattr(own_readout, "NOISE", 1e6)  # drowns whatever there is to learn from

    origin, own = (str(tmp_path / name) for name in ("strange.safetensors", "own.safetensors"))
    assert main(["train", "face", "--font", str(font), "--from", origin, "--out", own]) == 0

    said = capsys.readouterr().out
    assert "Base, 128x64, random strings" in said and "it was kept" in said
    assert share_right(tmp_path / "own.safetensors") == pytest.approx(before, abs=0.05)  # on another grid


@pytest.mark.usefixtures("few_pages")
def test_the_encoder_stays_and_the_font_goes_along(tiny_checkpoint: Path, font: Path, tmp_path: Path) -> None:
    set_readout(str(font), tmp_path / "own.safetensors", CPU, tiny_checkpoint)
    content = font.read_bytes()
    font.unlink()

    origin, own = Checkpoint(tiny_checkpoint), Checkpoint(tmp_path / "own.safetensors")
    before, after = origin.stored(["encoder."]), own.stored(["encoder."])
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    names = ["readout.cells.classify.weight", "readout.convs.0.conv.weight"]
    changed = [not torch.equal(own.load([name])[name], origin.load([name])[name]) for name in names]
    assert changed == [True, False]
    assert own.stored([FONT])[FONT].numpy().tobytes() == content
    assert own.config.typography.face == "own"


@pytest.mark.usefixtures("few_pages")
def test_it_is_decided_by_its_seed(tiny_checkpoint: Path, tmp_path: Path) -> None:
    readouts = []
    for number, seed in enumerate((0, 0, 1)):
        set_readout("dejavu", tmp_path / f"{number}.safetensors", CPU, tiny_checkpoint, seed)
        readouts.append(Checkpoint(tmp_path / f"{number}.safetensors").stored(["readout.cells.hidden"]))
    same, other = (
        all(np.array_equal(readouts[0][name], later[name]) for name in readouts[0]) for later in readouts[1:]
    )
    assert same
    assert not other


def test_every_grid_shows_text_and_random_strings_in_turn() -> None:
    shares: dict[tuple[str, tuple[int, int]], list[float | None]] = {}
    for portion in own_readout._portions(Sight(Checkpoint(BUNDLED), CPU), "dejavu", own_readout.PAGES):
        shares.setdefault((portion.mode.name, portion.grid), []).append(portion.random_share)
    assert shares == {
        ("Base", (64, 64)): [0.0, 1.0] * 32,
        ("Base", (128, 64)): [0.0, 1.0] * 32,
        ("Large", (80, 80)): [0.0, 1.0] * 4,
    }


def test_what_cells_show_is_noisy_while_it_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    start = CellClassifier(8, 8, 2)
    seen = torch.randn(2048, 8)
    characters = (seen[:, 0] > seen[:, 1]).long()  # survives the layer norm that comes first
    monkeypatch.setattr(own_readout, "EPOCHS", 64)  # of few cells
    right = {}
    for noise in (own_readout.NOISE, 100.0):
        monkeypatch.setattr(own_readout, "NOISE", noise)
        cells = deepcopy(start)
        own_readout._learn(cells, seen, characters, seed=0)
        right[noise] = float((cells.tell(seen).argmax(-1) == characters).float().mean())
    mild, drowned = right.values()
    assert mild > 0.9 > drowned + 0.1


def test_a_file_without_a_readout_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    origin = Checkpoint(tiny_checkpoint)
    blind = tmp_path / "blind.safetensors"
    save_checkpoint(blind, replace(origin.config, readout=None), {}, {}, origin.stored(["encoder.", "decoder."]))
    with pytest.raises(CheckpointError, match="holds no readout"):
        set_readout("dejavu", tmp_path / "own.safetensors", CPU, blind)


@pytest.mark.parametrize("half", [["--corpus", "texts"], ["--run", "runs"], ["--steps", "9"]])
def test_half_of_what_a_run_needs_is_told(
    half: list[str], font: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "face", "--font", str(font), *half, "--out", str(tmp_path / "own.safetensors")]) == 1
    assert "both --corpus and --run" in capsys.readouterr().err


@pytest.mark.usefixtures("few_pages")
def test_the_command_needs_a_font_alone(tiny_checkpoint: Path, font: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    assert main(["train", "face", "--font", str(font), "--from", str(tiny_checkpoint), "--out", str(file)]) == 0
    model = load_model(file, "cpu")
    assert model.config.name == "tiny-random-own"
    assert [mode.name for mode in MODES.values() if model.reads(mode)] == ["Base"]
    assert not any(map(model.on_grid(Grid(80, 80)).reads, MODES.values())), "Large is what reads that grid"
    page = lay_out([Block("the port is 5432", "user", "t")], model.grid)[0]
    assert len(model.read(model.encode([page], BASE), page.grid)[0].codes) == 128 * 64
