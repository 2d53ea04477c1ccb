"""A model that answers in microseconds: its visual tokens are the page's characters, some of them spoilt on request."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from optical_memory.config import ALPHABET, DecoderConfig
from optical_memory.encoded import EncodedPage, Reading
from optical_memory.errors import CheckpointError, SpliceError
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.modes import Mode
from renderers import FIXED, TRANSCRIPT_STYLES, Grid, Page, draw, palette

if TYPE_CHECKING:
    from optical_memory.model import Model

READABLE = frozenset(character for character in ALPHABET if not 0xE000 <= ord(character) <= 0xF8FF)
READABLE_CODES = np.array([ord(character) for character in READABLE], dtype=np.uint32)
CERTAIN, DOUBTFUL = 1.0, 0.25
"""Probabilities of a cell that is read right, and of a spoilt one."""
PAGE = Grid(64, 64)
WORDS = (
    "the of port memory server we chose because after testing latency error config value deploy rollback "
    "cache index query token page reader mode budget thread user build branch commit review merge"
).split()


@dataclass(frozen=True, slots=True)
class FakeConfig:
    """All that is asked of a model's configuration; `decoder` as published unless a test has it shorter."""

    name: str = "fake"
    decoder: DecoderConfig = field(default_factory=DecoderConfig)


class FakeModel:
    """`spoilt` gives the share of a page's characters, by the mode's name, that come back wrong; none by default.
    `readable` holds the modes that it reads; all by default.

    `calls` lists every call of `encode` as (mode's name, pages); `asked` every call of `answer` as (parts, question), and `quoted`
    what it had to quote.
    """

    def __init__(
        self,
        grid: Grid = PAGE,
        spoilt: Mapping[str, float] | None = None,
        fingerprint: str = "fake-encoder",
        max_positions: int = 8192,
        wide: str = "\0",
        readable: Collection[Mode] | None = None,
    ) -> None:
        self.readable = readable
        self.wide = wide
        self.grid = grid
        self.device = torch.device("cpu")
        self.fingerprint = fingerprint
        self.config = FakeConfig(decoder=DecoderConfig(max_positions=max_positions))
        self.colours = palette(TRANSCRIPT_STYLES)
        self.spoilt = dict(spoilt or {})
        self.calls: list[tuple[str, int]] = []
        self.asked: list[tuple[list[str | EncodedPage], str]] = []
        self.quoted: list[str | None] = []

    @property
    def num_encoded(self) -> int:
        return sum(pages for _, pages in self.calls)

    def encode(self, pages: Sequence[Page], mode: Mode) -> list[EncodedPage]:
        """Tokens (2, cells) int32: codes, and 1 where the cell is spoilt."""
        self.calls.append((mode.name, len(pages)))
        tiles = (2, 2) if mode.tile_side else (0, 0)
        return [EncodedPage(self._tokens(page, mode), mode, self.fingerprint, tiles) for page in pages]

    def read(self, encoded: Sequence[EncodedPage], grid: Grid) -> list[Reading]:
        readings = []
        for page in encoded:
            if page.fingerprint != self.fingerprint:
                raise SpliceError(f"tokens of {page.fingerprint!r} given to {self.fingerprint!r}")
            codes, doubts = page.tokens.numpy()
            if codes.size != grid.num_cells:
                raise ValueError(f"tokens of {codes.size} cells read on a grid of {grid.num_cells}")
            probabilities = np.where(doubts == 1, DOUBTFUL, CERTAIN).astype(np.float32)
            readings.append(Reading(codes.astype(np.uint32), probabilities))
        return readings

    def misread(self, page: EncodedPage, text: str) -> NDArray[np.int32]:
        raise CheckpointError(f"a fake has no decoder to read {text[:8]!r} at {page.mode}")

    def unreadable(self, text: str) -> str:
        return "".join(dict.fromkeys(character for character in text if character not in READABLE))

    def undrawn(self, text: str, side: int) -> str:
        assert side > 0
        return self.unreadable(text)

    def reads(self, mode: Mode) -> bool:
        return self.readable is None or mode in self.readable

    decoder_reads_pages = True

    @property
    def decoder_config(self) -> DecoderConfig:
        return self.config.decoder

    def positions(self, piece: str | EncodedPage) -> int:
        """`wide` characters take three positions, as rare ones do in a vocabulary of bytes."""
        return len(piece) + 2 * piece.count(self.wide) if isinstance(piece, str) else piece.sequence_length

    def positions_asked(self, question: str) -> int:
        return 3 + self.positions(question)

    def picture(self, page: Page, side: int) -> NDArray[np.uint8]:
        return draw(page, side, FIXED)

    def answer(
        self,
        parts: list[str | EncodedPage],
        question: str,
        max_new_tokens: int = 128,
        prefix: object = None,
        quoting: str | None = None,
    ) -> str:
        assert prefix is not None
        self.quoted.append(quoting)
        self.asked.append((parts, question))
        return f"{len(parts)} parts, at most {max_new_tokens} tokens"

    def _tokens(self, page: Page, mode: Mode) -> torch.Tensor:
        tokens = np.zeros((2, page.grid.num_cells), dtype=np.int32)
        tokens[0] = np.where(np.isin(page.codes, READABLE_CODES) | ~page.source_cells, page.codes, ord("?"))
        cells = np.flatnonzero(page.source_cells)
        order = np.random.default_rng(int(page.digest, 16)).permutation(cells)
        wrong = order[: round(self.spoilt.get(mode.name, 0.0) * len(cells))]
        tokens[0, wrong] = np.where(tokens[0, wrong] == ord("?"), ord("!"), ord("?"))
        tokens[1, wrong] = 1
        return torch.from_numpy(tokens)


def memory_of(model: FakeModel, **options: Any) -> OpticalMemory:
    return OpticalMemory(cast("Model", model), **options)


def prose(num_characters: int, seed: int) -> str:
    """English-like text of that length: about four characters a token, different for every seed."""
    draw_word = random.Random(seed)
    text = f"{seed}:"
    while len(text) < num_characters:
        text += " " + draw_word.choice(WORDS)
    return text[:num_characters]


def conversation(num_turns: int, num_characters: int = 1000) -> list[dict[str, Any]]:
    """User and assistant in turn, each message different."""
    return [
        {"role": ("user", "assistant")[turn % 2], "content": prose(num_characters, turn)} for turn in range(num_turns)
    ]
