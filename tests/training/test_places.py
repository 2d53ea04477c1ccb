"""Places: a code that may be resized, written where it disturbs nothing, and told by the tokens afterwards."""

import numpy as np
import torch
from torch.nn import functional

from optical_memory.config import ReadoutConfig, default
from optical_memory.training.places import NUM_NUMBERS, place_code, write_places
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import CellGrid, Readout
from optical_memory.vision.start import start_as_space_to_depth


def test_every_place_has_a_code_of_its_own_that_resizes() -> None:
    code = place_code(10, 10)
    assert code.shape == (100, NUM_NUMBERS)
    apart = torch.cdist(code, code) + 10 * torch.eye(100)
    assert apart.min() > 0.5

    table = place_code(16, 16).T.view(1, NUM_NUMBERS, 16, 16)
    resized = functional.interpolate(table, size=(10, 10), mode="bicubic", antialias=True, align_corners=False)
    assert (resized[0].flatten(1).T - code).abs().mean() < 0.1


def test_tokens_tell_their_place_once_it_is_written() -> None:
    torch.manual_seed(0)
    config = default()
    assert config.readout is not None
    encoder, readout = DeepEncoder(config.encoder), Readout(ReadoutConfig(), config.encoder.width)
    start_as_space_to_depth(encoder, readout)
    rng = np.random.default_rng(0)
    views = [torch.from_numpy(rng.uniform(-1, 1, (4, 3, 512, 512)).astype(np.float32)) for _ in range(4)]
    cells = CellGrid(64, 64, 8, 8)
    with torch.no_grad():
        before = readout(encoder(views[0]), cells)
        directions = write_places(encoder, readout, views)
        tokens = encoder(views[0])
        after = readout(tokens, cells)

    assert torch.allclose(directions.T @ directions, torch.eye(NUM_NUMBERS), atol=1e-4)
    told = (tokens @ directions).flatten(0, 1)
    code = place_code(8, 8).repeat(len(tokens), 1)
    likeness = torch.corrcoef(torch.cat([told, code], 1).T)[:NUM_NUMBERS, NUM_NUMBERS:].diagonal()[1:]
    assert likeness.min() > 0.5, likeness
    changed = (after - before).norm() / before.norm()
    assert changed < 0.2  # the readout hardly notices
