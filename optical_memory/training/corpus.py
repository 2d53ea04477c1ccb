"""Text to train on: any folder of UTF-8 files, and random strings that no language model can guess."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optical_memory.errors import InvalidHistoryError
from renderers.fonts import MARKER_BASE

MIN_READABLE = 0.97
"""A file takes part if at least this share of its characters is in the alphabet; the rest is left out."""
HELD_OUT = 0.02
"""The last part of every file is never trained on; it is what the progress bar's accuracy is measured on."""
_SKIPPED = {"SOURCE.txt"}

HEX = "0123456789abcdef"
_RANDOM_KINDS = (
    "0123456789",
    HEX,
    HEX + "-",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
    "abcdefghijklmnopqrstuvwxyz0123456789_-./",
    "‘’“”–—…•'\"`-.,:;!?()[]abcdefghijklmnopqrstuvwxyz",
    "".join(map(chr, range(0xC0, 0x180))),
    "".join(map(chr, range(0x370, 0x400))),
    "".join(map(chr, range(0x400, 0x460))),
)
_PRINTED = {"'": "’’’‘", '"': "“”", "-": "-–—", "*": "•*"}
"""What a printer sets for a typed character; corpora of typed text hold few of these."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Characters as class numbers; `index` (0x110000,) holds -1 for what is not in it."""

    characters: str
    index: NDArray[np.int32]

    @classmethod
    def of(cls, characters: str) -> "Alphabet":
        index = np.full(0x110000, -1, dtype=np.int32)
        index[[ord(character) for character in characters]] = np.arange(len(characters))
        return cls(characters, index)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Class numbers of the characters of `text` that are in the alphabet."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        classes = self.index[codes]
        return classes[classes >= 0]


class Corpus:
    """The readable text of a folder, as class numbers, split into a training and a held-out part.

    Raises InvalidHistoryError if the folder holds no readable text.
    """

    def __init__(self, folder: Path, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        texts, self.num_files = [], 0
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in _SKIPPED):
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            classes = alphabet.encode(text)
            if text and len(classes) >= MIN_READABLE * len(text):
                texts.append(classes)
                self.num_files += 1
        if not texts:
            raise InvalidHistoryError(
                f"{folder} holds no UTF-8 file of which {MIN_READABLE:.0%} are characters that the model reads"
            )
        cuts = [int(len(text) * (1 - HELD_OUT)) for text in texts]
        self.training = np.concatenate([text[:cut] for text, cut in zip(texts, cuts, strict=True)])
        self.held_out = np.concatenate([text[cut:] for text, cut in zip(texts, cuts, strict=True)])

    @property
    def digest(self) -> str:
        return hashlib.blake2b(self.training.tobytes(), digest_size=8).hexdigest()


class PageText:
    """Draws the characters of pages: windows of a corpus, random strings (`random_share`), or both on one (`mixed_share`).

    `sparse_share` of them end early, most of these within the first rows; on `typeset_share` the quotes and hyphens of the corpus
    are those of a printed book.
    """

    def __init__(
        self,
        text: NDArray[np.int32],
        alphabet: Alphabet,
        random_share: float,
        mixed_share: float = 0.3,
        sparse_share: float = 0.2,
        typeset_share: float = 0.25,
    ) -> None:
        self.text = text
        self.alphabet = alphabet
        self.random_share = random_share
        self.mixed_share = mixed_share
        self.sparse_share = sparse_share
        self.typeset_share = typeset_share
        printable = [c for c in alphabet.characters if not MARKER_BASE <= ord(c) < MARKER_BASE + 128]
        kinds = [alphabet.encode(kind) for kind in (*_RANDOM_KINDS, "".join(printable))]
        self._kinds = [kind for kind in kinds if len(kind) > 1]
        self._markers = alphabet.encode("".join(sorted(set(alphabet.characters) - set(printable))))
        self._space = int(alphabet.index[0x20])
        self._printed = {
            int(alphabet.index[ord(typed)]): printed
            for typed, characters in _PRINTED.items()
            if alphabet.index[ord(typed)] >= 0 and len(printed := alphabet.encode(characters))
        }

    def draw(self, num_cells: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """(num_cells,) class numbers of one page."""
        page = self._natural(num_cells, rng)
        if rng.random() < self.typeset_share:
            page = self._typeset(page, rng)
        kind = rng.random()
        if kind < self.random_share:
            page = self.random(num_cells, rng)
        elif kind < self.random_share + self.mixed_share:
            first, last = sorted(rng.integers(0, num_cells + 1, 2))
            page[first:last] = self.random(last - first, rng)
        if len(self._markers):
            places = rng.integers(0, num_cells, int(rng.integers(0, 1 + num_cells // 128)))
            page[places] = rng.choice(self._markers, len(places))
            if rng.random() < 0.5:
                page[0] = rng.choice(self._markers)  # as every page of a transcript begins
        if rng.random() < self.sparse_share:
            page[int(num_cells * rng.random() ** 3) :] = self._space
        return page

    def _natural(self, count: int, rng: np.random.Generator) -> NDArray[np.int32]:
        first = int(rng.integers(0, max(1, len(self.text) - count)))
        return np.resize(self.text[first : first + count], count)

    def _typeset(self, page: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
        page = page.copy()
        for typed, printed in self._printed.items():
            places = np.flatnonzero(page == typed)
            page[places] = rng.choice(printed, len(places))
        return page

    def text_of(self, count: int, rng: np.random.Generator) -> str:
        """`count` characters of the corpus."""
        return "".join(self.alphabet.characters[index] for index in self._natural(count, rng))

    def random(self, count: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """(count,) class numbers: words of 4 to 40 random characters of one kind each, with spaces between."""
        text = np.empty(count, dtype=np.int32)
        filled = 0
        while filled < count:
            kind = self._kinds[int(rng.integers(len(self._kinds)))]
            length = min(int(rng.integers(64, 512)), count - filled)
            run = rng.choice(kind, length)
            run[rng.random(length) < 1 / int(rng.integers(6, 40))] = self._space
            text[filled : filled + length] = run
            filled += length
        return text
