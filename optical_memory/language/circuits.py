"""What weights are set to where a decoder's attention is given something to begin with, not left to discover it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def quiet(attention: nn.Module, heads: Sequence[int], size: int, share: float = 0.1) -> None:
    """Heads of `size` numbers that are about to be set: next to nothing."""
    for head in heads:
        rows = slice(head * size, (head + 1) * size)
        for name in ("q_proj", "k_proj", "v_proj"):
            attention.get_parameter(f"{name}.weight")[rows] *= share
        attention.get_parameter("o_proj.weight")[:, rows] *= share


def by_distance(
    attention: nn.Module, head: int, size: int, numbers: tuple[int, int], used: slice, turns: Tensor, scale: float
) -> None:
    """A head that goes by distance: queries are the first of the two `numbers` of a row, keys the second, turned apart by `turns`
    radians at the frequencies `used`. Rotary positions turn them back: they agree where distance times frequency is the turn, for
    all of them."""
    asked, found = numbers
    half = size // 2
    places = torch.arange(half)[used] + head * size
    query, key = attention.get_parameter("q_proj.weight"), attention.get_parameter("k_proj.weight")
    query[places, asked] += scale * torch.cos(turns)
    query[places + half, asked] -= scale * torch.sin(turns)
    key[places, found] += scale


def silence(layer: nn.Module) -> None:
    """What comes in goes out as it is: nothing is added."""
    for name in ("self_attn.o_proj.weight", "mlp.down_proj.weight"):
        layer.get_parameter(name).zero_()
