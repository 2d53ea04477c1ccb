"""Speed: `optical-memory evaluate speed`. Each figure stands beside its peer's, measured in the same run, or its floor."""

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from optical_memory.evaluation.reading import random_pages
from optical_memory.evaluation.report import Figure
from optical_memory.model import Model
from optical_memory.modes import BASE, NATIVE_MODES, Mode
from renderers import DEJAVU, Page, draw
from renderers.fonts import FACES_FOLDER


def evaluate_speed(model: Model, rounds: int = 7) -> list[Figure]:
    """Pages a second: drawing (beside Pillow's own text drawing), encoding, reading, in every native mode."""
    pages = random_pages(model, 4, np.random.default_rng(0))
    figures = [
        _figure("rendering", "renderers", BASE, [_rate(partial(draw, page, BASE.side), 20) for page in pages * rounds]),
        _figure(
            "rendering",
            "Pillow text, per line",
            BASE,
            [_rate(partial(_pillow, page, BASE.side), 1) for page in pages],
        ),
    ]
    loads = [_rate(partial(Model, model.checkpoint, model.device), 1) for _ in range(rounds)]
    figures.append(_figure("loading encoder and readout", model.config.name, None, loads, "times a second"))
    for mode in NATIVE_MODES:
        print(f"measuring {mode.name}", file=sys.stderr)
        encoded = model.encode(pages[:1], mode)
        encode = [_rate(partial(model.encode, pages[:1], mode), 1) for _ in range(rounds)]
        read = [_rate(partial(model.read, encoded, model.grid), 1) for _ in range(rounds)]
        figures.append(_figure("encoding", model.config.name, mode, encode))
        figures.append(_figure("reading", f"{model.config.name} readout", mode, read))
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


def _figure(task: str, system: str, mode: Mode | None, rates: list[float], metric: str = "pages a second") -> Figure:
    """Median of the rounds, with the slowest and the fastest as bounds."""
    return Figure(
        task=task,
        system=system,
        mode="" if mode is None else mode.name,
        sequence_length=None if mode is None else mode.sequence_length(),
        metric=f"{metric} (median, min, max)",
        value=float(np.median(rates)),
        low=min(rates),
        high=max(rates),
        n=len(rates),
    )
