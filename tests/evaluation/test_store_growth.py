"""The figure of a growing store: every operation is measured on what is there, and a store goes on growing."""

from pathlib import Path

import pytest

from optical_memory.evaluation import store_growth
from optical_memory.evaluation.store_growth import evaluate_store
from optical_memory.memory.durable import Durable, open_store
from optical_memory.model import Model

PAGES = 20
"""Of a conversation, fewer than in the figure."""


def test_a_store_grows_is_measured_and_goes_on(
    tmp_path: Path, bundled_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_growth, "PAGES", PAGES)
    monkeypatch.setattr(store_growth, "SAMPLES", 8)
    monkeypatch.setattr(store_growth, "FORGETTINGS", 3)
    figures = evaluate_store(bundled_model, PAGES, tmp_path)
    timed = [figure for figure in figures if "ms" in figure.metric]
    assert len(timed) == 8
    assert all(0 < figure.low <= figure.value <= figure.high for figure in timed)
    figures = evaluate_store(bundled_model, 2 * PAGES, tmp_path)
    assert {figure.system for figure in figures} == {"40 pages"}
    for conversation in range(2):
        record = Durable(open_store(tmp_path, bundled_model.device), f"tenant/{conversation}").load()
        assert len(record.turns) == len(record.pages) == PAGES
    assert len(list(tmp_path.glob("*/tokens/*/*/*.safetensors"))) == 2 * PAGES
