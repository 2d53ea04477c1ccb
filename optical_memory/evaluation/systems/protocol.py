"""What a system under test is: it keeps a history within a budget of true tokens and answers from what it kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

History = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Passage:
    """Text of one turn (its place in the history) as it reaches the reader.

    `probabilities` (characters,) where it was read from a page; None where it is the source itself.
    """

    turn: int
    text: str
    probabilities: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`tokens`: what the system's context cost, by true sequence length. `certainty`: its own, 0..1.

    `passages`: what reached the reader, for the figures that do not depend on a reader; a system need not tell.
    """

    text: str
    tokens: int
    certainty: float = 1.0
    passages: tuple[Passage, ...] = ()


class System(Protocol):
    """A way to keep a history within a budget and to answer from what was kept."""

    @property
    def name(self) -> str: ...

    def answer(self, history: History, question: str, budget: int) -> Answer: ...
