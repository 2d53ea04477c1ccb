"""Strings that nobody can guess, planted in real conversations, and what a memory still gives back of them, by age."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optical_memory.memory.context import PagePart, TextPart
from optical_memory.memory.salience import fragile_strings
from optical_memory.memory.turn import Turn, parse_history

STRETCH = 4000
"""Characters of a stretch of turns: about a page."""
WORKING = 4
"""One stretch in so many is work: each of its turns ends with a record. The others stay as they are."""
AGES = (0, 8, 32, 128)
"""Where the bins of ages begin, in turns."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A string that stands at characters `start` of a turn on."""

    turn: str
    start: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """Turns, some of which end with records; `planted` are the records' strings, `natural` those that were there before."""

    turns: tuple[Turn, ...]
    planted: tuple[Marked, ...]
    natural: tuple[Marked, ...]


def plant(messages: Sequence[Mapping[str, Any]], rng: np.random.Generator) -> Planted:
    """Records of a UUID, a hash, a number and a path, in one stretch of turns out of WORKING."""
    turns = parse_history(messages)
    lengths = np.cumsum([len(turn.text) for turn in turns])
    stretches = lengths // STRETCH
    first = int(rng.integers(WORKING))
    changed, planted, natural = [], [], []
    for turn, stretch in zip(turns, stretches, strict=True):
        natural += [Marked(turn.id, turn.text.index(text), text) for text in fragile_strings(turn.text)]
        is_plain = turn.role != "system" and turn.content and not turn.tool_calls and not turn.results
        if is_plain and stretch % WORKING == first:
            strings = _strings(rng)
            content = (
                f"{turn.content}\nRecord: job {strings[0]}, commit {strings[1]}, port {strings[2]}, log {strings[3]}"
            )
            turn = Turn(turn.role, content, turn.id, name=turn.name, answers=turn.answers, time=turn.time)
            planted += [Marked(turn.id, turn.text.rindex(text), text) for text in strings]
        changed.append(turn)
    return Planted(tuple(changed), tuple(planted), tuple(natural))


def _strings(rng: np.random.Generator) -> tuple[str, str, str, str]:
    name = str(uuid.UUID(bytes=rng.bytes(16), version=4))
    return (
        name,
        rng.bytes(6).hex(),
        str(rng.integers(10_000, 60_000)),
        f"/srv/{rng.bytes(3).hex()}/{rng.bytes(2).hex()}.log",
    )


Legible = dict[str, NDArray[np.bool_]]
"""For each turn, which of its characters the context gives back right."""


def legible_in(turns: Sequence[Turn], parts: Sequence[TextPart | PagePart]) -> Legible:
    """Text gives all of its characters back, a page those that the reader reads right, what is out of the context none."""
    legible = {turn.id: np.zeros(len(turn.text), dtype=bool) for turn in turns}
    for part in parts:
        if isinstance(part, TextPart):
            legible[part.turn.id][part.start : part.end] = True
            continue
        right = np.ones(part.page.num_characters, dtype=bool)
        right[part.wrong] = False
        position = 0
        for span in part.page.spans:
            length = span.end - span.start
            legible[span.source][span.start : span.end] = right[position : position + length]
            position += length
    return legible


def exact(marks: Sequence[Marked], legible: Legible) -> NDArray[np.bool_]:
    """Which of the strings come back without a wrong character."""
    return np.array([legible[mark.turn][mark.start : mark.start + len(mark.text)].all() for mark in marks], dtype=bool)


def age_bins(turns: Sequence[Turn], names: Sequence[str]) -> NDArray[np.int64]:
    """The bin of AGES of each turn named, seen from the last turn."""
    ages = {turn.id: len(turns) - 1 - position for position, turn in enumerate(turns)}
    return np.searchsorted(np.array(AGES), [ages[name] for name in names], side="right") - 1
