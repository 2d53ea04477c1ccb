"""The data engine: pages composed on the device by atlas gathers, whole or cut, with the character of every cell."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optical_memory.modes import TOKEN, Mode
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.page_text import PageText
from optical_memory.training.variation import Variation
from optical_memory.training.wear import Wear
from optical_memory.vision.readout import CellGrid
from renderers import find_face, glyph_atlas, palette
from renderers.fonts import NUM_LEVELS, is_marker
from renderers.transcript import MARK_STYLE, TRANSCRIPT_STYLES


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of every training step: `views` pages (or cuts of `crop` x `crop` visual tokens) drawn for one mode."""

    mode: Mode
    views: int
    crop: int | None = None
    grid: tuple[int, int] = (64, 64)
    """Columns and rows of cells on the page."""
    faces: tuple[str, ...] = ("fixed",)
    """Bundled faces and font files, some of which every batch is set in."""
    faces_per_batch: int = 1
    """If more than one, every line of a page is set in any of them."""
    variation: Variation | None = None
    """What happens to the glyphs before pages are set."""
    wear: Wear | None = None
    """What happens to the pictures after they are drawn."""
    random_share: float | None = None
    """Of its pages, those that hold random strings; None: the recipe's own."""
    scripts_share: float | None = None
    """Of its pages, those that hold other scripts; None: the recipe's own."""


def taught(portions: Iterable[Portion]) -> tuple[tuple[str, int, int], ...]:
    """(mode's name, columns, rows) of their pages, as a typography names what it reads."""
    return tuple(dict.fromkeys((portion.mode.name, *portion.grid) for portion in portions))


def densest(portions: Iterable[Portion]) -> tuple[int, int]:
    """Columns and rows that suit a memory whose readout was taught these: most cells on pages of the smallest of their modes."""
    return min(portions, key=lambda portion: (portion.mode.side, -math.prod(portion.grid))).grid


@dataclass(frozen=True, slots=True)
class PageBatch:
    """`pixels` (V, 3, S, S) in -1..1; `targets` (V, cells) class numbers; `cells` places them in the picture."""

    pixels: Tensor
    targets: Tensor
    cells: CellGrid


class PageEngine:
    """Composes batches on one device."""

    def __init__(self, text: PageText, alphabet: Alphabet, device: torch.device) -> None:
        self.text = text
        self.device = device
        self._codes = np.array([ord(character) for character in alphabet.characters], dtype=np.uint32)
        self._is_marker = torch.tensor([is_marker(int(code)) for code in self._codes], device=device)
        colours = torch.from_numpy(palette(TRANSCRIPT_STYLES)).to(device).float()
        self._colours = ((colours / 255.0 - 0.5) / 0.5).T.contiguous()  # (3, 256)
        self._space = int(alphabet.index[0x20])
        self._atlases: dict[tuple[str, int, int], tuple[Tensor, Tensor]] = {}

    def batch(self, portion: Portion, rng: np.random.Generator) -> PageBatch:
        """One portion, decided by `rng` alone."""
        columns, rows = portion.grid
        side = portion.mode.side
        per_page = (side // TOKEN // portion.crop) ** 2 if portion.crop else 1
        pages = -(-portion.views // per_page)
        classes = np.stack(
            [self.text.draw(columns * rows, rng, portion.random_share, portion.scripts_share) for _ in range(pages)]
        )
        faces = self._draw_faces(portion, rng)
        pixels, targets = self._typeset(classes.astype(np.int64), portion.grid, side, rng, faces, portion.variation)
        batch = self._whole(pixels, targets) if portion.crop is None else self._cut(pixels, targets, portion, rng)
        return batch if portion.wear is None else replace(batch, pixels=portion.wear.apply(batch.pixels, rng))

    def compose(
        self, classes: NDArray[np.int64], grid: tuple[int, int], side: int, rng: np.random.Generator
    ) -> PageBatch:
        """(P, cells) class numbers on pages of `grid` columns x rows in the memory's face, drawn at `side`."""
        return self._whole(*self._typeset(classes, grid, side, rng))

    @staticmethod
    def _draw_faces(portion: Portion, rng: np.random.Generator) -> tuple[str, ...]:
        if len(portion.faces) == 1:
            return portion.faces
        return tuple(portion.faces[index] for index in rng.integers(len(portion.faces), size=portion.faces_per_batch))

    def _typeset(
        self,
        classes: NDArray[np.int64],
        grid: tuple[int, int],
        side: int,
        rng: np.random.Generator,
        faces: tuple[str, ...] = ("fixed",),
        variation: Variation | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Pages (P, S, S) as numbers of colours, and the characters (P, rows, columns) that they show: a space for what a face
        cannot draw."""
        columns, rows = grid
        sheets = [self._atlas(face, side // columns, side // rows) for face in faces]
        targets = torch.from_numpy(classes).to(self.device).view(-1, rows, columns)
        lines = torch.zeros(len(targets), rows, 1, dtype=torch.long, device=self.device)
        if len(faces) > 1:
            lines = torch.from_numpy(rng.integers(len(faces), size=lines.shape)).to(self.device)
        drawable = torch.stack([is_drawable for _, is_drawable in sheets])
        targets = torch.where(drawable[lines, targets], targets, self._space)
        glyphs = torch.stack([levels if variation is None else variation.apply(levels, rng) for levels, _ in sheets])
        styles = self._styles(len(targets), columns * rows, rng)
        return self._compose(targets, styles, glyphs[lines, targets], side), targets

    def _styles(self, pages: int, cells: int, rng: np.random.Generator) -> Tensor:
        """(pages, cells): runs of one style, as turns and code blocks leave them; half of the pages are plain."""
        styles = np.zeros((pages, cells), dtype=np.int64)
        for page in styles:
            if rng.random() < 0.5:
                cuts = np.sort(rng.integers(0, cells, int(rng.integers(1, 24))))
                for run in np.split(page, cuts):
                    run[:] = rng.integers(0, MARK_STYLE)
        return torch.from_numpy(styles).to(self.device)

    def _atlas(self, name: str, width: int, height: int) -> tuple[Tensor, Tensor]:
        """Glyphs (classes, height, width), and which of them are the face's own and unlike every earlier one."""
        if (name, width, height) not in self._atlases:
            atlas = glyph_atlas(find_face(name), width, height)
            slots = atlas.slots(self._codes)  # fills the atlas
            self._atlases[name, width, height] = (
                torch.from_numpy(atlas.levels[slots]).to(self.device),
                torch.from_numpy(atlas.tells_apart(self._codes)).to(self.device),
            )
        return self._atlases[name, width, height]

    def _compose(self, targets: Tensor, styles: Tensor, glyphs: Tensor, side: int) -> Tensor:
        """Classes (P, rows, columns) and their `glyphs` (P, rows, columns, height, width) -> pages (P, S, S)."""
        pages, rows, columns, height, width = glyphs.shape
        styles = torch.where(self._is_marker[targets], MARK_STYLE, styles.view_as(targets))
        cells = glyphs + (styles * NUM_LEVELS).to(torch.uint8)[..., None, None]
        picture = torch.zeros(pages, side, side, dtype=torch.uint8, device=self.device)
        picture[:, : rows * height, : columns * width] = cells.transpose(2, 3).reshape(
            pages, rows * height, columns * width
        )
        return picture

    def _whole(self, pixels: Tensor, targets: Tensor) -> PageBatch:
        rows, columns = targets.shape[1:]
        side = pixels.shape[-1]
        cells = CellGrid(columns, rows, side // columns, side // rows)
        return PageBatch(self._colours[:, pixels.long()].transpose(0, 1), targets.flatten(1), cells)

    def _cut(self, pixels: Tensor, targets: Tensor, portion: Portion, rng: np.random.Generator) -> PageBatch:
        """Cuts at one random place per batch and every multiple of the cut beside it; cells cut through are left out."""
        assert portion.crop is not None
        side, cut = portion.mode.side, portion.crop * TOKEN
        width, height = side // portion.grid[0], side // portion.grid[1]
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
