"""Recipes: functions that return everything a stage needs to know, so that one command repeats a run."""

from dataclasses import dataclass

from optical_memory.modes import BASE, LARGE, SMALL, TINY, Mode
from optical_memory.training.pages import Portion


@dataclass(frozen=True, slots=True)
class EncoderRecipe:
    """Stage 1: DeepEncoder and readout. The rate warms up, stays, and falls to nothing over the last part of the steps."""

    portions: tuple[Portion, ...]
    steps: int
    rate: float = 1e-3
    warm_up: int = 100
    cool_down: float = 0.3
    random_share: float = 0.3
    auxiliary_weight: float = 0.5
    readout_from: int = 0
    """Steps before this one train the patch stage alone: gradients of a readout that sees nothing yet would undo its start."""
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class DecoderRecipe:
    """Stage 2: blocks of visual tokens and passages grow at the steps given."""

    steps: int
    mode: Mode = TINY
    characters: int = 1024
    """Characters read from visual tokens in every step."""
    question_characters: int = 4096
    """Characters of passages and questions in every step."""
    pairs_share: float = 0.4
    """Share of the passages that are bare keys and values."""
    blocks: tuple[tuple[int, int], ...] = ((0, 1),)
    passages: tuple[tuple[int, int], ...] = ((0, 96),)
    rate: float = 2e-3
    warm_up: int = 100
    cool_down: float = 0.3
    random_share: float = 0.3
    question_weight: float = 1.0
    text_weight: float = 0.2
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    seed: int = 1

    def block_at(self, step: int) -> int:
        """Visual tokens per side of the blocks read at a step."""
        return next(size for since, size in reversed(self.blocks) if step >= since)

    def passage_at(self, step: int) -> int:
        """Characters of the longest passage at a step."""
        return next(size for since, size in reversed(self.passages) if step >= since)


def crops(steps: int = 4000) -> EncoderRecipe:
    """First: cuts of 2 x 2 visual tokens, the dense modes most of all."""
    portions = (
        Portion(TINY, 24, crop=2),
        Portion(SMALL, 24, crop=2),
        Portion(BASE, 8, crop=2),
        Portion(LARGE, 10, crop=2),
    )
    return EncoderRecipe(portions, steps, readout_from=min(300, steps // 4))


def pages(steps: int = 1700) -> EncoderRecipe:
    """Then: whole pages, on which every token has four neighbours; the sparse modes in large cuts."""
    portions = (Portion(TINY, 3), Portion(SMALL, 2), Portion(BASE, 1, crop=8), Portion(LARGE, 2, crop=8))
    return EncoderRecipe(portions, steps, rate=5e-4, warm_up=50, cool_down=0.7, seed=2)


ENCODER_RECIPES = {"crops": crops, "pages": pages}


def reading(steps: int = 3000) -> DecoderRecipe:
    """One-token blocks throughout; from short passages to longer ones."""
    blocks = ((0, 1),)
    passages = ((0, 96), (steps * 4 // 10, 192), (steps * 6 // 10, 384), (steps * 8 // 10, 640))
    return DecoderRecipe(steps, blocks=blocks, passages=passages)


DECODER_RECIPES = {"reading": reading}
