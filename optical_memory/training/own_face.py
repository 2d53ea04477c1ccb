"""A face of one's own, which the bundled weights learn to read in minutes.

`optical-memory train face --font FILE --corpus DIR --run DIR --out FILE`.
"""

from pathlib import Path

import torch

from optical_memory.checkpoint import BUNDLED, Checkpoint
from optical_memory.modes import BASE, LARGE, SMALL, TINY
from optical_memory.training.encoder_recipe import EncoderRecipe
from optical_memory.training.encoder_stage import train_encoder
from optical_memory.training.export import export_in_face
from optical_memory.training.pages import Portion, densest, taught
from optical_memory.training.portions import DENSE, SMALL_ALIGNED
from renderers import find_face

STEPS = 300


def learn_face(
    font: str,
    corpus_folder: Path,
    run: Path,
    out: Path,
    device: torch.device,
    start_from: Path = BUNDLED,
    steps: int = STEPS,
) -> None:
    """Trains encoder and readout on pages in `font`, a font file or a bundled face's name, and writes a checkpoint that sets its
    pages in it; goes on where `run` stopped. It reads other faces worse than before, and its decoder answers but recites no page.

    Raises ValueError for what is no scalable font or does not fit the cells, CheckpointError if `run` is of another face.
    """
    face = find_face(font)
    recipe = one_face(font, steps)
    config = Checkpoint(start_from).config.in_face(face.name, taught(recipe.portions), densest(recipe.portions))
    train_encoder(config, recipe, corpus_folder, run, device, start_from)
    export_in_face(config, run, start_from, face, out)


def one_face(face: str, steps: int) -> EncoderRecipe:
    """A face of one's own, from the bundled weights: every mode that shows an outline's shapes, in that face alone, mostly
    random strings, so that all of its characters come often. Not the dense grid at Tiny: 4 x 8 pixels are too few."""
    portions = (
        Portion(TINY, 1, faces=(face,)),
        Portion(SMALL, 1, faces=(face,)),
        Portion(SMALL, 1, grid=SMALL_ALIGNED, faces=(face,)),
        *(Portion(mode, 1, crop=8, grid=grid, faces=(face,)) for mode in (BASE, LARGE) for grid in ((64, 64), DENSE)),
    )
    return EncoderRecipe(
        portions,
        steps=steps,
        rate=5e-4,
        warm_up=10,
        cool_down=1.0,
        random_share=0.6,
        scripts_share=0.2,
        auxiliary_weight=0.0,
    )
