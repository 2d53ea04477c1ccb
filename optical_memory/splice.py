"""Text rows and page rows in one sequence of input embeddings, counted on both sides."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from optical_memory.errors import SpliceError


def splice(tokens: Sequence[int], pages: Sequence[Tensor], image_token: int, embed: nn.Embedding) -> Tensor:
    """Puts page rows where the placeholders stand.

    `tokens` (T,) ids in which every page row has one `image_token`; `pages`: (L, D) each, in order; -> (T, D).
    Raises SpliceError if placeholders and rows differ in number, or the widths differ.
    """
    ids = torch.tensor(tokens, dtype=torch.long, device=embed.weight.device)
    places = ids == image_token
    num_rows, num_places = sum(len(page) for page in pages), int(places.sum())
    if num_rows != num_places:
        raise SpliceError(f"the pages have {num_rows} rows and the context has {num_places} places for them")
    rows = embed(ids)
    if not pages:
        return rows
    widths = {page.shape[1] for page in pages}
    if widths != {rows.shape[1]}:
        raise SpliceError(f"page rows are {sorted(widths)} wide, the decoder's are {rows.shape[1]}")
    rows = rows.clone()
    rows[places] = torch.cat([page.to(rows.device, rows.dtype) for page in pages])
    return rows
