"""Seats: where the weights of an older checkpoint go in a model that knows more characters, or has more layers, than it did."""

import re

import torch
from torch import Tensor

from optical_memory.config import NUM_SPECIAL_TOKENS, READING_LAYERS, DecoderConfig
from optical_memory.language.start import rows_of_characters

Weights = dict[str, Tensor]
_OWN = 0.1
"""Of a new row that is its own: enough to part them from one another, too little to be taken for what is there."""


def seat_characters(weights: Weights, own: Weights) -> None:
    """Gives a readout rows for the characters that were added to the end of the alphabet since. They start as the others are in the
    mean, so that they are hardly ever taken for what is there, and a little as `own` has them."""
    for name, tensor in weights.items():
        if ".classify." in name and name in own and len(tensor) < len(own[name]):
            new = own[name][len(tensor) :].to(tensor)
            weights[name] = torch.cat([tensor, tensor.mean(0) + _OWN * new])


def seat_tokens(weights: Weights, own: Weights, decoder: DecoderConfig, num_known: int) -> None:
    """Gives a decoder rows for the tokens that its vocabulary lacks; `decoder`: the sizes that it has, `num_known`: its characters.

    Signposts, the last of a vocabulary, stay so, and before them come characters as the others are. A decoder without any gets its
    rows as `own` has them.
    """
    embedding, head = (f"decoder.{name}.weight" for name in ("model.embed_tokens", "lm_head"))
    if embedding not in weights or head not in weights or embedding not in own:
        return
    count, end = len(own[embedding]) - len(weights[embedding]), NUM_SPECIAL_TOKENS + num_known
    if count <= 0:
        return
    if decoder.signposts is None:
        new = own[embedding][-count:], own[head][-count:]
    else:
        characters = slice(NUM_SPECIAL_TOKENS, end)
        new = rows_of_characters(weights[embedding][characters], weights[head][characters], decoder.heads, count)
    for name, rows in zip((embedding, head), new, strict=True):
        tensor = weights[name]
        weights[name] = torch.cat([tensor[:end], rows.to(tensor), tensor[end:]])


def seat_layers(weights: Weights, own: Weights) -> Weights:
    """Leaves room before the layers of a decoder that does not read pages, where `own` has the layers that do."""
    layer = re.compile(r"(decoder\.model\.layers\.)(\d+)\.")
    numbers = {int(found[2]) for found in map(layer.match, own) if found}
    held = {int(found[2]) for found in map(layer.match, weights) if found}
    if not held or len(numbers) != len(held) + READING_LAYERS:
        return weights
    return {
        layer.sub(lambda found: f"{found[1]}{int(found[2]) + READING_LAYERS}.", name): tensor
        for name, tensor in weights.items()
    }
