"""Stage 3: a decoder reads pages by itself. `optical-memory train reader --corpus DIR --from FILE --run DIR`.

Where a token lies and what stands in its cells is learnt from tokens of the encoder as it is; the layers are then set
(language/reading_layers.py). A few minutes; whenever encoder or decoder have learnt something else it is to be done again.
"""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm, trange

from optical_memory.config import ModelConfig, SignpostConfig
from optical_memory.errors import CheckpointError
from optical_memory.language.decoder import Decoder, build_decoder
from optical_memory.language.numbers import numbers_of, occupied, usable
from optical_memory.language.reading_layers import SINK, Finder, set_finding, set_reading
from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.modes import NATIVE_MODES, TOKEN
from optical_memory.sight import TOKEN_DTYPE
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.corpus import Corpus
from optical_memory.training.features import FeatureRecipe, learn_features, tell
from optical_memory.training.page_text import PageText
from optical_memory.training.pages import PageEngine, Portion
from optical_memory.training.places import NUM_NUMBERS, place_code
from optical_memory.training.run import RunState, log_line, save_state, start_with
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import PATCHES

_RIDGE = 1e-3
_MARGIN = 12.0
"""By how much the token that is asked for is ahead of all others and of the beginning."""
_PLACE_RATE = 0.5
_PAGES_A_STEP = 16
HELD_OUT_PAGES = 8
SCRIPTS_SHARE = 0.35
"""Of the pages, those in other letters than plain Latin: what is rare in text is read worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRecipe(FeatureRecipe):
    """Stage 3: what is learnt from `pages` pages of the signposts' grid."""

    pages: int = 400
    place_steps: int = 1500


def reader(steps: int = 3000) -> ReaderRecipe:
    """Enough for the bundled decoder; what it took is in RUNS.md."""
    return ReaderRecipe(steps=steps, rate=4e-3, warm_up=20, cool_down=1.0, weight_decay=0.1)


READER_RECIPES = {"reader": reader}


class ReaderTrainee(nn.Module):
    """The decoder, and the encoder that it reads with, which stays as it is."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.readout is None or config.decoder is None or config.decoder.signposts is None:
            raise CheckpointError(f"model {config.name!r} has no decoder that reads pages")
        self.signposts: SignpostConfig = config.decoder.signposts
        self.encoder = DeepEncoder(config.encoder).requires_grad_(False)
        self.decoder: Decoder = build_decoder(config.decoder)


def train_reader(
    config: ModelConfig, recipe: ReaderRecipe, corpus_folder: Path, start_from: Path, run: Path, device: torch.device
) -> ReaderTrainee:
    """Sets the reading layers of the decoder that the checkpoint file or run `start_from` holds, for the encoder it holds.

    Where `run` was interrupted, what takes longest, the features, goes on where it stopped; the rest is done again in a minute.
    """
    torch.manual_seed(recipe.seed)
    trainee = ReaderTrainee(config).to(device)
    start_with(trainee, start_from)
    assert config.readout is not None
    alphabet = Alphabet.of(config.readout.alphabet)
    corpus = Corpus(corpus_folder, alphabet)
    text = PageText(corpus.training, alphabet, recipe.random_share, scripts_share=SCRIPTS_SHARE)
    plain = PageText(corpus.held_out, alphabet, 0.0, mixed_share=0.0, typeset_share=0.0)
    assert config.decoder is not None
    numbers = numbers_of(config.decoder, NUM_NUMBERS)
    tokens, characters = _pages(trainee, PageEngine(text, alphabet, device), recipe.pages, recipe.seed)
    between = torch.stack([trainee.encoder.newline, trainee.encoder.separator])
    sources = what_comes_where(_normed(tokens), occupied(numbers))
    finder = learn_places(tokens, _normed(between), usable(numbers), sources, trainee.signposts, recipe)
    set_finding(trainee.decoder, numbers, finder)
    seen = as_fetched(tokens, trainee, sources)
    shape = (len(alphabet.characters), len(trainee.signposts.features))
    reader = learn_features(seen.flatten(0, 1), characters.flatten(0, 1), shape, recipe, run / "features")
    set_reading(trainee.decoder, numbers, reader)
    held_out, expected = _pages(trainee, PageEngine(plain, alphabet, device), HELD_OUT_PAGES, recipe.seed)
    told = tell(as_fetched(held_out, trainee, sources).flatten(0, 1), reader).argmax(-1)
    figures = {"characters": float((told == expected.flatten(0, 1)).float().mean())}
    state = RunState("reader", config.name, corpus.digest, recipe.steps, asdict(recipe))
    save_state(run, trainee, torch.optim.SGD(trainee.decoder.parameters()), state)
    log_line(run, {"step": recipe.steps, **figures})
    shutil.rmtree(run / "features", ignore_errors=True)  # a run of fewer steps than it takes to save has none
    return trainee


@torch.no_grad()
def _pages(trainee: ReaderTrainee, engine: PageEngine, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Visual tokens of `count` pages (P, N, D), as they are kept, and their characters (P, N, cells * cells)."""
    signposts = trainee.signposts
    mode = next(mode for mode in NATIVE_MODES if mode.side == signposts.tokens * TOKEN)
    portion = Portion(mode, 1, grid=(signposts.rows, signposts.rows))
    tokens, characters = [], []
    for number in trange(count, desc="pages", unit="page", delay=2):
        batch = engine.batch(portion, np.random.default_rng((seed, number)))
        tokens.append(trainee.encoder(batch.pixels).to(TOKEN_DTYPE).float())
        blocks = batch.targets.unflatten(
            1, (signposts.tokens, signposts.cells, signposts.tokens, signposts.cells)
        ).transpose(2, 3)
        characters.append(blocks.flatten(3).flatten(1, 2))
    return torch.cat(tokens), torch.cat(characters)


def _normed(rows: Tensor) -> Tensor:
    return functional.normalize(rows, dim=-1) * rows.shape[-1] ** 0.5


def what_comes_where(tokens: Tensor, taken: Tensor) -> Tensor:
    """(D,) which number of a fetched token each number of the row holds, -1 where it is `taken`. The last, by which the beginning
    is made nothing of, does not come; beside it every patch's part of a token (vision/start.py) gives up what varies least."""
    width = tokens.shape[-1]
    spread = tokens.flatten(0, -2).var(0).cpu()
    spread[-1] = 0.0
    lost = torch.zeros(width, dtype=torch.bool)
    lost[-1] = True
    parts = PATCHES**2
    while int(lost.sum()) < int(taken.sum()):
        for part in range(parts):
            if int(lost.sum()) < int(taken.sum()):
                own = spread.masked_fill(lost, torch.inf).view(parts, -1)[part]
                lost[part * width // parts + int(own.argmin())] = True
    sources = torch.where(taken | lost, -1, torch.arange(width))
    sources[lost & ~taken] = torch.arange(width)[taken & ~lost]
    return sources


@torch.no_grad()
def as_fetched(pages: Tensor, trainee: ReaderTrainee, sources: Tensor) -> Tensor:
    """What the second layer fetches of the tokens of pages (P, N, D), behind the first one and normed again."""
    decoder, count = trainee.decoder, trainee.signposts.tokens
    beginning = decoder.model.embed_tokens.weight[CharacterTokenizer.BOS]
    places = [1 + place + place // count for place in range(count**2)]  # a newline behind every row
    come = (sources >= 0).to(pages)
    fetched = []
    for page in tqdm(pages, desc="tokens", unit="page", delay=2):
        context = torch.cat([beginning[None], trainee.encoder.sequence(page)])
        rows = decoder.model(inputs_embeds=context[None], output_hidden_states=True, use_cache=False).hidden_states[1][
            0
        ]
        tokens = _normed(rows[places])
        tokens = tokens - beginning / beginning[-1] * tokens[:, -1:]
        fetched.append(_normed(tokens[:, sources.clamp_min(0)] * come))
    return torch.stack(fetched)


def learn_places(
    tokens: Tensor, between: Tensor, free: Tensor, sources: Tensor, signposts: SignpostConfig, recipe: ReaderRecipe
) -> Finder:
    """Directions by which tokens (P, N, D) tell their place best, of the numbers that are `free`; and the parts of a query, by row
    and column, whose sum finds the token that lies there, with little left for any other, for the rows `between` tokens and for the
    beginning."""
    tokens = _normed(tokens)
    count, device = signposts.tokens, tokens.device
    code = place_code(count, count).to(device)
    known = tokens[..., free.to(device)].flatten(0, 1)
    told = torch.linalg.lstsq(
        known.T @ known / len(known) + _RIDGE * torch.eye(known.shape[1], device=device),
        known.T @ code.repeat(len(tokens), 1) / len(known),
    ).solution
    directions = torch.zeros(tokens.shape[-1], code.shape[1], device=device)
    directions[free.to(device)] = told
    keys = torch.cat([tokens @ directions, (between @ directions).expand(len(tokens), -1, -1)], 1)
    rows, columns = (torch.zeros(count, code.shape[1], device=device, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.Adam([rows, columns])
    places = torch.arange(count**2, device=device)
    ahead = _MARGIN * functional.one_hot(places, keys.shape[1] + 1).T
    for step in trange(recipe.place_steps, desc="places", unit="step", delay=2):
        optimizer.param_groups[0]["lr"] = _PLACE_RATE * (1 - step / recipe.place_steps)
        chosen = keys[torch.randint(len(keys), (_PAGES_A_STEP,), device=device)]
        scores = chosen @ (rows[places // count] + columns[places % count]).T
        scores = torch.cat([scores, torch.full_like(scores[:, :1], SINK)], 1) - ahead
        loss = functional.cross_entropy(scores, places.expand(len(scores), -1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Finder(directions, rows.detach(), columns.detach(), sources)
