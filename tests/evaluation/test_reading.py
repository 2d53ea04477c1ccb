"""The reading task at toy size: which rows there are, and which characters it leaves out."""

from pathlib import Path

import numpy as np
import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.reading import _drawn_alike, evaluate_faces, natural_pages
from optical_memory.model import Model
from optical_memory.modes import BASE
from renderers import DEJAVU, Grid, glyph_atlas
from renderers.fonts import FACES_FOLDER

FONT = FACES_FOLDER / DEJAVU.strikes[0].file


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("The quick brown fox jumps over the lazy dog. " * 250, encoding="utf-8")
    return path


def test_a_face_is_read_on_every_grid_that_fills_base(tiny_model: Model, text_file: Path) -> None:
    figures = evaluate_faces(tiny_model, text_file, [FONT], 1)
    assert [(figure.task, figure.metric) for figure in figures] == [
        ("reading, 64 x 64", "characters right, natural, DejaVuSansMono"),
        ("reading, 64 x 64", "calibration error, natural, DejaVuSansMono"),
        ("reading, 128 x 64", "characters right, natural, DejaVuSansMono"),
        ("reading, 128 x 64", "calibration error, natural, DejaVuSansMono"),
    ]
    assert all(figure.mode == "Base" and 0 <= figure.value <= 1 for figure in figures)


def test_the_bundled_model_reads_its_own_face_better_than_a_stranger(bundled_model: Model, text_file: Path) -> None:
    (page,) = natural_pages(bundled_model, text_file, 1, np.random.default_rng(0))
    own = evaluate_faces(bundled_model, text_file, [FONT], 1)[0].value
    reading = bundled_model.read(bundled_model.encode([page], BASE), page.grid)[0]
    assert (reading.codes == page.codes)[page.source_cells].mean() >= own


def test_what_a_face_draws_alike_counts_as_read() -> None:
    latin, greek = (np.array([ord(letter) for letter in text], dtype=np.uint32) for text in ("ABn\n", "\u0391Cn\n"))
    assert _drawn_alike(greek, latin, glyph_atlas(DEJAVU, 16, 16)).tolist() == [True, False, True, True]


def test_a_file_is_a_corpus_and_an_unknown_character_is_left_out(tiny_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("plain 字 " + "words " * 2000, encoding="utf-8")
    (page,) = natural_pages(tiny_model, path, 1, np.random.default_rng(0), Grid(64, 64))
    assert ord("字") not in page.codes


def test_too_little_text_is_refused(tiny_model: Model, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("short", encoding="utf-8")
    with pytest.raises(InvalidHistoryError, match="holds 5 readable characters; a page takes"):
        natural_pages(tiny_model, tmp_path, 1, np.random.default_rng(0))
