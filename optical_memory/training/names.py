"""What facts are about: owners, things and values. Known names, the words of a corpus, and names that nobody has met."""

import re
import uuid

import numpy as np

from optical_memory.training.page_text import PageText

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
_VOWELS = "aeiou"
_WORD = re.compile(r"[^\W\d_]+")
_STRETCH = 64
"""Characters of the corpus among which a word is looked for: the longest of so many is seldom an article or a pronoun."""


class Names:
    """Draws names from the words of `text` and from what is known here. Decided by the generator each call is given."""

    def __init__(self, text: PageText) -> None:
        self._text = text

    def owner(self, rng: np.random.Generator) -> str:
        """Known names, words of the corpus, two of them in one, or names that nobody has met."""
        kind = rng.random()
        if kind < 0.15:
            return str(rng.choice(_OWNERS))
        if kind < 0.3:
            return "-".join(rng.choice(_OWNERS, 2))
        if kind < 0.65:
            return f"{self._word(rng)}-{self._word(rng)}"
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
        """A word, a number, or an identifier."""
        kind = rng.random()
        if kind < 0.12:
            return self._word(rng) if rng.random() < 0.5 else spoken(rng)
        if kind < 0.3:
            return f"{self._word(rng)}-{self._word(rng)}"
        if kind < 0.42:
            return f"{spoken(rng)}-{spoken(rng)}"
        if kind < 0.75:
            return str(rng.integers(10 ** int(rng.integers(1, 9))))
        if kind < 0.85:
            return uuid.UUID(bytes=rng.bytes(16), version=4).hex[: int(rng.integers(6, 33))]
        if kind < 0.92:
            return f"/{spoken(rng)}/{spoken(rng)}.{''.join(rng.choice(list(_LETTERS), 3))}"
        return f"{''.join(rng.choice(list(_LETTERS), 4))}-{rng.integers(1000)}"

    def near(self, name: str, rng: np.random.Generator) -> str:
        """A name that is easily taken for `name`: half of it is another, or one letter."""
        parts = name.split("-")
        if len(parts) > 1 and rng.random() < 0.7:
            parts[int(rng.integers(len(parts)))] = self._word(rng) if rng.random() < 0.5 else spoken(rng)
            return "-".join(parts)
        place = int(rng.integers(len(name)))
        return name[:place] + str(rng.choice(list(_LETTERS))) + name[place + 1 :]

    def _word(self, rng: np.random.Generator) -> str:
        words = _WORD.findall(self._text.text_of(_STRETCH, rng))
        inner = max(words[1:-1], key=len, default="").lower()  # the first and the last may be cut
        return inner if 3 <= len(inner) <= 12 and inner.isascii() else spoken(rng)


def spoken(rng: np.random.Generator) -> str:
    """A word that can be spoken."""
    return "".join(
        str(rng.choice(list(_VOWELS if place % 2 else _LETTERS))) for place in range(int(rng.integers(3, 9)))
    )


def key(rng: np.random.Generator) -> str:
    """One to five letters."""
    return "".join(rng.choice(list(_LETTERS), int(rng.integers(1, 6))))
