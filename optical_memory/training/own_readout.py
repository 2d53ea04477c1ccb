"""The readout of a face of one's own: set in a minute by pages of random strings and of frequent words, the encoder as it is.

`optical-memory train face --font FILE --out FILE`. Most of what a readout gets wrong in a face that it never saw are single
glyphs, each taken for the same other character: the encoder tells them apart, and the readout learns what they are called.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from optical_memory.checkpoint import BUNDLED, Checkpoint
from optical_memory.errors import CheckpointError
from optical_memory.modes import BASE, LARGE
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

PAGES = {BASE: 16, LARGE: 8}
"""Pages of every grid whose cells keep step with a mode's patches. In smaller cells, and in others, the encoder does not see an
outline's shapes well that it was not taught."""
NUM_TOKENS = 50_000
"""Of the vocabulary, in the text on these pages: what is frequent has to be read best where a face draws two characters alike."""
RANDOM_SHARES = (0.0, 1.0)
"""Of the pages of a grid, in turn: text as it comes, and random strings, which show every character often."""
CELLS_PER_STEP = 1024
EPOCHS = 16
NOISE = 0.3
"""Added to what is seen in a cell, in standard deviations: on other pages its neighbours look otherwise than on these few."""


def set_readout(font: str, out: Path, device: torch.device, start_from: Path = BUNDLED, seed: int = 0) -> None:
    """Writes a checkpoint that reads pages in `font`, a font file or a bundled face's name, at Base (80 x 80 cells at Large, too),
    and sets its pages in it. Its encoder is that of `start_from` to the bit; its decoder answers but recites no page.

    Raises ValueError for what is no scalable font or does not fit the cells, CheckpointError if `start_from` has no readout.
    """
    face = find_face(font)
    sight = Sight(Checkpoint(start_from), device)
    if sight.readout is None:
        raise CheckpointError(f"{start_from} holds no readout to set to a face")
    portions = [*_portions(sight, font)]
    sampled, targets = _cells_of_pages(sight, sight.readout, portions, seed)
    _learn(sight.readout.cells, sampled, targets, seed)
    config = sight.config.in_face(face.name, taught(portions), densest(portions))
    export_readout_in_face(config, sight.readout, start_from, face, out)


@torch.no_grad()
def _cells_of_pages(sight: Sight, readout: Readout, portions: Sequence[Portion], seed: int) -> tuple[Tensor, Tensor]:
    """(cells, cell_width) what is seen in the cells of those pages, and (cells,) the characters that stand there."""
    alphabet = Alphabet.of(readout.config.alphabet)
    rng = np.random.default_rng(seed)
    text = PageText(vocabulary_text(alphabet, NUM_TOKENS, rng), alphabet, random_share=0.0, typeset_share=0.0)
    engine = PageEngine(text, alphabet, sight.device)
    sampled, targets = [], []
    for portion in tqdm(portions, unit="page", desc="pages in the face", delay=2):
        batch = engine.batch(portion, rng)
        tokens = sight.encoder(batch.pixels.to(sight.dtype)).to(TOKEN_DTYPE).float()  # as they are kept
        sampled.append(readout.cells.sample(readout.patches(tokens), batch.cells).flatten(0, 1))
        targets.append(batch.targets.flatten())
    return torch.cat(sampled), torch.cat(targets)


def _portions(sight: Sight, font: str) -> Iterator[Portion]:
    """One page each."""
    for mode, count in PAGES.items():
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
