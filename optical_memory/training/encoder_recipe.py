"""What stage 1 is told: the pages it learns from, and what stands on them."""

from dataclasses import dataclass

from optical_memory.training.pages import Portion
from optical_memory.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class EncoderRecipe(Recipe):
    """Stage 1: DeepEncoder and readout."""

    portions: tuple[Portion, ...]
    scripts_share: float = 0.0
    strays_share: float = 0.0
    returns_share: float = 0.0
    newest: str = ""
    """Characters of which as many strays are as of all others, as far as the alphabet has them."""
    auxiliary_weight: float = 0.5
    place_weight: float = 0.0
    """Of the error in where tokens say that they lie (training/places.py)."""
    readout_from: int = 0
    """Steps before this one train the patch stage alone: gradients of a readout that sees nothing yet would undo its start."""
