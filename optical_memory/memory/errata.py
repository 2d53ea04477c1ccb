"""Errata: what the reader gets wrong on a page, kept as text beside it, so that page and errata give back the source exactly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GAP = 6
"""Right characters between two wrong ones that are told again rather than starting a new correction."""
_LINE = re.compile("([0-9]+) ?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Erratum:
    """What truly stands from character `start` of a page's text on."""

    start: int
    text: str


def errata_of(text: str, wrong: NDArray[np.int32]) -> tuple[Erratum, ...]:
    """Corrections for the characters of a page's `text` whose places are in `wrong`, rising."""
    if not wrong.size:
        return ()
    breaks = np.flatnonzero(np.diff(wrong) > GAP) + 1
    runs = np.split(wrong, breaks)
    return tuple(Erratum(int(run[0]), text[int(run[0]) : int(run[-1]) + 1]) for run in runs)


def amend(read: str, errata: Sequence[Erratum]) -> str:
    """The text read from a page, put right."""
    pieces, position = [], 0
    for erratum in errata:
        pieces += [read[position : erratum.start], erratum.text]
        position = erratum.start + len(erratum.text)
    return "".join([*pieces, read[position:]])


def note_of(errata: Sequence[Erratum]) -> str:
    """Errata as the text that stands beside a page: a line each, how many characters on from the end of the one before, and what
    stands there. A space parts the two where they would run together.

    Places counted from the page's start, and a space always, take half as many tokens more (25 emoji on a page: 134, not 89).
    """
    lines, position = [], 0
    for erratum in errata:
        space = " " if erratum.text[:1] == " " or erratum.text[:1].isdecimal() else ""
        lines.append(f"{erratum.start - position}{space}{_escaped(erratum.text)}")
        position = erratum.start + len(erratum.text)
    return "\n".join(lines)


def errata_from(note: str) -> tuple[Erratum, ...]:
    """The inverse of `note_of`. Raises ValueError for a line that is none of a note's."""
    errata: list[Erratum] = []
    position = 0
    for line in note.split("\n") if note else []:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"{line!r} is no erratum: expected how many characters on, and what stands there")
        erratum = Erratum(position + int(found[1]), _plain(found[2]))
        errata.append(erratum)
        position = erratum.start + len(erratum.text)
    return tuple(errata)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _plain(text: str) -> str:
    pieces = text.split("\\\\")
    return "\\".join(piece.replace("\\n", "\n") for piece in pieces)
