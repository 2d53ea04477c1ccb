"""Teacher forcing: in one pass, which tokens a decoder would have said had it been right so far."""

import torch
from torch import Tensor

from optical_memory.language.decoder import Decoder

HEAD_ROWS = 256
"""Positions whose logits are held at once: 129,280 numbers each at official size."""


@torch.inference_mode()
def said_right(decoder: Decoder, rows: Tensor, targets: Tensor) -> Tensor:
    """(T, D) spliced rows whose last N are those of `targets` (N,) -> (N,) bool: the decoder's first choice is the target."""
    hidden = decoder.model(inputs_embeds=rows[None], use_cache=False).last_hidden_state[0]
    before = hidden[-len(targets) - 1 : -1]
    choices = [decoder.lm_head(part).argmax(-1) for part in before.split(HEAD_ROWS)]
    return torch.cat(choices) == targets
