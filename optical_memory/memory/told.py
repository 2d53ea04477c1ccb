"""What was told already: strings, and what stands whole in one of them."""

import re

_WORD = re.compile(r"\w+")


class Told:
    """`5432` is told by `db:5432`, where it stands whole, and not by `915432`.

    What stands whole in a string has each of its words whole there, so that only strings that share a word are looked at.
    """

    def __init__(self) -> None:
        self._strings: set[str] = set()
        self._places: dict[str, list[tuple[str, int]]] = {}

    def __contains__(self, string: str) -> bool:
        if string in self._strings:
            return True
        sharing = [(self._places.get(word.group(), []), word.start()) for word in _WORD.finditer(string)]
        places, start = min(sharing, key=lambda shared: len(shared[0]), default=([], 0))
        return any(_stands(string, longer, place - start) for longer, place in places)

    def add(self, string: str) -> None:
        if string not in self._strings:
            self._strings.add(string)
            for word in _WORD.finditer(string):
                self._places.setdefault(word.group(), []).append((string, word.start()))


def _stands(string: str, longer: str, start: int) -> bool:
    """Whether a string stands at `start` of a longer one with no letter, digit or underscore on either side."""
    end = start + len(string)
    return (
        start >= 0
        and longer.startswith(string, start)
        and not (start and _WORD.match(longer, start - 1))
        and not _WORD.match(longer, end)
    )
