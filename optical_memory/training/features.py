"""Features that tell the characters in a visual token's cells apart, as stage 3 learns them for the decoder's second layer."""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import trange

from optical_memory.language.reading_layers import CellReader
from optical_memory.training.recipe import Recipe
from optical_memory.training.run import SAVE_EVERY, RunState, rate_at, restore, save_state

_NORMED, _AT_ONCE = 2000, 500
"""Tokens by which the mean length of features is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecipe(Recipe):
    """From `tokens_a_step` visual tokens a step."""

    tokens_a_step: int = 192


class Features(nn.Module):
    """(cells * F, D) by which a token's cells are looked at, and (C, F) what each character is known by."""

    def __init__(self, cells: int, width: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.cells = nn.Parameter(0.1 * torch.randn(cells * shape[1], width) / width**0.5)
        self.classes = nn.Parameter(0.3 * torch.randn(shape))


def learn_features(
    tokens: Tensor, characters: Tensor, shape: tuple[int, int], recipe: FeatureRecipe, run: Path
) -> CellReader:
    """From fetched tokens (N, D) and their characters (N, cells); `shape`: how many characters there are, and features.

    Goes on from `run` if there is something there. Raises CheckpointError if that was learnt from other tokens.
    """
    cells, width = characters.shape[1], tokens.shape[1]
    torch.manual_seed(recipe.seed)
    learnt = Features(cells, width, shape).to(tokens.device)
    optimizer = torch.optim.AdamW(learnt.parameters(), betas=(0.9, 0.98), weight_decay=recipe.weight_decay)
    state = RunState("features", "", _digest(tokens, characters), 0, asdict(recipe))
    first = restore(run, learnt, optimizer, state, None)
    for step in trange(first, recipe.steps, desc="characters", unit="step", delay=2, initial=first, total=recipe.steps):
        optimizer.param_groups[0]["lr"] = rate_at(step, recipe)
        chosen = np.random.default_rng((recipe.seed, step)).integers(len(tokens), size=recipe.tokens_a_step)
        batch = torch.from_numpy(chosen).to(tokens.device)
        scores = _found(tokens[batch], learnt.cells.view(cells, -1, width)) @ learnt.classes.T
        loss = functional.cross_entropy(scores.flatten(0, 1), characters[batch].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % SAVE_EVERY == 0:
            save_state(run, learnt, optimizer, replace(state, step=step + 1))
    features = learnt.cells.detach().view(cells, -1, width)
    norm = torch.cat([_found(part, features).norm(dim=-1) for part in tokens[:_NORMED].split(_AT_ONCE)]).mean()
    return CellReader(features, learnt.classes.detach() * norm / width**0.5)


def tell(tokens: Tensor, reader: CellReader) -> Tensor:
    """Fetched tokens (N, D) -> scores (N, cells, C), as the head gives them."""
    found = _found(tokens, reader.features)
    return functional.normalize(found, dim=-1) * tokens.shape[1] ** 0.5 @ reader.classes.T


def _found(tokens: Tensor, features: Tensor) -> Tensor:
    """(N, D) -> (N, cells, F)"""
    return (tokens @ features.flatten(0, 1).T).unflatten(1, features.shape[:2])


def _digest(*tensors: Tensor) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
