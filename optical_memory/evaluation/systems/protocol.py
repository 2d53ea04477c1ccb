"""What a system under test is, and the reader that finds an answer in delivered text without a language model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

History = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """`tokens`: what the system's context cost, by true sequence length. `certainty`: its own, 0..1."""

    text: str
    tokens: int
    certainty: float = 1.0


class System(Protocol):
    """A way to keep a history within a budget and to answer from what was kept."""

    name: str

    def answer(self, history: History, question: str, budget: int) -> Answer: ...


_ASKED = re.compile(r"for (?P<keys>.+?) mentioned in the provided text")
_SEPARATOR = re.compile(r", and |, ")


def look_up(delivered: str, question: str, probabilities: NDArray[np.floating] | None = None) -> tuple[str, float]:
    """(answer, certainty): what stands behind each asked key's statement in `delivered`, "not found" where nothing does.

    The same reader for every system that hands over text, so that systems differ in what they kept, not in how it is
    understood. `probabilities` (characters,) of `delivered`, if it was read from a page: the certainty is the least sure
    character of what is answered.
    """
    asked = _ASKED.search(question)
    keys = _SEPARATOR.split(asked["keys"]) if asked else []
    values, certainty = [], 1.0
    for key in keys:
        for found in re.finditer(rf"for {re.escape(key)} is: (?P<value>.+?)\.(?=\s|$|One of)", delivered):
            values.append(found["value"])
            if probabilities is not None:
                first, last = found.span("value")
                certainty = min(certainty, float(probabilities[first:last].min()))
    return (", ".join(dict.fromkeys(values)), certainty) if values else ("not found", certainty)
