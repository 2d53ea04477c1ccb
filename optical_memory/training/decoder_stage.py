"""Stage 2: the mixture-of-experts decoder, on a frozen encoder. `optical-memory train decoder --encoder RUN --run DIR`.

Two tasks in every step: reading blocks of a page's visual tokens aloud, and answering questions over text. The blocks grow
with the steps, from one token to many.
"""

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from optical_memory.config import NUM_SPECIAL_TOKENS, ModelConfig
from optical_memory.errors import CheckpointError
from optical_memory.language.decoder import Decoder, build_decoder
from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.training.corpus import Alphabet, Corpus, PageText
from optical_memory.training.pages import PageBatch, PageEngine, Portion
from optical_memory.training.questions import draw_pairs, draw_quiz
from optical_memory.training.recipes import DecoderRecipe
from optical_memory.training.run import (
    SAVE_EVERY,
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
from renderers.transcript import MARKS

IGNORED = -100


def train_decoder(
    config: ModelConfig, recipe: DecoderRecipe, corpus_folder: Path, encoder_from: Path, run: Path, device: torch.device
) -> Decoder:
    """Goes on from `run` if there is something there. The encoder is that of the run or checkpoint file `encoder_from`."""
    if config.decoder is None or config.readout is None:
        raise CheckpointError(f"model {config.name!r} has no decoder to train")
    torch.manual_seed(recipe.seed)
    holder = nn.ModuleDict({"encoder": DeepEncoder(config.encoder)})
    start_with(holder, encoder_from)
    encoder = holder["encoder"]
    assert isinstance(encoder, DeepEncoder)
    encoder.to(device).eval().requires_grad_(False)
    decoder = build_decoder(config.decoder).to(device)
    alphabet = Alphabet.of(config.readout.alphabet)
    corpus = Corpus(corpus_folder, alphabet)
    text = PageText(corpus.training, alphabet, recipe.random_share)
    engine = PageEngine(text, alphabet, config.typography, device)
    tokenizer = CharacterTokenizer(config.readout.alphabet)
    optimizer = optimizer_for(decoder, recipe)
    plan = RunState("decoder", config.name, corpus.digest, 0, asdict(recipe))
    first = restore(run, decoder, optimizer, plan, None)
    bar = tqdm(range(first, recipe.steps), initial=first, total=recipe.steps, unit="step", mininterval=1.0)
    began = time.monotonic()
    for step in bar:
        set_rate(optimizer, rate_at(step, recipe))
        rng = np.random.default_rng((recipe.seed, step))
        batch = engine.batch(Portion(recipe.mode, 1), rng)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
            tokens = encoder(batch.pixels)[0].float()
        page = encoder.sequence(tokens)[None]
        square = tokens.view(recipe.mode.grid, recipe.mode.grid, -1)
        figures = reading_step(decoder, encoder, batch, square, recipe, step, rng)
        figures |= question_step(decoder, tokenizer, text, page, recipe, step, rng)
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), recipe.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 10 == 0:
            bar.set_postfix({name: f"{value:.3f}" for name, value in figures.items()})
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == recipe.steps:
            save_state(
                run, decoder, optimizer, RunState("decoder", config.name, corpus.digest, step + 1, asdict(recipe))
            )
            log_line(run, {"step": step + 1, "seconds": round(time.monotonic() - began, 1), **figures})
    return decoder


def reading_step(
    decoder: Decoder,
    encoder: DeepEncoder,
    batch: PageBatch,
    tokens: Tensor,
    recipe: DecoderRecipe,
    step: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Gradients of reading blocks of a page's visual tokens (grid, grid, D) character by character."""
    block, grid = recipe.block_at(step), recipe.mode.grid
    per_token = batch.cells.columns // grid
    cells = batch.targets[0].view(batch.cells.rows, batch.cells.columns)
    starts = [
        (row, column) for row in range(0, grid - block + 1, block) for column in range(0, grid - block + 1, block)
    ]
    chosen = rng.permutation(len(starts))[: max(1, recipe.characters // (block * per_token) ** 2)]
    rows, labels = [], []
    for row, column in (starts[index] for index in chosen):
        rows.append(encoder.sequence(tokens[row : row + block, column : column + block].flatten(0, 1)))
        labels.append(
            cells[
                row * per_token : (row + block) * per_token, column * per_token : (column + block) * per_token
            ].flatten()
        )
    characters = torch.stack(labels) + NUM_SPECIAL_TOKENS
    embed = decoder.model.embed_tokens
    bos = embed(torch.full((len(rows), 1), CharacterTokenizer.BOS, device=characters.device))
    start = torch.full((len(rows), 1), CharacterTokenizer.READ, device=characters.device)
    spoken = torch.cat([start, characters[:, :-1]], 1)
    inputs = torch.cat([bos, torch.stack(rows), embed(spoken)], 1)
    loss, accuracy = _step(decoder, inputs, characters)
    loss.backward()
    return {"block": float(block), "reading": loss.item(), "read": accuracy}


def question_step(
    decoder: Decoder,
    tokenizer: CharacterTokenizer,
    text: PageText,
    pages: Tensor,
    recipe: DecoderRecipe,
    step: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Gradients of answering over text, half of the time behind a page's rows; the text itself is learnt at a small weight.

    `pages` (P, L, D): rows of whole pages to put in front.
    """
    length = recipe.passage_at(step)
    count = max(2, recipe.question_characters // (length + 64))
    sequences, answers = [], []
    for _ in range(count):
        size = int(rng.integers(length // 2, length))
        if rng.random() < recipe.pairs_share:
            quiz = draw_pairs(size, rng)
        else:
            quiz = draw_quiz(text, size, int(rng.integers(1, 2 + length // 100)), rng)
        tokens = [*tokenizer.encode(chr(MARKS["user"]) + quiz.passage)]
        spans = []
        for question, answer in quiz.questions:
            tokens += [CharacterTokenizer.QUESTION, *tokenizer.encode(question), CharacterTokenizer.ANSWER]
            spoken = [*tokenizer.encode(answer), CharacterTokenizer.EOS]
            spans.append((len(tokens), len(tokens) + len(spoken)))
            tokens += spoken
        sequences.append(tokens)
        answers.append(spans)
    width = max(map(len, sequences))
    device = decoder.lm_head.weight.device
    tokens_in = torch.full((count, width), CharacterTokenizer.EOS, device=device)
    targets = torch.full((count, width), IGNORED, device=device)
    is_answer = torch.zeros(count, width, dtype=torch.bool, device=device)
    for row, (sequence, spans) in enumerate(zip(sequences, answers, strict=True)):
        tokens_in[row, : len(sequence)] = torch.tensor(sequence, device=device)
        targets[row, : len(sequence) - 1] = tokens_in[row, 1 : len(sequence)]
        for first, last in spans:
            is_answer[row, first - 1 : last - 1] = True
    embed = decoder.model.embed_tokens
    before = embed(torch.full((count, 1), CharacterTokenizer.BOS, device=device))
    if rng.random() < 0.5:
        chosen = torch.from_numpy(rng.integers(0, len(pages), count)).to(device)
        before = torch.cat([before, pages[chosen]], 1)
    with torch.autocast(device.type, torch.bfloat16):
        logits = decoder(inputs_embeds=torch.cat([before, embed(tokens_in)], 1), logits_to_keep=width).logits
    losses = functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    losses = losses.view_as(targets)
    answer_loss = losses[is_answer].mean()
    text_loss = losses[(targets != IGNORED) & ~is_answer].mean()
    (recipe.question_weight * (answer_loss + recipe.text_weight * text_loss)).backward()
    right = logits.argmax(-1) == targets
    exact = [bool(right[row, first - 1 : last - 1].all()) for row, spans in enumerate(answers) for first, last in spans]
    return {"answering": answer_loss.item(), "text": text_loss.item(), "exact": float(np.mean(exact))}


def _step(decoder: Decoder, inputs: Tensor, targets: Tensor) -> tuple[Tensor, float]:
    """Loss and accuracy over the last positions, which predict `targets` (B, T)."""
    with torch.autocast(inputs.device.type, torch.bfloat16):
        logits = decoder(inputs_embeds=inputs, logits_to_keep=targets.shape[1]).logits
    loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
    return loss, (logits.argmax(-1) == targets).float().mean().item()
