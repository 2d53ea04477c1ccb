"""Stage 1: DeepEncoder and readout, from random weights. `optical-memory train encoder --corpus DIR --run DIR`.

A step is decided by (seed, step) alone, so a run that is interrupted goes on as if it had not been.
"""

import hashlib
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from optical_memory.config import ModelConfig
from optical_memory.device import is_accelerator, mixed_precision
from optical_memory.errors import CheckpointError
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.corpus import Corpus
from optical_memory.training.encoder_recipe import EncoderRecipe
from optical_memory.training.page_text import PageText
from optical_memory.training.pages import PageBatch, PageEngine, Portion
from optical_memory.training.places import NUM_NUMBERS, place_error, write_places
from optical_memory.training.run import (
    SAVE_EVERY,
    Crew,
    RunState,
    log_line,
    optimizer_for,
    rate_at,
    restore,
    save_state,
    set_rate,
)
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import CellClassifier, Readout
from optical_memory.vision.start import start_as_space_to_depth, start_refining

PLACE_SAMPLES = 12
"""Batches of every portion of whole pages by which the directions of places are chosen."""


class EncoderTrainee(nn.Module):
    """What stage 1 trains: DeepEncoder, readout, and an auxiliary head on the grid before compression."""

    places: Tensor
    """Directions along which tokens tell their place; zeros where they were not taught to."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.readout is None:
            raise CheckpointError(f"model {config.name!r} has no readout to train")
        self.encoder = DeepEncoder(config.encoder)
        self.readout = Readout(config.readout, config.encoder.width)
        self.auxiliary = CellClassifier(
            config.encoder.sam.neck_width, config.readout.cell_width, len(config.readout.alphabet)
        )
        start_as_space_to_depth(self.encoder, self.readout)
        start_refining(self.auxiliary)
        self.register_buffer("places", torch.zeros(config.encoder.width, NUM_NUMBERS))

    def forward(
        self, batch: PageBatch, with_readout: bool = True, with_auxiliary: bool = True
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Logits (V, cells, characters) of the readout and of the auxiliary head, and the error in the tokens' places; None for
        what is not asked for."""
        if not with_readout:
            return None, self.auxiliary(self.encoder.sam(batch.pixels), batch.cells), None
        features = self.encoder.features(batch.pixels)
        error = place_error(features.tokens, self.places) if self.places.any() else None
        auxiliary = self.auxiliary(features.patches, batch.cells) if with_auxiliary else None
        return self.readout(features.tokens, batch.cells), auxiliary, error

    def begin_telling_places(self, engine: PageEngine, recipe: EncoderRecipe) -> None:
        """Once, before the first step of a recipe that weighs places: by pages of its own portions."""
        batches = (
            engine.batch(portion, np.random.default_rng((recipe.seed, number, 2**32 - 2)))
            for number in range(PLACE_SAMPLES)
            for portion in recipe.portions
            if portion.crop is None
        )
        self.places.copy_(write_places(self.encoder, self.readout, (batch.pixels for batch in batches)))


def train_encoder(
    config: ModelConfig,
    recipe: EncoderRecipe,
    corpus_folder: Path,
    run: Path,
    device: torch.device,
    start_from: Path | None = None,
) -> EncoderTrainee:
    """Goes on from `run` if there is something there, or starts from the weights of the run or checkpoint `start_from`."""
    torch.manual_seed(recipe.seed)
    crew = Crew(device)
    device = crew.device
    trainee = EncoderTrainee(config).to(device)
    assert config.readout is not None
    alphabet = Alphabet.of(config.readout.alphabet)
    corpus = Corpus(corpus_folder, alphabet)
    text = PageText(
        corpus.training,
        alphabet,
        recipe.random_share,
        scripts_share=recipe.scripts_share,
        strays_share=recipe.strays_share,
        newest=recipe.newest,
        returns_share=recipe.returns_share,
    )
    engine = PageEngine(text, alphabet, device)
    plain = partial(PageText, corpus.held_out, alphabet, sparse_share=0.0)
    held_out = {
        name: PageEngine(text, alphabet, device)
        for name, text in (
            ("natural", plain(0.0, mixed_share=0.0, typeset_share=0.0)),
            ("scripts", plain(0.0, mixed_share=0.0, typeset_share=0.0, scripts_share=1.0)),
            ("random", plain(1.0)),
        )
    }
    optimizer = optimizer_for(trainee, recipe)
    plan = RunState("encoder", config.name, corpus.digest, 0, asdict(recipe), _only_font(recipe))
    first = restore(run, trainee, optimizer, plan, start_from)
    if recipe.place_weight and not trainee.places.any():
        trainee.begin_telling_places(engine, recipe)
    model = crew.prepare(trainee)
    bar = crew.steps(first, recipe.steps)
    bar.write(f"{corpus.num_files} files, {len(corpus.training):,} characters, from step {first}")
    began = time.monotonic()
    for step in bar:
        set_rate(optimizer, rate_at(step, recipe))
        losses = encoder_step(crew, model, optimizer, engine, recipe, step)
        if step % 10 == 0:
            bar.set_postfix({name: f"{value:.3f}" for name, value in losses.items()})
        if crew.leads and ((step + 1) % SAVE_EVERY == 0 or step + 1 == recipe.steps):
            accuracy = held_out_accuracy(trainee, held_out, recipe.portions, recipe.seed, device)
            save_state(run, trainee, optimizer, replace(plan, step=step + 1))
            log_line(run, {"step": step + 1, "seconds": round(time.monotonic() - began, 1), **losses, **accuracy})
            bar.write("  ".join(f"{name} {value:.4f}" for name, value in accuracy.items()))
    return trainee


def _only_font(recipe: EncoderRecipe) -> str:
    """Digest of the font file that every page of the recipe is set in; "" if there are several, or none."""
    faces = {face for portion in recipe.portions for face in portion.faces}
    files = [Path(face) for face in faces if Path(face).is_file()]
    return hashlib.sha256(files[0].read_bytes()).hexdigest() if len(faces) == len(files) == 1 else ""


def encoder_step(
    crew: Crew,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    engine: PageEngine,
    recipe: EncoderRecipe,
    step: int,
) -> dict[str, float]:
    """One update from every portion of the recipe; gradients add up, so memory is that of the largest portion."""
    rng = np.random.default_rng((recipe.seed, step, crew.rank) if crew.rank else (recipe.seed, step))
    num_views = sum(portion.views for portion in recipe.portions)
    losses: dict[str, float] = {}
    for index, portion in enumerate(recipe.portions):
        batch = engine.batch(portion, rng)
        with crew.gathering(model, is_last=index + 1 == len(recipe.portions)):
            portion_losses = _portion_step(model, batch, recipe, portion.views / num_views, step >= recipe.readout_from)
        for name in ("aux", "place"):
            if name in portion_losses:
                losses[name] = losses.get(name, 0.0) + portion_losses.pop(name)
        losses |= {f"{portion.mode.name}-{portion.grid[0]}": loss for loss in portion_losses.values()}
    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return losses


def _portion_step(
    model: nn.Module, batch: PageBatch, recipe: EncoderRecipe, weight: float, with_readout: bool
) -> dict[str, float]:
    """Gradients of one portion, which makes up `weight` of the step."""
    with mixed_precision(batch.pixels.device):
        logits, auxiliary, place = model(batch, with_readout, with_auxiliary=recipe.auxiliary_weight > 0)
    targets = batch.targets.flatten()
    losses = {}
    loss = torch.zeros((), device=batch.pixels.device)
    if auxiliary is not None:
        auxiliary_loss = functional.cross_entropy(auxiliary.float().flatten(0, 1), targets)
        losses["aux"] = weight * auxiliary_loss.item()
        loss = recipe.auxiliary_weight * auxiliary_loss
    if logits is not None:
        readout_loss = functional.cross_entropy(logits.float().flatten(0, 1), targets)
        losses["readout"] = readout_loss.item()
        loss = loss + readout_loss
    if place is not None:
        losses["place"] = weight * place.item()
        loss = loss + recipe.place_weight * place
    (weight * loss).backward()
    return losses


@torch.no_grad()
def held_out_accuracy(
    trainee: EncoderTrainee,
    engines: dict[str, PageEngine],
    portions: tuple[Portion, ...],
    seed: int,
    device: torch.device,
) -> dict[str, float]:
    """Share of characters read right on whole pages of the held-out text, for every mode of the recipe, in the first of its
    faces."""
    trainee.eval()
    accuracy = {}
    for mode, grid, face in dict.fromkeys((portion.mode, portion.grid, portion.faces[:1]) for portion in portions):
        for name, engine in engines.items():
            batch = engine.batch(Portion(mode, 2, grid=grid, faces=face), np.random.default_rng((seed, 2**32 - 1)))
            with torch.autocast(device.type, torch.bfloat16, enabled=is_accelerator(device)):
                logits, _, _ = trainee(batch, with_auxiliary=False)
            accuracy[f"{mode.name} {grid[0]}x{grid[1]} {name}"] = (
                (logits.argmax(-1) == batch.targets).float().mean().item()
            )
    trainee.train()
    return accuracy
