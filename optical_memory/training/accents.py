"""Accents where languages have them: on some of a page's letters, in a few forms of each, between letters without any.

Where all letters of a word carry accents, as `scripts.rewrite` sets them, a reader learns that they come together, and takes the
one í of a Czech word for an i.
"""

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optical_memory.training.alphabet import Alphabet


@dataclass(frozen=True, slots=True)
class Accented:
    """The class numbers of a plain letter's accented forms, and how often each is drawn, as a share."""

    classes: NDArray[np.int32]
    shares: NDArray[np.float64]


Forms = dict[int, Accented]
"""By the class number of a plain letter."""
_MOST_FORMS = 3
"""Of one letter in a language."""
_MOST_ACCENTED = 0.9
"""Of a letter's occurrences: í is nearly as frequent as i in Czech, and of some letters a language has hardly any plain ones."""
_FREQUENCY = ((0x100, 6.0), (0x180, 3.0), (0x110000, 1.0))
"""How often a form is drawn, by the block of Unicode that ends there: á, of many languages, oftener than ă."""


def forms_of(alphabet: Alphabet) -> Forms:
    """The accented forms that the alphabet has of each plain letter: ț of t, ø of o."""
    forms: dict[int, list[int]] = {}
    for index, character in enumerate(alphabet.characters):
        plain = _plain(character)
        if plain and alphabet.index[ord(plain)] >= 0:
            forms.setdefault(int(alphabet.index[ord(plain)]), []).append(index)
    return {plain: _weighted(classes, alphabet) for plain, classes in forms.items()}


def _weighted(classes: list[int], alphabet: Alphabet) -> Accented:
    codes = [ord(alphabet.characters[index]) for index in classes]
    weights = np.array([next(weight for end, weight in _FREQUENCY if code < end) for code in codes])
    return Accented(np.array(classes, dtype=np.int32), weights / weights.sum())


def accented(page: NDArray[np.int32], forms: Forms, rng: np.random.Generator) -> NDArray[np.int32]:
    """(cells,) class numbers -> the same with accents; which forms and how many is drawn anew for every page and letter."""
    marked = page.copy()
    for plain, letters in forms.items():
        count = min(len(letters.classes), int(rng.integers(1, _MOST_FORMS + 1)))
        own = rng.choice(letters.classes, count, replace=False, p=letters.shares)
        places = np.flatnonzero(page == plain)
        places = places[rng.random(len(places)) < _MOST_ACCENTED * rng.random()]
        marked[places] = rng.choice(own, len(places))
    return marked


def _plain(character: str) -> str | None:
    """The letter that a Latin letter with something, without its dot, or turned over, is by its name in Unicode."""
    script, *words = unicodedata.name(character, "").split(" ")
    match words:
        case [case, "LETTER", letter, "WITH", *_] if script == "LATIN" and len(letter) == 1:
            return letter.lower() if case == "SMALL" else letter
        case ["SMALL", "LETTER", "DOTLESS", letter] if script == "LATIN":
            return letter.lower()
        case [case, "LETTER", "SCHWA"] if script == "LATIN":
            return "e" if case == "SMALL" else "E"  # as Azerbaijani has it, often and beside e
    return None
