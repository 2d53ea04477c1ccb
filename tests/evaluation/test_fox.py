"""The Fox task on a small folder in the published layout."""

import json
from pathlib import Path

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.fox import OUTPUTS, evaluate_fox
from optical_memory.model import Model

TRUTH = "The quick brown fox jumps over the lazy dog near 42 old barns, and “nobody” minds. " * 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    pages = [{"image": "a.png", "gt_text": TRUTH, "token_count": 640}, {"image": "b.png", "gt_text": TRUTH * 6}]
    for name in ("data__data.json", "data__random.json"):
        (tmp_path / name).write_text(json.dumps(pages))
    outputs = [{"image": "a.png", "ocr_text": TRUTH}, {"image": "b.png", "ocr_text": "fox wolf"}]
    for name in OUTPUTS.values():
        (tmp_path / name).write_text(json.dumps({"overall": {}, "pages": outputs}))
    return tmp_path


def test_both_readers_are_scored_alike(bundled_model: Model, data: Path) -> None:
    figures = evaluate_fox(bundled_model, data)
    theirs = [
        f for f in figures if (f.task, f.system, f.metric) == ("fox", "DeepSeek-OCR, text drawn again", "set precision")
    ]
    assert [(figure.value, figure.n) for figure in theirs] == [(pytest.approx(0.75), 2)] * 3
    ours = [figure for figure in figures if (figure.task, figure.system) == ("fox", "default readout, Fox")]
    assert {figure.n for figure in ours} == {1}, "what no grid holds on one page is left out"
    (binned,) = {
        figure.value for figure in figures if figure.task == "fox, 600 to 700 text tokens" and "again" in figure.system
    }
    assert binned == 1.0, "the page of 640 tokens alone"
    assert all(figure.value > 0.97 for figure in ours if figure.metric == "1 - CER")


def test_a_folder_without_the_files_is_named(bundled_model: Model, tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match=r"data__data\.json cannot be read"):
        evaluate_fox(bundled_model, tmp_path)
