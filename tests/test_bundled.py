"""The bundled model on pages that it was not trained on: what the model card claims, asserted."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from optical_memory.checkpoint import BUNDLED
from optical_memory.config import default
from optical_memory.evaluation.reading import random_pages
from optical_memory.model import Model
from optical_memory.modes import BASE, LARGE, NATIVE_MODES, SMALL, TINY, Mode
from renderers import Grid, Page, lay_out, transcript_blocks

CONVERSATION = Path(__file__).parent.parent / "examples" / "conversation.json"
NATURAL = {TINY: 0.998, SMALL: 0.98, BASE: 0.998, LARGE: 0.98}
RANDOM = {TINY: 0.99, SMALL: 0.96, BASE: 0.99, LARGE: 0.96}
TAUGHT = [
    (mode, Grid(columns, rows))
    for mode in NATIVE_MODES
    for name, columns, rows in default().typography.reads
    if name == mode.name
]
on_every_page = pytest.mark.parametrize(("mode", "grid"), TAUGHT, ids=str)
"""That the readout was taught."""


def accuracy(model: Model, pages: list[Page], mode: Mode) -> float:
    right = total = 0
    for page in pages:
        reading = model.read(model.encode([page], mode), page.grid)[0]
        right += int((reading.codes == page.codes)[page.source_cells].sum())
        total += page.num_characters
    return right / total


@on_every_page
def test_reads_conversation_it_never_saw(bundled_model: Model, mode: Mode, grid: Grid) -> None:
    messages = json.loads(CONVERSATION.read_text())["messages"]
    text = " ".join(message["content"] or "" for message in messages if message["role"] != "system")
    strange = set(bundled_model.unreadable(text))
    kept = "".join(character for character in text if character not in strange)
    pages = lay_out(transcript_blocks(kept, "user", "t"), grid)[:2]
    assert accuracy(bundled_model, pages, mode) >= NATURAL[mode]


@on_every_page
def test_reads_random_strings(bundled_model: Model, mode: Mode, grid: Grid) -> None:
    pages = random_pages(bundled_model, 2, np.random.default_rng(11), grid)
    assert accuracy(bundled_model, pages, mode) >= RANDOM[mode]


def test_typographic_quotes_are_read(bundled_model: Model) -> None:
    text = "“It’s ‘fine’,” she said – and left… " * 100
    pages = lay_out(transcript_blocks(text, "assistant", "t"), bundled_model.grid)[:1]
    assert accuracy(bundled_model, pages, TINY) >= 0.998
    assert accuracy(bundled_model, pages, BASE) >= 0.998


@on_every_page
def test_a_page_of_three_lines_reads_as_three_lines(bundled_model: Model, mode: Mode, grid: Grid) -> None:
    text = "The page is nearly empty, and what is not set in type must not be read into it.\n" * 3
    page = lay_out(transcript_blocks(text, "user", "t"), grid)[0]
    read = bundled_model.read(bundled_model.encode([page], mode), page.grid)[0]
    # Where cells keep no step with the patches: the least that the card promises.
    assert (read.codes == page.codes)[page.source_cells].mean() >= (0.98 if grid.divides(mode.side, 16) else 0.97)
    assert (read.codes[~page.source_cells][1:] == ord(" ")).mean() >= 0.999


def test_file_is_small() -> None:
    assert BUNDLED.stat().st_size <= 40_000_000


def test_compressing_and_reading_do_not_import_transformers() -> None:
    script = (
        "import sys; from optical_memory import OpticalMemory; m = OpticalMemory(device='cpu');"
        "m.compress([{'role': 'user', 'content': 'word ' * 900}] * 6); m.read(1); m.recall('word');"
        "assert 'transformers' not in sys.modules, 'transformers was imported'"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
