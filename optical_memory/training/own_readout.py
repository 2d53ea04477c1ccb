"""The readout of a face of one's own: set in a minute by pages of random strings and of frequent words, the encoder as it is.

`optical-memory train face --font FILE --out FILE`. Most of what a readout gets wrong in a face that it never saw are single
glyphs, each taken for the same other character: the encoder tells them apart, and the readout learns what they are called.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from optical_memory.checkpoint import BUNDLED, Checkpoint
from optical_memory.errors import CheckpointError
from optical_memory.modes import BASE, LARGE, Mode
from optical_memory.sight import TOKEN_DTYPE, Sight
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.export import export_readout_in_face
from optical_memory.training.page_text import PageText
from optical_memory.training.pages import PageEngine, Portion, densest, taught
from optical_memory.training.recipe import Recipe
from optical_memory.training.run import optimizer_for, rate_at, set_rate
from optical_memory.training.vocabulary import vocabulary_text
from optical_memory.vision.readout import CellClassifier, Readout
from renderers import find_face

PAGES = {BASE: 64, LARGE: 8}
"""Pages of every grid whose cells keep step with a mode's patches. In smaller cells, and in others, the encoder does not see an
outline's shapes well that it was not taught."""
NUM_TOKENS = 50_000
"""Of the vocabulary, in the text on these pages: what is frequent has to be read best where a face draws two characters alike."""
RANDOM_SHARES = (0.0, 1.0)
"""Of the pages of a grid, in turn: text as it comes, and random strings, which show every character often."""
HELD_OUT = len(RANDOM_SHARES)
"""More pages of every such grid, which show whether what was learnt is better."""
CELLS_PER_STEP = 1024
EPOCHS = 4
NOISE = 0.3
"""Added to what is seen in a cell, in standard deviations: on other pages its neighbours look otherwise than on these few."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Characters right on a held-out page: as the readout was, and as it was set."""

    mode: Mode
    grid: tuple[int, int]
    """Columns and rows."""
    is_text: bool
    """Of frequent words; otherwise random strings."""
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is seen in the cells of one page, (cells, cell_width), and the characters that stand there, (cells,)."""

    portion: Portion
    sampled: Tensor
    targets: Tensor


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of `set_readout`."""

    tried: tuple[Tried, ...]
    is_learnt: bool
    """Whether the file has what was learnt: not where the readout had read the pages better that its memory will set."""


def set_readout(font: str, out: Path, device: torch.device, start_from: Path = BUNDLED, seed: int = 0) -> Outcome:
    """Writes a checkpoint that reads pages in `font`, a font file or a bundled face's name, at Base (80 x 80 cells at Large, too),
    and sets its pages in it. Its encoder is that of `start_from` to the bit; its decoder answers but recites no page.

    Raises ValueError for what is no scalable font or does not fit the cells, CheckpointError if `start_from` has no readout.
    """
    face = find_face(font)
    sight = Sight(Checkpoint(start_from), device)
    if sight.readout is None:
        raise CheckpointError(f"{start_from} holds no readout to set to a face")
    portions = [*_portions(sight, font, PAGES)]
    own_grid = densest(portions)
    pages = _seen(sight, sight.readout, portions, seed)
    held_out = _seen(sight, sight.readout, [*_portions(sight, font, dict.fromkeys(PAGES, HELD_OUT))], seed + 1)
    start = deepcopy(sight.readout.cells)
    sampled = torch.cat([page.sampled for page in pages])
    _learn(sight.readout.cells, sampled, torch.cat([page.targets for page in pages]), seed)
    tried = tuple(_try(start, sight.readout.cells, page) for page in held_out)
    is_learnt = sum(page.after - page.before for page in tried if page.grid == own_grid) >= 0
    if not is_learnt:
        sight.readout.cells = start
    config = sight.config.in_face(face.name, taught(portions), own_grid)
    export_readout_in_face(config, sight.readout, start_from, face, out)
    return Outcome(tried, is_learnt)


@torch.no_grad()
def _seen(sight: Sight, readout: Readout, portions: list[Portion], seed: int) -> list[_Seen]:
    alphabet = Alphabet.of(readout.config.alphabet)
    rng = np.random.default_rng(seed)
    text = PageText(vocabulary_text(alphabet, NUM_TOKENS, rng), alphabet, random_share=0.0, typeset_share=0.0)
    engine = PageEngine(text, alphabet, sight.device)
    pages = []
    for portion in tqdm(portions, unit="page", desc="pages in the face", delay=2):
        batch = engine.batch(portion, rng)
        tokens = sight.encoder(batch.pixels.to(sight.dtype)).to(TOKEN_DTYPE).float()  # as they are kept
        sampled = readout.cells.sample(readout.patches(tokens), batch.cells).flatten(0, 1)
        pages.append(_Seen(portion, sampled, batch.targets.flatten()))
    return pages


def _portions(sight: Sight, font: str, pages: dict[Mode, int]) -> Iterator[Portion]:
    """One page each."""
    for mode, count in pages.items():
        for grid in sight.grids_in_step(mode):
            for number in range(count):
                share = RANDOM_SHARES[number % len(RANDOM_SHARES)]
                yield Portion(mode, 1, grid=(grid.columns, grid.rows), faces=(font,), random_share=share)


def _learn(cells: CellClassifier, sampled: Tensor, targets: Tensor, seed: int) -> None:
    """Teaches what tells a cell's character from what is seen there; every step takes some cells of all pages."""
    cells.unfold.requires_grad_(False)
    steps = EPOCHS * len(targets) // CELLS_PER_STEP
    recipe = Recipe(steps=steps, rate=2e-3, warm_up=20, cool_down=1.0, weight_decay=0.0)
    optimizer = optimizer_for(cells, recipe)
    noise = NOISE * sampled.std(0)
    dice = torch.Generator().manual_seed(seed)
    for step in tqdm(range(steps), unit="step", desc="the readout", delay=2):
        set_rate(optimizer, rate_at(step, recipe))
        chosen = torch.randint(len(targets), (CELLS_PER_STEP,), generator=dice).to(targets.device)
        seen = sampled[chosen]
        seen = seen + noise * torch.randn(seen.shape, generator=dice).to(seen.device)
        functional.cross_entropy(cells.tell(seen), targets[chosen]).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


@torch.no_grad()
def _try(start: CellClassifier, learnt: CellClassifier, page: _Seen) -> Tried:
    right = [float((cells.tell(page.sampled).argmax(-1) == page.targets).float().mean()) for cells in (start, learnt)]
    return Tried(page.portion.mode, page.portion.grid, page.portion.random_share == 0.0, *right)
