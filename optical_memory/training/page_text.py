"""The characters of pages to train on: natural text as printed, other scripts, and random strings that nobody can guess."""

import unicodedata

import numpy as np
from numpy.typing import NDArray

from optical_memory.config import SIGNS
from optical_memory.training.accents import accented, forms_of
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.scripts import rewrite, scripts_of
from renderers.fonts import is_marker

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
    "abcdefghijklmnopqrstuvwxyzāăãīĭūŭēĕōŏḍḥṃṇṛṣṭṅñś",
    "".join(map(chr, range(0x370, 0x400))),
    "".join(map(chr, range(0x400, 0x460))),
    SIGNS,
    *("\t\n…" + "".join(map(chr, range(0x21, 0x7F))),) * 4,
)
"""What random strings are made of, one kind at a time; four times as often as of any other, of all that is typed."""
_PRINTED = {"'": "’’’‘", '"': "“”", "-": "-–—\u2011", "*": "•*"}
"""What a printer sets for a typed character; corpora of typed text hold few of these."""
_ACCENTED = 0.4
"""Of pages in other letters, those that have accents here and there."""
_MOST_STRAYS = 0.06
"""Of a page's cells, at most."""


class PageText:
    """Draws the characters of pages: windows of a corpus, random strings (`random_share`), or both on one (`mixed_share`).

    `sparse_share` of them end early, most of these within the first rows; on `typeset_share` the quotes and hyphens of the corpus
    are those of a printed book; on `scripts_share` most of its words stand in Greek, Cyrillic or accented letters, or some of its
    letters have accents. On `strays_share` characters that the corpus hardly holds stand in its text, half of them signs: a readout
    that has seen none there takes a ligature for its first letter. Of the `newest` that the alphabet has there are as many more. On
    `returns_share` lines end in a return and a newline.
    """

    def __init__(
        self,
        text: NDArray[np.int32],
        alphabet: Alphabet,
        random_share: float,
        mixed_share: float = 0.3,
        sparse_share: float = 0.2,
        typeset_share: float = 0.25,
        scripts_share: float = 0.0,
        strays_share: float = 0.0,
        returns_share: float = 0.0,
        newest: str = "",
    ) -> None:
        self.text = text
        self.alphabet = alphabet
        self.random_share = random_share
        self.mixed_share = mixed_share
        self.sparse_share = sparse_share
        self.typeset_share = typeset_share
        self.scripts_share = scripts_share
        self.strays_share = strays_share
        self.returns_share = returns_share
        self._scripts = scripts_of(alphabet)
        self._forms = forms_of(alphabet)
        printable = [character for character in alphabet.characters if not is_marker(ord(character))]
        kinds = [alphabet.encode(kind) for kind in (*_RANDOM_KINDS, "".join(printable))]
        self._kinds = [kind for kind in kinds if len(kind) > 1]
        self._strays = alphabet.encode("".join(printable))
        self._newest = alphabet.encode(newest)
        self._signs = alphabet.encode("".join(filter(_is_sign, printable)))
        self._markers = alphabet.encode("".join(sorted(set(alphabet.characters) - set(printable))))
        self._space, self._newline, self._return = (int(alphabet.index[ord(c)]) for c in " \n\r")
        self._printed = {
            int(alphabet.index[ord(typed)]): printed
            for typed, characters in _PRINTED.items()
            if alphabet.index[ord(typed)] >= 0 and len(printed := alphabet.encode(characters))
        }

    def draw(
        self,
        num_cells: int,
        rng: np.random.Generator,
        random_share: float | None = None,
        scripts_share: float | None = None,
    ) -> NDArray[np.int32]:
        """(num_cells,) class numbers of one page; shares in place of its own, if given."""
        random_share = self.random_share if random_share is None else random_share
        scripts_share = self.scripts_share if scripts_share is None else scripts_share
        page = self._natural(num_cells, rng)
        if rng.random() < self.typeset_share:
            page = self._typeset(page, rng)
        if self.returns_share and rng.random() < self.returns_share:
            page = self._with_returns(page)
        if rng.random() < scripts_share:
            page = self._in_other_letters(page, rng)
        if self.strays_share and rng.random() < self.strays_share:
            page = self._with_strays(page, rng)
        kind = rng.random()
        if kind < random_share:
            page = self.random(num_cells, rng)
        elif kind < random_share + self.mixed_share:
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

    def _in_other_letters(self, page: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
        if rng.random() < _ACCENTED:
            return accented(page, self._forms, rng)
        script = self._scripts[int(rng.integers(len(self._scripts)))] if self._scripts else None
        return page if script is None else rewrite(page, script, self.alphabet, rng)

    def _typeset(self, page: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
        page = page.copy()
        for typed, printed in self._printed.items():
            places = np.flatnonzero(page == typed)
            page[places] = rng.choice(printed, len(places))
        return page

    def _with_returns(self, page: NDArray[np.int32]) -> NDArray[np.int32]:
        page = page.copy()
        page[np.flatnonzero(page[1:] == self._newline)] = self._return
        return page

    def _with_strays(self, page: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
        page = page.copy()
        places = np.flatnonzero(rng.random(len(page)) < rng.uniform(0, _MOST_STRAYS))
        signs, any_character = (rng.choice(classes, len(places)) for classes in (self._signs, self._strays))
        page[places] = np.where(rng.random(len(places)) < 0.5, signs, any_character)
        if len(self._newest):
            places = np.flatnonzero(rng.random(len(page)) < rng.uniform(0, _MOST_STRAYS))
            page[places] = rng.choice(self._newest, len(places))
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


def _is_sign(character: str) -> bool:
    """Whether it is neither typed nor a letter of a script: section signs, arrows, frames, ligatures."""
    return character > "~" and (not character.isalpha() or unicodedata.decomposition(character).startswith("<compat>"))
