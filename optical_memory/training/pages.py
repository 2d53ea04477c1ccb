"""The data engine: pages composed on the device by atlas gathers, whole or cut, with the character of every cell."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from optical_memory.config import TypographyConfig
from optical_memory.modes import TOKEN, Mode
from optical_memory.training.corpus import Alphabet, PageText
from optical_memory.vision.readout import CellGrid
from renderers import FACES, glyph_atlas, palette
from renderers.fonts import MARKER_BASE, NUM_LEVELS
from renderers.transcript import MARK_STYLE, TRANSCRIPT_STYLES


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of every training step: `views` pages (or cuts of `crop` x `crop` visual tokens) drawn for one mode."""

    mode: Mode
    views: int
    crop: int | None = None


@dataclass(frozen=True, slots=True)
class PageBatch:
    """`pixels` (V, 3, S, S) in -1..1; `targets` (V, cells) class numbers; `cells` places them in the picture."""

    pixels: Tensor
    targets: Tensor
    cells: CellGrid


class PageEngine:
    """Composes batches for one typography on one device."""

    def __init__(self, text: PageText, alphabet: Alphabet, typography: TypographyConfig, device: torch.device) -> None:
        self.text = text
        self.typography = typography
        self.device = device
        self._codes = np.array([ord(character) for character in alphabet.characters], dtype=np.uint32)
        is_marker = (self._codes >= MARKER_BASE) & (self._codes < MARKER_BASE + 128)
        self._is_marker = torch.from_numpy(is_marker).to(device)
        colours = torch.from_numpy(palette(TRANSCRIPT_STYLES)).to(device).float()
        self._colours = ((colours / 255.0 - 0.5) / 0.5).T.contiguous()  # (3, 256)
        self._atlases: dict[tuple[int, int], Tensor] = {}

    def batch(self, portion: Portion, rng: np.random.Generator) -> PageBatch:
        """One portion, decided by `rng` alone."""
        columns, rows = self.typography.columns, self.typography.rows
        side = portion.mode.side
        width, height = side // columns, side // rows
        per_page = (side // TOKEN // portion.crop) ** 2 if portion.crop else 1
        pages = -(-portion.views // per_page)
        classes = np.stack([self.text.draw(columns * rows, rng) for _ in range(pages)])
        targets = torch.from_numpy(classes).to(self.device, torch.long).view(pages, rows, columns)
        pixels = self._compose(targets, self._styles(pages, rng), width, height, side)
        if portion.crop is None:
            return PageBatch(
                self._colours[:, pixels.long()].transpose(0, 1),
                targets.flatten(1),
                CellGrid(columns, rows, width, height),
            )
        return self._cut(pixels, targets, portion, rng)

    def _styles(self, pages: int, rng: np.random.Generator) -> Tensor:
        """(pages, cells): runs of one style, as turns and code blocks leave them; half of the pages are plain."""
        cells = self.typography.columns * self.typography.rows
        styles = np.zeros((pages, cells), dtype=np.int64)
        for page in styles:
            if rng.random() < 0.5:
                cuts = np.sort(rng.integers(0, cells, int(rng.integers(1, 24))))
                for run in np.split(page, cuts):
                    run[:] = rng.integers(0, MARK_STYLE)
        return torch.from_numpy(styles).to(self.device)

    def _compose(self, targets: Tensor, styles: Tensor, width: int, height: int, side: int) -> Tensor:
        """(P, rows, columns) classes -> (P, S, S) pixel values, by gathering glyphs."""
        pages, rows, columns = targets.shape
        if (width, height) not in self._atlases:
            atlas = glyph_atlas(FACES[self.typography.face], width, height)
            slots = atlas.slots(self._codes)
            self._atlases[width, height] = torch.from_numpy(atlas.levels[slots]).to(self.device)
        glyphs = self._atlases[width, height][targets]  # (P, rows, columns, height, width)
        styles = torch.where(self._is_marker[targets], MARK_STYLE, styles.view_as(targets))
        cells = glyphs + (styles * NUM_LEVELS).to(torch.uint8)[..., None, None]
        picture = torch.zeros(pages, side, side, dtype=torch.uint8, device=self.device)
        picture[:, : rows * height, : columns * width] = cells.transpose(2, 3).reshape(
            pages, rows * height, columns * width
        )
        return picture

    def _cut(self, pixels: Tensor, targets: Tensor, portion: Portion, rng: np.random.Generator) -> PageBatch:
        """Cuts at one random place per batch and every multiple of the cut beside it; cells cut through are left out."""
        assert portion.crop is not None
        side, cut = portion.mode.side, portion.crop * TOKEN
        width, height = side // self.typography.columns, side // self.typography.rows
        period = np.lcm.reduce([width, height, TOKEN])
        views: list[Tensor] = []
        labels: list[Tensor] = []
        cells: CellGrid | None = None
        phase = rng.integers(0, max(1, min(period, side - cut + 1) // TOKEN), 2) * TOKEN
        step = int(np.lcm(period, TOKEN)) if period > TOKEN else cut
        places = [
            (top, left)
            for top in range(int(phase[0]), side - cut + 1, step)
            for left in range(int(phase[1]), side - cut + 1, step)
        ]
        while len(views) < portion.views:
            top, left = places[int(rng.integers(len(places)))]
            page = int(rng.integers(len(pixels)))
            first_row, first_column = -(-top // height), -(-left // width)
            rows, columns = (top + cut) // height - first_row, (left + cut) // width - first_column
            views.append(pixels[page, top : top + cut, left : left + cut])
            labels.append(
                targets[page, first_row : first_row + rows, first_column : first_column + columns].reshape(-1)
            )
            cells = CellGrid(columns, rows, width, height, left - first_column * width, top - first_row * height)
        assert cells is not None
        return PageBatch(self._colours[:, torch.stack(views).long()].transpose(0, 1), torch.stack(labels), cells)
