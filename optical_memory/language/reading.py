"""A decoder reads a page row by row, each begun with its signpost; many rows side by side, as none needs the one before."""

from collections.abc import Sequence

import torch
from torch import Tensor

from optical_memory.language.decoder import CACHE_ARGUMENT, Decoder
from optical_memory.language.growing import growing_cache
from optical_memory.language.signposts import Signposts

ROWS_AT_ONCE = 40
"""More would cost memory, for a copy of the page's keys and values each, and no longer save time on a CPU."""


@torch.inference_mode()
def read_rows(decoder: Decoder, prompt: Tensor, signposts: Signposts, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(T, D) embeddings of a page and the prompt to read it -> the tokens of its `rows` (R, signposts.row_length), greedy, from the
    row's signpost on, and their probabilities. All but the first signpost are the decoder's own choice."""
    held = growing_cache()
    decoder(inputs_embeds=prompt[None], use_cache=True, logits_to_keep=1, **{CACHE_ARGUMENT: held})
    tokens, probabilities = [], []
    for first in range(0, len(rows), ROWS_AT_ONCE):
        begun = torch.tensor(
            [[signposts.rows[row]] for row in rows[first : first + ROWS_AT_ONCE]], device=prompt.device
        )
        cache = growing_cache()
        for index, layer in enumerate(held.layers):
            states = (part.expand(len(begun), -1, -1, -1) for part in (layer.keys, layer.values))
            cache.update(*states, index)
        said, sure = [begun], [torch.ones(begun.shape, device=prompt.device)]
        for position in range(len(prompt), len(prompt) + signposts.row_length - 1):
            places = torch.full(begun.shape, position, device=prompt.device)
            output = decoder(
                inputs_embeds=decoder.model.embed_tokens(said[-1]),
                position_ids=places,
                use_cache=True,
                **{CACHE_ARGUMENT: cache},
            )
            best = output.logits.float().softmax(-1).max(-1)
            said.append(best.indices)
            sure.append(best.values)
        tokens.append(torch.cat(said, 1))
        probabilities.append(torch.cat(sure, 1))
    return torch.cat(tokens), torch.cat(probabilities)
