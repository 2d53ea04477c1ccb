"""Strangers: the few characters of a text that its reader was not taught, an emoji or a sign of another script.

They stand on the page as what the face has for them, mostly a dotted box, and what they are is told beside it: one of them does not
keep a whole turn off the pages.
"""

from collections.abc import Callable
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from renderers import Page
from renderers.fonts import TWINS, is_marker

MOST = 1 / 16
"""Of a turn's characters: an erratum takes about as many tokens as 16 characters do as text."""

JOINER = "\u200d"
"""Makes one emoji of two."""


def are_told(strange: str, text: str) -> bool:
    """Whether the characters `strange` of `text` are so few that it is drawn and they are told beside it. Not those that look like
    white space or a marker where they are drawn, nor halves of a surrogate pair."""
    most = MOST * len(text)
    if len(strange) > most or any(c in TWINS or is_marker(ord(c)) or "\ud800" <= c <= "\udfff" for c in strange):
        return False
    return sum(map(text.count, strange)) <= most


def strangers(
    unreadable: Callable[[str], str], page: Page, places: NDArray[np.int32] | None = None
) -> NDArray[np.int32]:
    """The places in a page's text of the characters that are `unreadable`, as the model names those of a text; rising, and only
    those among `places`, if given."""
    if places is None:
        places = np.arange(page.num_characters, dtype=np.int32)
    characters = [page.text[place] for place in places]
    strange = set(unreadable("".join(characters)))
    return places[[character in strange for character in characters]] if strange else places[:0]


def listed(text: str, strange: str) -> str:
    """The characters `strange` of a text in the order in which they stand there, with a space between those that others part. What
    nobody would see is named by its code: U+2028."""
    written = {c: f" U+{ord(c):04X} " if _is_unseen(c) else c for c in strange}
    return " ".join("".join(written.get(c, " ") for c in text).split())


def _is_unseen(character: str) -> bool:
    """White space, a control or a format character, but for the joiner."""
    kind = category(character)
    return kind[0] == "Z" or (kind in ("Cc", "Cf") and character != JOINER)
