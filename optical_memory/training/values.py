"""What facts say: a word or a number mostly, or what conversations hold: several words, amounts, versions, dates, addresses."""

import uuid
from collections.abc import Callable

import numpy as np

Draw = Callable[[np.random.Generator], str]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VOWELS = "aeiou"
_COUNTS = "two three four five six seven eight nine ten eleven twelve twenty thirty forty".split()
_UNITS = "ms s seconds minutes hours days MB GB TB KB km m cm kg g % percent euros dollars EUR USD requests users pages".split()
_SPANS = ("per second", "per minute", "per hour", "a day", "a week", "a month", "per user", "each")
_SIGNS = "$€£"
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_WHERES = ("in", "on", "under", "behind", "next to", "above", "between", "at")
_BRANCHES = "release feature fix hotfix main dev".split()
_ENDINGS = "com org net io dev internal local example".split()


class Values:
    """Draws values from the words that `word` gives and from what is known here. Decided by the generator each call is given."""

    def __init__(self, word: Draw) -> None:
        self._word = word
        self._kinds: tuple[tuple[float, Draw], ...] = (
            (0.07, self._single),
            (0.12, self._joined),
            (0.08, lambda rng: f"{spoken(rng)}-{spoken(rng)}"),
            (0.18, _number),
            (0.06, lambda rng: uuid.UUID(bytes=rng.bytes(16), version=4).hex[: int(rng.integers(6, 33))]),
            (0.04, lambda rng: f"/{spoken(rng)}/{spoken(rng)}.{_some(_LETTERS, 3, rng)}"),
            (0.15, self._several),
            (0.10, self._amount),
            (0.07, self._version),
            (0.06, _code),
            (0.06, _moment),
            (0.07, self._address),
            (0.07, self._identifier),
            (0.03, self._place),
        )

    def draw(self, rng: np.random.Generator) -> str:
        shares = np.cumsum([share for share, _ in self._kinds])
        return self._kinds[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))][1](rng)

    def _single(self, rng: np.random.Generator) -> str:
        return self._word(rng) if rng.random() < 0.5 else spoken(rng)

    def _joined(self, rng: np.random.Generator) -> str:
        return f"{self._word(rng)}-{self._word(rng)}"

    def _several(self, rng: np.random.Generator) -> str:
        """Two to four words, or a count of something, or a name."""
        words = [self._single(rng) for _ in range(int(rng.integers(2, 5)))]
        kind = rng.random()
        if kind < 0.25:
            return f"{rng.choice(_COUNTS)} {words[0]}"
        if kind < 0.5:
            return " ".join(word.capitalize() for word in words[:2])
        return " ".join(words)

    def _amount(self, rng: np.random.Generator) -> str:
        number = _number(rng)
        if rng.random() < 0.5:
            number = f"{rng.integers(1, 1000)}.{rng.integers(100)}" if rng.random() < 0.5 else f"{int(number):,}"
        kind = rng.random()
        if kind < 0.2:
            return f"{rng.choice(list(_SIGNS))}{number}"
        if kind < 0.5:
            return f"{number} {rng.choice(_SPANS)}"
        return f"{number} {rng.choice(_UNITS) if rng.random() < 0.7 else self._word(rng)}"

    def _identifier(self, rng: np.random.Generator) -> str:
        """max_retries_v2, MAX_RETRIES, maxRetries, ETIMEOUT."""
        words = [self._single(rng) for _ in range(int(rng.integers(1, 4)))]
        kind = rng.random()
        if kind < 0.4:
            return "_".join(words) + (f"_v{rng.integers(10)}" if rng.random() < 0.3 else "")
        if kind < 0.8:
            return "_".join(words).upper()
        return words[0] + "".join(map(str.capitalize, words[1:]))

    def _place(self, rng: np.random.Generator) -> str:
        """under the green bench, behind shelf 3."""
        what = f"the {self._word(rng)} {self._word(rng)}" if rng.random() < 0.7 else f"{self._word(rng)} {_number(rng)}"
        return f"{rng.choice(_WHERES)} {what}"

    def _version(self, rng: np.random.Generator) -> str:
        """2.9.1, v1.4.0-rc2, release/2.9.1, feature/login-page."""
        version = ".".join(str(rng.integers(20)) for _ in range(int(rng.integers(2, 5))))
        kind = rng.random()
        if kind < 0.25:
            return version
        if kind < 0.5:
            return f"v{version}" if rng.random() < 0.5 else f"{version}-rc{rng.integers(1, 9)}"
        return f"{rng.choice(_BRANCHES)}/{version if rng.random() < 0.5 else self._joined(rng)}"

    def _address(self, rng: np.random.Generator) -> str:
        """A host, with a port perhaps; four numbers; mail; the web."""
        host = f"{self._single(rng)}{'-.'[int(rng.integers(2))]}{self._single(rng)}.{rng.choice(_ENDINGS)}"
        kind = rng.random()
        if kind < 0.3:
            return f"{host}:{rng.integers(1, 65536)}" if rng.random() < 0.3 else host
        if kind < 0.5:
            return ".".join(str(rng.integers(256)) for _ in range(4))
        if kind < 0.75:
            return f"{spoken(rng)}@{host}"
        return f"https://{host}/{spoken(rng)}"


def spoken(rng: np.random.Generator) -> str:
    """A word that can be spoken."""
    return "".join(
        str(rng.choice(list(_VOWELS if place % 2 else _LETTERS))) for place in range(int(rng.integers(3, 9)))
    )


def _number(rng: np.random.Generator) -> str:
    return str(rng.integers(10 ** int(rng.integers(1, 9))))


def _some(characters: str, count: int, rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(characters), count))


def _code(rng: np.random.Generator) -> str:
    """B-214, XK-42-QT, 4F, abcd-71."""
    kind = rng.random()
    if kind < 0.3:
        return f"{_some(_LETTERS, 4, rng)}-{rng.integers(1000)}"
    if kind < 0.6:
        return f"{_some(_CAPITALS, int(rng.integers(1, 4)), rng)}{'-- #'[int(rng.integers(4))]}{rng.integers(1000)}"
    if kind < 0.8:
        return f"{_some(_CAPITALS, 2, rng)}-{rng.integers(100)}-{_some(_CAPITALS, 2, rng)}"
    return f"{rng.integers(100)}{_some(_CAPITALS, 1, rng)}"


def _moment(rng: np.random.Generator) -> str:
    """14:30, 2024-05-12, 3 March, March 3, Tuesday at 9:15."""
    clock = f"{rng.integers(24)}:{rng.integers(60):02}"
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(12)), int(rng.integers(1950, 2050))
    forms = (
        clock,
        f"{year}-{month + 1:02}-{day:02}",
        f"{day} {_MONTHS[month]}",
        f"{_MONTHS[month]} {day}",
        f"{_MONTHS[month]} {day}, {year}",
        f"{rng.choice(_DAYS)} at {clock}",
        f"{rng.choice(_DAYS)}",
    )
    return str(rng.choice(forms))
