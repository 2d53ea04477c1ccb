"""Where a visual token lies on its page, written into it: CLIP's position table says it, the projector hands it on.

A decoder that is to read a page has to find the token it wants. The tokens of an encoder that learnt with a readout do not say
where they lie: the readout is given them in order. Here a few directions of the token that vary least are given to its place.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import Readout

WAVES = 7
"""Cosines of each coordinate, of half a turn to so many halves a page."""
NUM_NUMBERS = 1 + 2 * WAVES
_TABLE = 14.0
"""How large the code stands in the position table: some 0.3 of what CLIP is given there otherwise."""
_AMPLITUDE = 1.5
"""How large it stands in a token whose root mean square is 1."""
_GAIN = 0.45
"""From what stands behind CLIP to what stands in a token, so that training finds about that amplitude."""
_SETTLED = 1e-8


def place_code(rows: int, columns: int) -> Tensor:
    """(rows * columns, NUM_NUMBERS): a one, then cosines of the row and of the column; smooth, so that a table of it may be
    resized."""
    waves = math.pi * torch.arange(1, WAVES + 1)
    down, across = (torch.cos((torch.arange(count) + 0.5)[:, None] / count * waves) for count in (rows, columns))
    parts = [
        torch.ones(rows, columns, 1),
        down[:, None].expand(-1, columns, -1),
        across[None].expand(rows, -1, -1),
    ]
    return torch.cat(parts, -1).flatten(0, 1)


def place_error(tokens: Tensor, directions: Tensor) -> Tensor:
    """Mean squared error of the places that square views' tokens (V, N, D) tell along `directions` (D, NUM_NUMBERS)."""
    grid = round(tokens.shape[1] ** 0.5)
    told = functional.normalize(tokens.float(), dim=-1) * tokens.shape[-1] ** 0.5 @ directions
    return functional.mse_loss(told, _AMPLITUDE * place_code(grid, grid).to(told).expand_as(told))


@torch.no_grad()
def write_places(encoder: DeepEncoder, readout: Readout, views: Iterable[Tensor]) -> Tensor:
    """Gives NUM_NUMBERS directions of the visual tokens to the place, and takes them from the readout; -> (D, NUM_NUMBERS).

    `views`: pages (V, 3, S, S) to tell by which directions vary least, in what CLIP gives and in the tokens.
    """
    outputs, tokens = [], []
    hook = encoder.clip.register_forward_hook(lambda _, __, output: outputs.append(output.flatten(0, 1)))
    for pixels in views:
        tokens.append(encoder(pixels).flatten(0, 1))
    hook.remove()
    clip_outputs = torch.cat(outputs)
    written, read = _channel(_covariance(clip_outputs), encoder.clip.pre_norm.weight)
    directions = torch.linalg.eigh(_covariance(torch.cat(tokens)))[1][:, :NUM_NUMBERS]

    grid = encoder.clip.grid
    encoder.clip.pos_embed[1:] += _TABLE * place_code(grid, grid) @ written.T
    others = torch.eye(encoder.config.width) - directions @ directions.T
    projector, width = encoder.projector, encoder.config.clip.width
    projector.weight.copy_(others @ projector.weight)
    projector.bias.copy_(others @ projector.bias)
    from_clip = projector.weight[:, :width]
    said_already = from_clip @ (encoder.clip.pre_norm.weight[:, None] * written) @ read.T
    from_clip.copy_(from_clip - said_already + _GAIN * directions @ read.T)
    projector.bias.copy_(projector.bias - _GAIN * directions @ (read.T @ clip_outputs.mean(0)))
    readout.unfold.weight.copy_(readout.unfold.weight @ others)
    return directions


def _channel(covariance: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """(D, NUM_NUMBERS) twice: directions to write along before a norm of that `gain`, and to read along behind the blocks, so that
    what is written stands out most from what varies there. The one by the other is the identity."""
    # The norm takes the mean away: nothing varies along it behind the norm, and nothing that is written along it arrives.
    mean = functional.normalize(1 / gain, dim=0)
    inverse = torch.linalg.inv(
        covariance + _SETTLED * torch.eye(len(covariance)) + covariance.trace() * torch.outer(mean, mean)
    )
    without_mean = torch.eye(len(covariance)) - 1 / len(covariance)
    strengths, axes = torch.linalg.eigh(without_mean @ (gain[:, None] * inverse * gain) @ without_mean)
    written = axes[:, -NUM_NUMBERS:]
    return written, inverse @ (gain[:, None] * written) / strengths[-NUM_NUMBERS:]


def _covariance(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(0)
    return centred.T @ centred / len(rows)
