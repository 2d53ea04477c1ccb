"""Encoder, readout and decoder as one thing. The decoder is loaded when it is first needed: encoding and reading do without."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from optical_memory.checkpoint import BUNDLED, Checkpoint, fill, fingerprint_of
from optical_memory.config import DecoderConfig, ModelConfig
from optical_memory.device import choose_device
from optical_memory.encoded import EncodedPage, Reading
from optical_memory.errors import CheckpointError, SpliceError, UnreadableTextError
from optical_memory.language.prefix import Prefix
from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.modes import Mode
from optical_memory.splice import splice
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import CellGrid, Readout
from optical_memory.vision.views import to_pixels, views_of
from renderers import FACES, TRANSCRIPT_STYLES, Grid, Page, draw, palette, to_rgb

if TYPE_CHECKING:
    from optical_memory.language.decoder import Decoder

TOKEN_DTYPE = torch.bfloat16
"""How visual tokens are kept: 2 bytes a number."""
BATCH_PIXELS = 4 * 1024 * 1024
"""Pixels encoded at once; bounds memory and keeps a core's caches busy."""


class Model:
    """A checkpoint at work on a device.

    `encode` and `read` are what the memory needs; `splice` and `answer` need the decoder.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.checkpoint = checkpoint
        self.config: ModelConfig = checkpoint.config
        self.device = device
        tensors = checkpoint.load(["encoder.", "readout."])
        self.fingerprint = fingerprint_of(tensors)
        with torch.device("meta"):
            self.encoder = DeepEncoder(self.config.encoder)
            readout = Readout(self.config.readout, self.config.encoder.width) if self.config.readout else None
        fill(self.encoder, tensors, "encoder.", checkpoint.path)
        self.encoder.to(device).eval()
        self.readout = readout
        if readout is not None:
            fill(readout, tensors, "readout.", checkpoint.path)
            readout.to(device).eval()
        typography = self.config.typography
        self.grid = Grid(typography.columns, typography.rows, typography.break_lines)
        self.face = FACES[typography.face]
        self.colours = palette(TRANSCRIPT_STYLES)

    # Encoding and reading

    @torch.inference_mode()
    def encode(self, pages: Sequence[Page], mode: Mode) -> list[EncodedPage]:
        """Draws pages for a mode and encodes them, in batches of one size."""
        if mode.tile_side is not None:
            return [self.encode_picture(self._tiled_picture(page, mode.tile_side), mode) for page in pages]
        encoded: list[EncodedPage] = []
        size = max(1, BATCH_PIXELS // mode.side**2)
        for first in range(0, len(pages), size):
            pixels = torch.stack([self._pixels(page, mode.side) for page in pages[first : first + size]])
            tokens = self.encoder(pixels.to(self.device)).to(TOKEN_DTYPE)
            encoded += [EncodedPage(page_tokens.clone(), mode, self.fingerprint) for page_tokens in tokens]
        return encoded

    @torch.inference_mode()
    def encode_picture(self, picture: Image.Image, mode: Mode) -> EncodedPage:
        """Any RGB picture, in any mode."""
        views = views_of(picture, mode)
        tokens = [self.encoder(views.whole[None].to(self.device))[0]]
        if len(views.cuts):
            tokens.append(self.encoder(views.cuts.to(self.device)).flatten(0, 1))
        return EncodedPage(torch.cat(tokens).to(TOKEN_DTYPE), mode, self.fingerprint, views.tiles)

    @torch.inference_mode()
    def read(self, encoded: Sequence[EncodedPage], grid: Grid) -> list[Reading]:
        """What the readout sees on pages of one grid. Raises CheckpointError if the model has none."""
        if self.readout is None or self.config.readout is None:
            raise CheckpointError(f"model {self.config.name!r} has no readout; read with its decoder")
        alphabet = np.array([ord(character) for character in self.config.readout.alphabet], dtype=np.uint32)
        readings = []
        for page in encoded:
            self._check(page)
            side = page.mode.side
            cells = CellGrid(grid.columns, grid.rows, side // grid.columns, side // grid.rows)
            whole = page.tokens[: page.mode.grid**2].to(self.device, torch.float32)
            best = self.readout(whole[None], cells)[0].softmax(-1).max(-1)
            codes = alphabet[best.indices.cpu().numpy()]
            readings.append(Reading(codes, best.values.cpu().numpy()))
        return readings

    def unreadable(self, text: str) -> str:
        """The characters of `text` that this model was not trained to read, each once, in order."""
        if self.config.readout is None:
            return ""
        return "".join(dict.fromkeys(character for character in text if character not in self._alphabet))

    def picture(self, page: Page, side: int) -> np.ndarray:
        """(side, side) pixel values of a page in this model's typography."""
        return draw(page, side, self.face)

    @cached_property
    def _alphabet(self) -> frozenset[str]:
        assert self.config.readout is not None
        return frozenset(c for c in self.config.readout.alphabet if not 0xE000 <= ord(c) <= 0xF8FF)

    def _pixels(self, page: Page, side: int) -> Tensor:
        return to_pixels(to_rgb(self.picture(page, side), self.colours))

    def _tiled_picture(self, page: Page, tile_side: int) -> Image.Image:
        """A page drawn to fill 2 x 2 cuts."""
        return Image.fromarray(to_rgb(self.picture(page, 2 * tile_side), self.colours))

    def _check(self, page: EncodedPage) -> None:
        if page.fingerprint != self.fingerprint:
            raise SpliceError(
                f"these visual tokens were made by encoder {page.fingerprint[:8]}, this model is {self.fingerprint[:8]}: "
                "encode the page again"
            )

    # Splicing and answering

    @cached_property
    def tokenizer(self) -> CharacterTokenizer:
        if self.config.readout is None:
            raise CheckpointError(f"model {self.config.name!r} has no tokenizer of its own")
        return CharacterTokenizer(self.config.readout.alphabet)

    @property
    def decoder_config(self) -> DecoderConfig:
        """Raises CheckpointError if the model encodes and reads only."""
        if self.config.decoder is None:
            raise CheckpointError(f"model {self.config.name!r} has no decoder: it encodes and reads only")
        return self.config.decoder

    @cached_property
    def decoder(self) -> "Decoder":
        """Loaded on first use; imports transformers."""
        from optical_memory.language.decoder import build_decoder

        decoder = build_decoder(self.decoder_config)
        fill(decoder, self.checkpoint.load(["decoder."]), "decoder.", self.checkpoint.path)
        return decoder.to(self.device).eval()

    def page_rows(self, page: EncodedPage) -> Tensor:
        """(L, D) the rows of a page in the decoder's context: visual tokens, newlines, separator."""
        self._check(page)
        tokens = page.tokens.to(self.device, torch.float32)
        whole, cuts = tokens[: page.mode.grid**2], tokens[page.mode.grid**2 :]
        if page.mode.tile_side is None or not len(cuts):
            return self.encoder.sequence(whole)
        per_cut = (page.mode.tile_side // 64) ** 2
        return self.encoder.sequence(whole, cuts.unflatten(0, (-1, per_cut)), page.tiles)

    def tokens_of(self, parts: Sequence[str | EncodedPage]) -> list[int]:
        """Token ids of a context: characters of the text, a placeholder for every page row."""
        image_token = self.decoder_config.image_token
        tokens = [CharacterTokenizer.BOS]
        for part in parts:
            if isinstance(part, str):
                tokens += self.tokenizer.encode(part)
            else:
                tokens += [image_token] * part.sequence_length
        return tokens

    @torch.inference_mode()
    def splice(self, parts: Sequence[str | EncodedPage], tail: Sequence[int] = ()) -> Tensor:
        """(T, D) input embeddings of text and pages in order, and of the token ids `tail` after them."""
        tokens = [*self.tokens_of(parts), *tail]
        rows = [self.page_rows(part) for part in parts if isinstance(part, EncodedPage)]
        return splice(tokens, rows, self.decoder_config.image_token, self.decoder.model.embed_tokens)

    def answer(
        self,
        parts: Sequence[str | EncodedPage],
        question: str,
        max_new_tokens: int = 128,
        prefix: Prefix | None = None,
    ) -> str:
        """The decoder's answer to a question over a spliced context; rows that `prefix` holds from the last call cost nothing.

        Raises SpliceError if the context is too long for the decoder.
        """
        from optical_memory.language.generate import RepetitionGuard, generate

        strange = self.unreadable(question)
        if strange:
            raise UnreadableTextError(
                f"the question holds characters that {self.config.name!r} does not know: {strange!r}"
            )
        tail = [CharacterTokenizer.QUESTION, *self.tokenizer.encode(question), CharacterTokenizer.ANSWER]
        rows = self.splice(parts, tail)
        room = self.decoder_config.max_positions - max_new_tokens
        if len(rows) > room:
            raise SpliceError(f"the context takes {len(rows)} positions, the decoder has {room}: ask over fewer pages")
        return self.tokenizer.decode(generate(self.decoder, rows, max_new_tokens, RepetitionGuard(), prefix))


def load_model(name: str | Path = "default", device: str | None = None) -> Model:
    """The bundled model, or the checkpoint file of that path, on the device of that name (the best one by default)."""
    path = BUNDLED if name == "default" else Path(name)
    return Model(Checkpoint(path), choose_device(device))
