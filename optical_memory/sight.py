"""A checkpoint's sight: its encoder and readout at work. It draws pages, encodes them and reads them."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from optical_memory.config import ModelConfig
from optical_memory.device import is_accelerator
from optical_memory.encoded import EncodedPage, Reading
from optical_memory.errors import CheckpointError, GridError, SpliceError
from optical_memory.modes import BASE, NATIVE_MODES, PATCH, Mode
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.pictures import open_picture
from optical_memory.vision.readout import CellGrid, Readout
from optical_memory.vision.views import to_pixels, views_of
from renderers import TRANSCRIPT_STYLES, Face, GlyphAtlas, Grid, Page, draw, glyph_atlas, palette, to_rgb
from renderers.fonts import TWINS, runs_left

TOKEN_DTYPE = torch.bfloat16
"""How visual tokens are kept: 2 bytes a number."""
BATCH_PIXELS = 4 * 1024 * 1024
"""Pixels encoded at once on a CPU; bounds memory and keeps a core's caches busy."""
ACCELERATOR_BATCH_PIXELS = 32 * 1024 * 1024
"""The same on an accelerator: 32 pages at Base."""


class Weights(Protocol):
    """What a model needs of its files: a `Checkpoint` of ours, or a `PublishedCheckpoint` of official layout."""

    path: Path
    config: ModelConfig
    notes: dict[str, str]

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def names(self) -> set[str]: ...

    @property
    def num_bytes(self) -> int: ...

    @property
    def face(self) -> Face: ...

    @property
    def tokenizer_file(self) -> Path: ...

    def fill(self, parts: Mapping[str, nn.Module], device: torch.device, dtype: torch.dtype | None = None) -> str: ...


class Sight:
    """Encoder and readout of a checkpoint, on a device.

    The encoder computes in `dtype`, the checkpoint's own by default; the readout, where there is one, in float32.
    """

    def __init__(self, checkpoint: Weights, device: torch.device, dtype: torch.dtype | None = None) -> None:
        self.checkpoint = checkpoint
        self.config: ModelConfig = checkpoint.config
        self.device = device
        self.dtype = dtype or checkpoint.dtype
        with torch.device("meta"):
            self.encoder = DeepEncoder(self.config.encoder)
            self.readout = Readout(self.config.readout, self.config.encoder.width) if self.config.readout else None
        self.fingerprint = checkpoint.fill({"encoder": self.encoder}, device, self.dtype)
        self.encoder.eval()
        if self.readout is not None:
            reader = checkpoint.fill({"readout": self.readout}, device, torch.float32)
            self.fingerprint = blake2b(f"{self.fingerprint}{reader}".encode(), digest_size=16).hexdigest()
            self.readout.eval()
        typography = self.config.typography
        self.grid = Grid(typography.columns, typography.rows, typography.break_lines)
        self.face = checkpoint.face
        self.colours = palette(TRANSCRIPT_STYLES)

    def on_grid(self, grid: Grid) -> Self:
        """The same weights; pages are laid out on another grid. Raises GridError for one that the readout was not trained on."""
        known = self.config.typography.grids
        if self.readout is not None and (grid.columns, grid.rows) not in known:
            raise GridError(
                f"{self.config.name!r} does not read pages of {grid.columns} x {grid.rows} cells; it reads "
                + ", ".join(f"{columns} x {rows}" for columns, rows in known)
            )
        other = copy(self)
        other.grid = grid
        other.__dict__.pop("_alphabet", None)  # what a face tells apart depends on the cells
        return other

    def grids_in_step(self, mode: Mode) -> list[Grid]:
        """The grids that the readout was trained on whose cells keep step with a mode's patches, sparsest first: at Small 80 x 80
        is read better than 64 x 64."""
        if self.readout is None:
            return []
        grids = [Grid(columns, rows, self.grid.break_lines) for columns, rows in self.config.typography.grids]
        return [grid for grid in grids if grid.divides(mode.side, PATCH)]

    def in_step(self, mode: Mode) -> Self:
        """The same weights on the sparsest grid whose cells keep step with a mode's patches; on their own where there is none."""
        return self.on_grid(next(iter(self.grids_in_step(mode)), self.grid))

    @torch.inference_mode()
    def encode(self, pages: Sequence[Page], mode: Mode) -> list[EncodedPage]:
        """Draws pages for a mode and encodes them, in batches of one size."""
        if mode.tile_side is not None:
            return self.encode_pictures([self._tiled_picture(page, mode.tile_side) for page in pages], mode)
        encoded: list[EncodedPage] = []
        size = self._batch_size(mode.side)
        for first in range(0, len(pages), size):
            pixels = torch.stack([self._pixels(page, mode.side) for page in pages[first : first + size]])
            tokens = self._encode_views(pixels)
            encoded += [EncodedPage(page_tokens.clone(), mode, self.fingerprint) for page_tokens in tokens]
        return encoded

    @torch.inference_mode()
    def encode_pictures(
        self, pictures: Sequence[Image.Image], mode: Mode, tiles: tuple[int, int] | None = None
    ) -> list[EncodedPage]:
        """Any pictures, in any mode: whole views together, cuts together.

        `tiles`: (columns, rows) of every picture's cuts; those that fit each best if not given. Raises PictureError for a
        picture that cannot be used, ValueError for tiles that the mode does not have.
        """
        views = [views_of(picture, mode, tiles) for picture in pictures]
        if not views:
            return []
        wholes = self._encode_views(torch.stack([view.whole for view in views]))
        cuts = iter(self._encode_views(torch.cat([view.cuts for view in views])))
        encoded = []
        for view, whole in zip(views, wholes, strict=True):
            tokens = torch.cat([whole, *(next(cuts) for _ in view.cuts)])
            encoded.append(EncodedPage(tokens, mode, self.fingerprint, view.tiles))
        return encoded

    def encode_picture(
        self, picture: Path | bytes | Image.Image, mode: Mode, tiles: tuple[int, int] | None = None
    ) -> EncodedPage:
        """One picture: a file, its bytes, or Pillow's. See `encode_pictures`."""
        return self.encode_pictures([open_picture(picture)], mode, tiles)[0]

    def _encode_views(self, pixels: Tensor) -> Tensor:
        """(V, 3, S, S) -> (V, N, D), as they are kept, on the model's device."""
        if not len(pixels):
            return pixels.new_empty(0, 0, self.config.encoder.width, dtype=TOKEN_DTYPE)
        size = self._batch_size(pixels.shape[-1])
        batches = [self.encoder(part.to(self.device, self.dtype)).to(TOKEN_DTYPE) for part in pixels.split(size)]
        return torch.cat(batches)

    def _batch_size(self, side: int) -> int:
        pixels = ACCELERATOR_BATCH_PIXELS if is_accelerator(self.device) else BATCH_PIXELS
        return max(1, pixels // side**2)

    @torch.inference_mode()
    def read(self, encoded: Sequence[EncodedPage], grid: Grid) -> list[Reading]:
        """What the readout sees on pages of one grid.

        Raises CheckpointError if the model has no readout, GridError for a mode whose side the grid's cells do not divide.
        """
        if self.readout is None or self.config.readout is None:
            raise CheckpointError(
                f"model {self.config.name!r} has no readout: it cannot read a page's cells; let its decoder read, "
                "`model.answer([page], FREE_OCR)` with the prompts of optical_memory.language.prompts"
            )
        alphabet = np.array([ord(character) for character in self.config.readout.alphabet], dtype=np.uint32)
        readings = []
        for page in encoded:
            self._check(page)
            side = page.mode.side
            self._check_fills(grid, page.mode)
            cells = CellGrid(grid.columns, grid.rows, side // grid.columns, side // grid.rows)
            whole = page.tokens[: page.mode.grid**2].to(self.device, torch.float32)
            best = self.readout(whole[None], cells)[0].softmax(-1).max(-1)
            codes = alphabet[best.indices.cpu().numpy()]
            readings.append(Reading(codes, best.values.cpu().numpy()))
        return readings

    def unreadable(self, text: str) -> str:
        """The characters of `text` that this model was not trained to read, or that its face does not tell apart at Base, each
        once, in order; where it has no readout, those that its face cannot draw."""
        if self.config.readout is None:
            draws = self._atlas_at(BASE.side).draws
            return "".join(
                c for c in dict.fromkeys(text) if c in TWINS or "\ue000" <= c <= "\uf8ff" or not draws(ord(c))
            )
        return "".join(dict.fromkeys(character for character in text if character not in self._alphabet))

    def undrawn(self, text: str, side: int) -> str:
        """The characters of `text` that pages drawn at `side` do not show as they are, each once: a box, a blank, or a letter or
        sign with ticks stands for them, or their script runs from right to left, which no page does."""
        atlas = self._atlas_at(side)
        return "".join(
            character for character in dict.fromkeys(text) if runs_left(character) or not atlas.shows(ord(character))
        )

    def reads(self, mode: Mode) -> bool:
        """Whether pages of this model's grid can be read in a mode: by a readout, where whole cells fill an uncut page and the
        typography names no others as those that it was taught."""
        if self.readout is None:
            return True
        taught = self.config.typography.reads
        named = not taught or (mode.name, self.grid.columns, self.grid.rows) in taught
        return named and mode.tile_side is None and self.grid.fills(mode.side)

    def picture(self, page: Page, side: int) -> np.ndarray:
        """(side, side) pixel values of a page in this model's typography."""
        return draw(page, side, self.face)

    def _atlas_at(self, side: int) -> GlyphAtlas:
        return glyph_atlas(self.face, side // self.grid.columns, side // self.grid.rows)

    @cached_property
    def _alphabet(self) -> frozenset[str]:
        assert self.config.readout is not None
        characters = [c for c in self.config.readout.alphabet if not 0xE000 <= ord(c) <= 0xF8FF]
        told = self._atlas_at(BASE.side).tells_apart(np.array([ord(c) for c in characters], dtype=np.uint32))
        return frozenset(c for c, is_told in zip(characters, told.tolist(), strict=True) if is_told)

    def _pixels(self, page: Page, side: int) -> Tensor:
        return to_pixels(to_rgb(self.picture(page, side), self.colours))

    def _tiled_picture(self, page: Page, tile_side: int) -> Image.Image:
        """A page drawn to fill 2 x 2 cuts."""
        return Image.fromarray(to_rgb(self.picture(page, 2 * tile_side), self.colours))

    @staticmethod
    def _check_fills(grid: Grid, mode: Mode) -> None:
        if not grid.fills(mode.side):
            fitting = ", ".join(str(mode) for mode in NATIVE_MODES if grid.fills(mode.side))
            raise GridError(
                f"{grid.columns} x {grid.rows} cells do not fill a page at {mode}: take modes that they fill "
                f"({fitting or 'there are none'}), or another grid"
            )

    def _check(self, page: EncodedPage) -> None:
        if page.fingerprint != self.fingerprint:
            raise SpliceError(
                f"these visual tokens were made by encoder {page.fingerprint[:8]}, this model is {self.fingerprint[:8]}: "
                "encode the page again"
            )
