"""Text in other letters: words of a corpus with Greek, Cyrillic or accented letters for their own.

A corpus in Latin script teaches the letters of the others so, between spaces and stops as words have them, without a language.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optical_memory.training.alphabet import Alphabet

_SMALL, _CAPITAL = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BLOCKS = (range(0xC0, 0x180), range(0x370, 0x400), range(0x400, 0x530))
"""Unicode's Latin with diacritics, Greek, Cyrillic."""
_STRAY = 0.2
"""Share of letters that are any of the script, so that all of them occur on a page."""


@dataclass(frozen=True, slots=True)
class Script:
    """Class numbers of a script's letters."""

    small: NDArray[np.int32]
    capital: NDArray[np.int32]


def scripts_of(alphabet: Alphabet) -> list[Script]:
    """The scripts beside plain Latin of which the alphabet has small and capital letters."""
    scripts = []
    for block in _BLOCKS:
        letters = [letter for letter in map(chr, block) if alphabet.index[ord(letter)] >= 0]
        small = alphabet.encode("".join(filter(str.islower, letters)))
        capital = alphabet.encode("".join(filter(str.isupper, letters)))
        if len(small) and len(capital):
            scripts.append(Script(small, capital))
    return scripts


def rewrite(page: NDArray[np.int32], script: Script, alphabet: Alphabet, rng: np.random.Generator) -> NDArray[np.int32]:
    """(cells,) class numbers -> the same, most words in the script's letters: one for one, drawn anew for every page."""
    page = page.copy()
    words = np.cumsum(page == alphabet.index[0x20])
    chosen = (rng.random(len(page) + 1) < rng.uniform(0.3, 1.0))[words]
    for latin, letters in ((_SMALL, script.small), (_CAPITAL, script.capital)):
        classes = alphabet.encode(latin)
        table = np.arange(len(alphabet.characters), dtype=np.int32)
        table[classes] = rng.choice(letters, len(classes))
        places = np.flatnonzero(chosen & np.isin(page, classes))
        stray = rng.random(len(places)) < _STRAY
        page[places] = np.where(stray, rng.choice(letters, len(places)), table[page[places]])
    return page
