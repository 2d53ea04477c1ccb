"""Speed: `optical-memory evaluate speed`. Each figure stands beside its peer's, measured in the same run, or its floor.

Pages and their readout are of the loaded model; encoder and decoder are the official architecture with random weights.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from optical_memory.config import deepseek_ocr
from optical_memory.device import is_accelerator
from optical_memory.evaluation.clock import Clock, spread
from optical_memory.evaluation.encoder_speed import evaluate_encoder
from optical_memory.evaluation.reading import random_pages
from optical_memory.evaluation.report import Figure
from optical_memory.model import Model
from optical_memory.modes import BASE, NATIVE_MODES, TINY
from renderers import DEJAVU, Page, draw
from renderers.fonts import FACES_FOLDER

RATE = "pages a second"
PARTS = ("pages", "reader", "encoder", "decoder", "reuse")


@dataclass(frozen=True, slots=True)
class Load:
    """How much is done at official width: `batch` pictures at once, `num_pages` Tiny pages in a context."""

    rounds: int
    batch: int
    num_pages: int
    dtype: torch.dtype


def load_for(device: torch.device) -> Load:
    """What a device does in minutes: 32 pictures and 100 pages on an accelerator in bfloat16, one and 4 on a CPU."""
    if is_accelerator(device):
        return Load(rounds=7, batch=32, num_pages=100, dtype=torch.bfloat16)
    return Load(rounds=3, batch=1, num_pages=4, dtype=torch.float32)


def evaluate_speed(model: Model, parts: Sequence[str] = PARTS, load: Load | None = None) -> list[Figure]:
    """Figures of the parts asked for, on the model's device."""
    load = load or load_for(model.device)
    clock = Clock(model.device, load.rounds)
    official = deepseek_ocr()
    figures = evaluate_pages(model) if "pages" in parts else []
    if "reader" in parts:
        from optical_memory.evaluation.reader_speed import evaluate_readers

        figures += evaluate_readers(model, clock)
    if "encoder" in parts:
        figures += evaluate_encoder(official.encoder, (TINY, BASE), clock, load.dtype, load.batch)
    if "decoder" in parts and official.decoder is not None:
        from optical_memory.evaluation.decoder_speed import evaluate_decoder

        figures += evaluate_decoder(official.decoder, clock, torch.bfloat16, load.num_pages)
    if "reuse" in parts:
        from optical_memory.evaluation.first_token import evaluate_reuse

        figures += evaluate_reuse(model, load.rounds)
    return figures


def evaluate_pages(model: Model, rounds: int = 7) -> list[Figure]:
    """Pages a second: drawing (beside Pillow's own text drawing), encoding, reading, in every native mode."""
    pages = random_pages(model, 4, np.random.default_rng(0))
    figures = [
        spread(
            "rendering", "renderers", BASE, RATE, [_rate(partial(draw, page, BASE.side), 20) for page in pages * rounds]
        ),
        spread(
            "rendering",
            "Pillow text, per line",
            BASE,
            RATE,
            [_rate(partial(_pillow, page, BASE.side), 1) for page in pages],
        ),
    ]
    loads = [_rate(partial(Model, model.checkpoint, model.device), 1) for _ in range(rounds)]
    figures.append(spread("loading encoder and readout", model.config.name, None, "times a second", loads))
    clock = Clock(model.device, rounds)
    for mode in NATIVE_MODES:
        print(f"measuring {mode.name}", file=sys.stderr)
        (times,) = clock.seconds(partial(model.encode, pages[:1], mode))
        figures.append(spread("encoding", model.config.name, mode, RATE, [1 / taken for taken in times]))
        if model.readout is not None:
            (times,) = clock.seconds(partial(model.read, model.encode(pages[:1], mode), model.grid))
            figures.append(
                spread("reading", f"{model.config.name} readout", mode, RATE, [1 / taken for taken in times])
            )
    return figures


def _rate(work: Callable[[], object], repeats: int) -> float:
    """Calls a second."""
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    return repeats / (time.perf_counter() - began)


def _pillow(page: Page, side: int) -> Image.Image:
    """The page as Pillow draws it: one text call a line."""
    cell = side // page.grid.rows
    font = ImageFont.truetype(str(FACES_FOLDER / DEJAVU.strikes[0].file), cell - 2)
    picture = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(page.codes.reshape(page.grid.rows, page.grid.columns)):
        pen.text((0, row * cell), "".join(chr(code) if code > 31 else " " for code in line), font=font, fill=0)
    return picture
