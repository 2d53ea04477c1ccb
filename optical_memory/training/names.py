"""What facts are about: owners, things and values. Known names, the words of a corpus, and names that nobody has met."""

import re

import numpy as np

from optical_memory.training.page_text import PageText
from optical_memory.training.values import Values, spoken

_THINGS = (
    "port code key token pin password number name color date time price version branch host user city room seat gate file "
    "path flag limit quota model plan owner tag id address phone level status size rate budget total score word"
).split()
_OWNERS = (
    "server database router printer garage office kitchen garden alice bob carol dave erin frank grace heidi ivan judy api "
    "proxy cache queue worker backup staging production billing search login mail calendar archive camera door safe locker "
    "train hotel ticket invoice project report meeting release deploy cluster node"
).split()
_KINDS = "main backup old new secret special public private first second daily spare".split()
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"[^\W\d_]+")
_JOINTS = re.compile(r"([-_ ])")
_STRETCH = 64
"""Characters of the corpus among which a word is looked for: the longest of so many is seldom an article or a pronoun."""


class Names:
    """Draws names from the words of `text` and from what is known here. Decided by the generator each call is given."""

    def __init__(self, text: PageText) -> None:
        self._text = text
        self._values = Values(self._word)

    def owner(self, rng: np.random.Generator) -> str:
        """Known names, words of the corpus, two of them in one, or names that nobody has met."""
        kind = rng.random()
        if kind < 0.15:
            return str(rng.choice(_OWNERS))
        if kind < 0.3:
            return "- "[int(rng.integers(2))].join(rng.choice(_OWNERS, 2))
        if kind < 0.5:
            return f"{self._word(rng)}-{self._word(rng)}"
        if kind < 0.65:
            owner = f"{self._word(rng)} {rng.choice(_OWNERS) if rng.random() < 0.5 else self._word(rng)}"
            return f"{rng.choice(('my', 'our'))} {owner}" if rng.random() < 0.2 else owner
        if kind < 0.9:
            return f"{spoken(rng)}{'-- _'[int(rng.integers(4))]}{spoken(rng)}"
        return spoken(rng).capitalize()

    def thing(self, rng: np.random.Generator) -> str:
        """What an owner has, of some kind or two, or of none."""
        thing = str(rng.choice(_THINGS)) if rng.random() < 0.8 else self._word(rng)
        for _ in range(int(rng.integers(0, 3))):
            thing = f"{rng.choice(_KINDS) if rng.random() < 0.5 else self._word(rng)} {thing}"
        return thing

    def value(self, rng: np.random.Generator) -> str:
        return self._values.draw(rng)

    def near(self, name: str, rng: np.random.Generator) -> str:
        """A name that is easily taken for `name`: half of it is another, or one letter."""
        parts = _JOINTS.split(name)  # joints stand at the odd places
        if len(parts) > 1 and rng.random() < 0.7:
            place = 2 * int(rng.integers((len(parts) + 1) // 2))
            parts[place] = self._word(rng) if rng.random() < 0.5 else spoken(rng)
            return "".join(parts)
        place = int(rng.integers(len(name)))
        return name[:place] + str(rng.choice(list(_LETTERS))) + name[place + 1 :]

    def _word(self, rng: np.random.Generator) -> str:
        words = _WORD.findall(self._text.text_of(_STRETCH, rng))
        inner = max(words[1:-1], key=len, default="").lower()  # the first and the last may be cut
        return inner if 3 <= len(inner) <= 12 and inner.isascii() else spoken(rng)


def key(rng: np.random.Generator) -> str:
    """One to five letters."""
    return "".join(rng.choice(list(_LETTERS), int(rng.integers(1, 6))))
