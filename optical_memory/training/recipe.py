"""What every stage's recipe says about time, rate and text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The rate warms up, stays, and falls to nothing over the last part of the steps (`cool_down`)."""

    steps: int
    rate: float = 1e-3
    warm_up: int = 100
    cool_down: float = 0.3
    random_share: float = 0.3
    """Share of the pages, or of the other text, that is random strings."""
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    seed: int = 1
