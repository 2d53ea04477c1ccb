"""What a run will take, told before it begins: measured on two questions to every system, scaled by text tokens."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from optical_memory.evaluation.systems.protocol import History, System


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds a text token takes, over all systems: of a history that is new, and of one whose pages are there."""

    new: float
    known: float

    def seconds(self, new_tokens: int, known_tokens: int) -> float:
        return self.new * new_tokens + self.known * known_tokens


def measure(
    systems: Sequence[System], first: tuple[History, str], second: tuple[History, str], text_tokens: int, share: float
) -> Rates:
    """Asks both questions of every system. `text_tokens` of each history, `share` of them is the budget.

    A question about the first turn comes before and does not count: what is set up once is not what the run takes.
    """
    for system in systems:
        system.answer(first[0][:1], first[1], int(text_tokens * share))
    taken = []
    for history, question in (first, second):
        began = time.perf_counter()
        for system in systems:
            system.answer(history, question, int(text_tokens * share))
        taken.append((time.perf_counter() - began) / text_tokens)
    return Rates(taken[0], taken[1])


def duration(seconds: float) -> str:
    """In the unit that people would use."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
