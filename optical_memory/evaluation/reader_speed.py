"""The loaded model's own readers: operations of a page, the readout beside the decoder as it answers, decoding beside its bytes.

`optical-memory evaluate speed --part reader`. All of it in one run, so that a busy minute harms both sides of a ratio.
"""

import sys
import time
from functools import partial

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from optical_memory.device import describe, synchronise
from optical_memory.encoded import EncodedPage
from optical_memory.evaluation.clock import Clock, exact, spread
from optical_memory.evaluation.floors import decode_bytes, encoder_operations
from optical_memory.evaluation.reading import random_pages
from optical_memory.evaluation.report import Figure
from optical_memory.model import Model
from optical_memory.modes import NATIVE_MODES, SMALL, Mode
from optical_memory.vision.readout import CellGrid

DECODED = 64
"""Characters that the decoder says; the rest of a page would take as long for each."""
STREAMED = 1 << 28
"""Bytes of the array whose reading tells how fast the machine reads memory: beyond every cache."""


def evaluate_readers(model: Model, clock: Clock) -> list[Figure]:
    """Of every native mode: GFLOP to encode a page and to read it. Of Small: both readers, in characters a second."""
    setting = f"{model.config.name}, {describe(clock.device)}"
    figures = []
    for mode in NATIVE_MODES:
        encoding = encoder_operations(model.config.encoder, mode.side)
        figures.append(exact("floor", f"encoder, {setting}", mode, "GFLOP to encode a page", encoding / 1e9))
        if model.readout is not None:
            reading = readout_operations(model if model.reads(mode) else model.in_step(mode), mode)
            figures.append(exact("floor", f"readout, {setting}", mode, "GFLOP to read a page", reading / 1e9))
    if model.readout is None or model.config.decoder is None:
        return figures
    model = model.in_step(SMALL)
    page = random_pages(model, 1, np.random.default_rng(0))
    encoded = model.encode(page, SMALL)[0]
    (times,) = clock.seconds(partial(model.read, [encoded], model.grid))
    readout = [model.grid.num_cells / taken for taken in times]
    _decoding(model, encoded, clock)  # packs its matrices
    decoder = [_decoding(model, encoded, clock) for _ in range(clock.rounds)]
    ratios = [fast / slow for fast, slow in zip(readout, decoder, strict=True)]
    figures += [
        spread("readers", f"readout, {setting}", SMALL, "characters a second", readout),
        spread("readers", f"decoder, {setting}", SMALL, "characters a second", decoder),
        spread("readers", f"readout / decoder, {setting}", SMALL, "speed ratio", ratios),
    ]
    return [*figures, *_beside_bytes(model, encoded, decoder, clock, setting)]


def readout_operations(model: Model, mode: Mode) -> int:
    """Counted by torch while a page of the model's own grid is read: with gradients, since it does not count oneDNN's products,
    which take their place without."""
    assert model.readout is not None
    columns, rows = model.grid.columns, model.grid.rows
    tokens = torch.zeros(1, mode.grid**2, model.config.encoder.width, device=model.device)
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        model.readout(tokens, CellGrid(columns, rows, mode.side // columns, mode.side // rows))
    return int(counter.get_total_flops())


@torch.inference_mode()
def _decoding(model: Model, page: EncodedPage, clock: Clock) -> float:
    """Characters a second that the decoder says over one page, the page's own time taken off. What it says does not matter:
    the end token is not obeyed, so that a model that would stop at once is measured too."""
    from optical_memory.language.generate import next_scores
    from optical_memory.language.growing import growing_cache

    decoder, cache = model.answering, growing_cache()
    rows = model.splice([page])[None]
    scores = next_scores(decoder, rows, 0, cache)
    synchronise(clock.device)
    began = time.perf_counter()
    for position in range(rows.shape[1], rows.shape[1] + DECODED):
        scores = next_scores(decoder, decoder.model.embed_tokens(scores.argmax(-1, keepdim=True)), position, cache)
    synchronise(clock.device)
    return DECODED / (time.perf_counter() - began)


def _beside_bytes(model: Model, page: EncodedPage, rates: list[float], clock: Clock, setting: str) -> list[Figure]:
    """What decoding reads a token, how fast this machine reads memory, and how far decoding is from that floor: of the weights as
    they were loaded and, where single tokens are multiplied by a smaller copy, of that one."""
    print("measuring how fast memory is read", file=sys.stderr)
    decoder = model.answering
    array = torch.ones(STREAMED // decoder.dtype.itemsize, dtype=decoder.dtype, device=clock.device)
    (times,) = clock.seconds(array.sum)
    bandwidth = [STREAMED / taken for taken in times]
    figures = [spread("floor", setting, None, "GB a second, memory read", [value / 1e9 for value in bandwidth])]
    is_packed = decoder.one_token is not None and decoder.one_token.is_packed
    for dtype in dict.fromkeys((decoder.dtype, torch.bfloat16 if is_packed else decoder.dtype)):
        moved = decode_bytes(
            model.decoder_config.for_text, page.sequence_length, decoder.dtype.itemsize, dtype.itemsize
        )
        floor = moved / float(np.median(bandwidth))
        system = f"decoder, {setting}, {str(dtype).removeprefix('torch.')}"
        figures += [
            exact("floor", system, None, "MB read a decoded character", moved / 1e6),
            exact("floor", system, None, "milliseconds a character that these bytes take", floor * 1e3),
            spread("readers", system, None, "times the floor of its bytes", [1 / rate / floor for rate in rates]),
        ]
    return figures
