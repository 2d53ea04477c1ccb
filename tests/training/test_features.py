"""What features learn to tell apart, and that learning goes on where it stopped, to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from optical_memory.errors import CheckpointError
from optical_memory.training import features
from optical_memory.training.features import learn_features, tell
from optical_memory.training.reader_stage import reader
from optical_memory.training.recipe import Recipe
from optical_memory.training.run import rate_at

WIDTH = 96
RECIPE = replace(reader(400), tokens_a_step=64)


def _tokens() -> tuple[Tensor, Tensor]:
    """Tokens of four cells that hold one of five characters each, mixed together."""
    torch.manual_seed(0)
    characters = torch.randint(5, (3000, 4))
    mixing = torch.randn(4, 5, WIDTH)
    tokens = sum(mixing[cell][characters[:, cell]] for cell in range(4)) + 0.1 * torch.randn(3000, WIDTH)
    return torch.nn.functional.normalize(tokens, dim=-1) * WIDTH**0.5, characters


def test_cells_are_read_from_features(tmp_path: Path) -> None:
    tokens, characters = _tokens()

    learnt = learn_features(tokens[:2500], characters[:2500], (5, 6), RECIPE, tmp_path)

    assert learnt.features.shape == (4, 6, WIDTH) and learnt.classes.shape == (5, 6)
    assert (tell(tokens[2500:], learnt).argmax(-1) == characters[2500:]).float().mean() > 0.99


def test_a_run_that_was_killed_goes_on_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, characters = _tokens()
    recipe = replace(RECIPE, steps=30)
    monkeypatch.setattr(features, "SAVE_EVERY", 20)
    whole = learn_features(tokens, characters, (5, 6), recipe, tmp_path / "whole")

    steps: list[int] = []

    def rate_until_killed(step: int, recipe: Recipe) -> float:
        steps.append(step)
        if len(steps) == 26:
            raise KeyboardInterrupt
        return rate_at(step, recipe)

    monkeypatch.setattr(features, "rate_at", rate_until_killed)
    with pytest.raises(KeyboardInterrupt):
        learn_features(tokens, characters, (5, 6), recipe, tmp_path / "killed")
    torch.manual_seed(99)
    resumed = learn_features(tokens, characters, (5, 6), recipe, tmp_path / "killed")

    assert steps == [*range(26), *range(20, 30)], "from the last state, not from the start"
    assert torch.equal(resumed.features, whole.features) and torch.equal(resumed.classes, whole.classes)


def test_a_run_of_other_tokens_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, characters = _tokens()
    monkeypatch.setattr(features, "SAVE_EVERY", 2)
    learn_features(tokens, characters, (5, 6), replace(RECIPE, steps=2), tmp_path)

    with pytest.raises(CheckpointError, match="choose another folder"):
        learn_features(tokens + 1, characters, (5, 6), RECIPE, tmp_path)
