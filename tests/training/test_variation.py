"""Reshaped glyphs: what changes, what does not, and that one generator decides."""

import numpy as np
import torch

from optical_memory.training.variation import Variation
from renderers import find_face, glyph_atlas

ATLAS = glyph_atlas(find_face("dejavu"), 16, 16)
SLOTS = ATLAS.slots(np.array([ord(character) for character in " axM|"], dtype=np.uint32))
GLYPHS = torch.from_numpy(ATLAS.levels[SLOTS])
AS_THEY_ARE = Variation(share=1.0, width=(1, 1), height=(1, 1), slant=(0, 0), across=0.0, down=0.0, weight=(1, 1))


def ink(glyphs: torch.Tensor) -> float:
    return float(glyphs.float().sum())


def columns(glyphs: torch.Tensor) -> int:
    return int((glyphs > 3).any(0).any(0).sum())


def test_no_change_changes_nothing_and_no_share_neither() -> None:
    rng = np.random.default_rng(0)
    assert torch.equal(AS_THEY_ARE.apply(GLYPHS, rng), GLYPHS)
    assert torch.equal(Variation(share=0.0).apply(GLYPHS, rng), GLYPHS)


def test_weight_changes_the_ink_and_width_the_columns() -> None:
    rng = np.random.default_rng(0)
    still = {"share": 1.0, "height": (1.0, 1.0), "slant": (0.0, 0.0), "across": 0.0, "down": 0.0}
    light = Variation(**still, width=(1.0, 1.0), weight=(0.5, 0.5)).apply(GLYPHS, rng)  # type: ignore[arg-type]
    heavy = Variation(**still, width=(1.0, 1.0), weight=(2.0, 2.0)).apply(GLYPHS, rng)  # type: ignore[arg-type]
    narrow = Variation(**still, width=(0.6, 0.6), weight=(1.0, 1.0)).apply(GLYPHS, rng)  # type: ignore[arg-type]
    assert ink(light) < ink(GLYPHS) < ink(heavy)
    assert columns(narrow) < columns(GLYPHS)


def test_the_space_stays_blank_and_levels_stay_levels() -> None:
    for seed in range(20):
        varied = Variation(share=1.0).apply(GLYPHS, np.random.default_rng(seed))
        assert varied.dtype == torch.uint8 and varied.shape == GLYPHS.shape
        assert not varied[0].any() and int(varied.max()) <= 15
        assert torch.equal(varied, Variation(share=1.0).apply(GLYPHS, np.random.default_rng(seed)))
