"""Stage 2: encoder and mixture-of-experts decoder together. `optical-memory train decoder --from RUN --run DIR`.

As in the paper SAM and the compressor are frozen, and CLIP, projector and decoder learn; the readout learns along, on the same
pages, so that it keeps reading the tokens that the decoder is given. Where nothing is asked of pages the decoder learns alone. The
loss is next-token prediction, answers above all.
"""

import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from optical_memory.config import READING_LAYERS, ModelConfig
from optical_memory.device import mixed_precision
from optical_memory.errors import CheckpointError
from optical_memory.language.circuits import silence
from optical_memory.language.decoder import Decoder, build_decoder
from optical_memory.language.start import start_looking_up
from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.modes import TOKEN
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.corpus import Corpus
from optical_memory.training.decoder_recipes import DecoderRecipe
from optical_memory.training.lessons import IGNORED, Lesson, Teacher
from optical_memory.training.page_text import PageText
from optical_memory.training.pages import PageBatch, PageEngine
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
    start_with,
)
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import Readout


class DecoderTrainee(nn.Module):
    """What stage 2 trains, as one module: decoder, and encoder and readout where something is asked of pages."""

    def __init__(self, config: ModelConfig, reads_pages: bool = True) -> None:
        super().__init__()
        if config.decoder is None or config.readout is None:
            raise CheckpointError(f"model {config.name!r} has no decoder to train")
        self.encoder = DeepEncoder(config.encoder)
        self.readout = Readout(config.readout, config.encoder.width)
        self.decoder: Decoder = build_decoder(config.decoder)
        space = CharacterTokenizer(config.readout.alphabet).encode(" ")[0]
        start_looking_up(self.decoder, [(CharacterTokenizer.ANSWER, space)])
        self.image_token = config.decoder.image_token
        self.reads_pages = reads_pages
        for frozen in (self.encoder.sam, self.encoder.compressor) if reads_pages else (self.encoder, self.readout):
            frozen.requires_grad_(False)
        self.signposts = config.decoder.signposts
        if self.signposts is not None:
            self.decoder.model.layers[:READING_LAYERS].requires_grad_(False)

    @torch.no_grad()
    def forget_reading(self) -> None:
        """As `model.answering` is without the layers that read and what the head makes of it; stage 3 sets them anew."""
        if self.signposts is not None:
            for layer in self.decoder.model.layers[:READING_LAYERS]:
                silence(layer)
            self.decoder.lm_head.weight[:, list(self.signposts.features)] = 0.0

    def forward(self, pages: PageBatch | None, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """Pages and token ids (B, T) with placeholders -> logits (B, T, vocabulary), and the readout's (V, cells, characters)."""
        rows: Tensor = self.decoder.model.embed_tokens(tokens)
        readings = None
        if pages is not None:
            visual = self.encoder(pages.pixels)
            readings = self.readout(visual, pages.cells) if self.reads_pages else None
            places = tokens == self.image_token
            sequences = torch.cat([self.encoder.sequence(page) for page in visual])
            rows = rows.masked_scatter(places[..., None], sequences.to(rows.dtype))
        return self.decoder(inputs_embeds=rows).logits, readings


def train_decoder(
    config: ModelConfig, recipe: DecoderRecipe, corpus_folder: Path, start_from: Path, run: Path, device: torch.device
) -> DecoderTrainee:
    """Goes on from `run` if there is something there, or starts with what the run or checkpoint file `start_from` holds."""
    torch.manual_seed(recipe.seed)
    crew = Crew(device)
    trainee = DecoderTrainee(config, recipe.reads_pages).to(crew.device)
    start_with(trainee, start_from)
    trainee.forget_reading()
    assert config.readout is not None
    alphabet = Alphabet.of(config.readout.alphabet)
    corpus = Corpus(corpus_folder, alphabet)
    text = PageText(corpus.training, alphabet, recipe.random_share)
    engine = PageEngine(text, alphabet, crew.device)
    teacher = Teacher(text, CharacterTokenizer(config.readout.alphabet), recipe)
    optimizer = optimizer_for(trainee, recipe)
    first = restore(run, trainee, optimizer, RunState("decoder", config.name, corpus.digest, 0, asdict(recipe)), None)
    loads = ExpertLoads(trainee.decoder)
    model = crew.prepare(trainee)
    bar = crew.steps(first, recipe.steps)
    began = time.monotonic()
    for step in bar:
        set_rate(optimizer, rate_at(step, recipe))
        figures: dict[str, float] = {}
        for part in range(recipe.accumulate):
            lesson = teacher.draw(step, np.random.default_rng((recipe.seed, step, part, crew.rank)))
            with crew.gathering(model, is_last=part + 1 == recipe.accumulate):
                figures = decoder_step(model, engine, teacher, lesson, step)
        nn.utils.clip_grad_norm_(trainee.parameters(), recipe.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 10 == 0:
            bar.set_postfix({name: f"{value:.3f}" for name, value in figures.items()})
        if crew.leads and ((step + 1) % SAVE_EVERY == 0 or step + 1 == recipe.steps):
            state = RunState("decoder", config.name, corpus.digest, step + 1, asdict(recipe))
            save_state(run, trainee, optimizer, state)
            seconds = round(time.monotonic() - began, 1)
            log_line(run, {"step": step + 1, "seconds": seconds, **figures, "experts": loads.shares()})
    return trainee


def decoder_step(model: nn.Module, engine: PageEngine, teacher: Teacher, lesson: Lesson, step: int) -> dict[str, float]:
    """Gradients of one lesson; what it cost, and the share of answers that are right to the last character."""
    recipe = teacher.recipe
    phase = recipe.phase_at(step)
    device = engine.device
    pages = None
    if len(lesson.classes):
        rng = np.random.default_rng((recipe.seed, step))
        pages = engine.compose(lesson.classes, teacher.cells_of(phase), phase.block * TOKEN, rng)
    tokens = torch.from_numpy(lesson.tokens).to(device)
    targets = torch.from_numpy(lesson.targets).to(device)
    is_answer = torch.from_numpy(lesson.is_answer).to(device)
    with mixed_precision(device):
        logits, readings = model(pages, tokens)
    losses = functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
    ).view_as(targets)
    weights = answer_weights(is_answer, recipe.first_weight)
    answer_loss = (losses * weights).sum() / weights.sum()
    rest = losses[(targets != IGNORED) & ~is_answer]
    loss = answer_loss + recipe.text_weight * (rest.mean() if len(rest) else rest.sum())
    figures = {"block": float(lesson.block), "answering": answer_loss.item()}
    if readings is not None and pages is not None:
        readout_loss = functional.cross_entropy(readings.float().flatten(0, 1), pages.targets.flatten())
        loss = loss + recipe.readout_weight * readout_loss
        figures["readout"] = readout_loss.item()
    (loss / recipe.accumulate).backward()
    right = (logits.argmax(-1) == targets) | ~is_answer
    figures["right"] = float((right & is_answer).sum() / is_answer.sum())
    figures["exact"] = exact_share(right, is_answer)
    return figures


def answer_weights(is_answer: Tensor, first_weight: float) -> Tensor:
    """(B, T) runs of True -> what each position counts: `first_weight` where a run begins, then 1, elsewhere 0."""
    begins = is_answer & ~functional.pad(is_answer, (1, 0))[:, :-1]
    return is_answer + (first_weight - 1) * begins


def exact_share(right: Tensor, is_answer: Tensor) -> float:
    """Share of answers, runs of `is_answer` (B, T), all of whose characters are right."""
    flat, answers = right.flatten().tolist(), is_answer.flatten().tolist()
    exact, runs, inside = 0, 0, False
    whole = True
    for good, asked in zip([*flat, True], [*answers, False], strict=True):
        if asked:
            whole = good and (whole or not inside)
            inside = True
        elif inside:
            runs, exact, inside, whole = runs + 1, exact + whole, False, True
    return exact / runs if runs else 0.0


class ExpertLoads:
    """Counts how often every routed expert is chosen; `shares` gives them since the last call, by layer, and starts anew."""

    def __init__(self, decoder: Decoder) -> None:
        self._counts: dict[str, Tensor] = {}
        for name, module in decoder.named_modules():
            if name.endswith(".gate"):
                module.register_forward_hook(partial(self._count, name))

    def _count(self, name: str, gate: nn.Module, _: object, output: tuple[Tensor, Tensor, Tensor]) -> None:
        weight = gate.get_parameter("weight")
        counts = torch.bincount(output[2].flatten(), minlength=len(weight))
        self._counts[name] = self._counts.get(name, torch.zeros_like(counts)) + counts

    def shares(self) -> dict[str, list[float]]:
        shares = {}
        for name, counts in self._counts.items():
            chosen = counts.tolist()
            shares[name] = [round(count / max(1, sum(chosen)), 4) for count in chosen]
        self._counts.clear()
        return shares
