"""Accents where languages have them: on some of a page's letters, in a few forms of each, between letters without any.

Where all letters of a word carry accents, as `scripts.rewrite` sets them, a reader learns that they come together, and takes the
one í of a Czech word for an i.
"""

import unicodedata

import numpy as np
from numpy.typing import NDArray

from optical_memory.training.alphabet import Alphabet

Forms = dict[int, NDArray[np.int32]]
"""By the class number of a plain letter, those of its accented forms."""
_MOST_FORMS = 3
"""Of one letter in a language."""
_MOST_ACCENTED = 0.6
"""Of a letter's occurrences: í is nearly as frequent as i in Czech."""


def forms_of(alphabet: Alphabet) -> Forms:
    """The accented forms that the alphabet has of each plain letter: ț of t, ø of o."""
    forms: dict[int, list[int]] = {}
    for index, character in enumerate(alphabet.characters):
        plain = _plain(character)
        if plain and alphabet.index[ord(plain)] >= 0:
            forms.setdefault(int(alphabet.index[ord(plain)]), []).append(index)
    return {plain: np.array(accented, dtype=np.int32) for plain, accented in forms.items()}


def accented(page: NDArray[np.int32], forms: Forms, rng: np.random.Generator) -> NDArray[np.int32]:
    """(cells,) class numbers -> the same with accents; which forms and how many is drawn anew for every page and letter."""
    marked = page.copy()
    for plain, letters in forms.items():
        own = rng.choice(letters, min(len(letters), int(rng.integers(1, _MOST_FORMS + 1))), replace=False)
        places = np.flatnonzero(page == plain)
        places = places[rng.random(len(places)) < _MOST_ACCENTED * rng.random() ** 2]
        marked[places] = rng.choice(own, len(places))
    return marked


def _plain(character: str) -> str | None:
    """The letter that a Latin letter with something is, by its name in Unicode."""
    script, *words = unicodedata.name(character, "").split(" ")
    match words:
        case [case, "LETTER", letter, "WITH", *_] if script == "LATIN" and len(letter) == 1:
            return letter.lower() if case == "SMALL" else letter
    return None
