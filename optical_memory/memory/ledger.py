"""The verbatim ledger: what on a page cannot be guessed, told as text beside its picture, for a reader that nobody has measured."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.salience import fragile_strings
from optical_memory.memory.stretches import stretches
from optical_memory.memory.told import Told
from renderers import Page

LEAST_RUN = 3
"""Numbers in a row that are told as a range."""
LONGEST_COUNTED = 8
"""Digits of a number that may be one of a row; longer ones are names."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """`share` of a page's text tokens that its strings may take. `at_risk` finds them: URLs, paths, identifiers, numbers.

    A string is told once: with the first page that it stands on and that has room for it. So a page's note depends on the
    pages before it alone, and stays as it is while a conversation grows. Where not all have room, the cheapest are told.
    """

    share: float = 0.1
    at_risk: Callable[[str], Sequence[str]] = fragile_strings

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"a ledger's share of the text's tokens is 0 to 1, got {self.share}")

    def notes(self, pages: Iterable[Page]) -> list[str]:
        """For each page, in the order of the conversation, its strings, one a line (`a..b`: every number from a to b)."""
        told = Told()
        return ["\n".join(self._lines(page, told)) for page in pages]

    def strings_of(self, page: Page) -> list[str]:
        """The strings at risk on a page, each once."""
        texts = list(stretches(page.text, page.spans))
        return list(dict.fromkeys(string for text in texts for string in self.at_risk(text)))

    def _lines(self, page: Page, told: Told) -> list[str]:
        room = self.share * sum(count_text_tokens(list(stretches(page.text, page.spans))))
        lines = list(_ranges([string for string in self.strings_of(page) if string not in told]))
        costs = count_text_tokens([line + "\n" for line, _ in lines])
        kept: set[int] = set()
        for place in sorted(range(len(lines)), key=lambda place: costs[place] / len(lines[place][1])):
            if costs[place] <= room:
                room -= costs[place]
                kept.add(place)
                for string in lines[place][1]:
                    told.add(string)
        return [line for place, (line, _) in enumerate(lines) if place in kept]


def told_by(note: str) -> set[str]:
    """The lines of a note, and every number of its ranges."""
    strings = set(note.split("\n")) - {""}
    for line in list(strings):
        first, _, last = line.partition("..")
        if first.isdigit() and last.isdigit() and int(first) < int(last):
            strings.update(map(str, range(int(first), int(last) + 1)))
    return strings


def _ranges(strings: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Lines, each with the strings that it tells: numbers in a row as one, the rest as they are."""
    counted = sorted({int(string) for string in strings if _counts(string)})
    for _, row in groupby(enumerate(counted), key=lambda item: item[1] - item[0]):
        numbers = [str(number) for _, number in row]
        if len(numbers) >= LEAST_RUN:
            yield f"{numbers[0]}..{numbers[-1]}", numbers
        else:
            yield from ((number, [number]) for number in numbers)
    yield from ((string, [string]) for string in strings if not _counts(string))


def _counts(string: str) -> bool:
    return string.isascii() and string.isdigit() and string[0] != "0" and len(string) <= LONGEST_COUNTED
