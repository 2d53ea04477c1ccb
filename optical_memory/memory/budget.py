"""Which option for each page: the most weighted fidelity within a token budget, a multiple-choice knapsack.

Up to EXACT_CELLS table cells it is solved exactly, by dynamic programming over tokens. Above that, each page climbs the upper
hull of its options, the steepest climb first, which is at most one climb away from the optimum.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from optical_memory.errors import BudgetError
from optical_memory.modes import Mode

EXACT_CELLS = 8_000_000
"""Pages times tokens: a tenth of a second, 8 MB."""


@dataclass(frozen=True, slots=True)
class Option:
    """A way to keep a page: in a mode, as text, or out of the context. `cost` in tokens, errata included; `length` without."""

    kind: Literal["page", "text", "out"]
    mode: Mode | None
    cost: int
    fidelity: float
    length: int

    @classmethod
    def as_text(cls, text_tokens: int) -> "Option":
        return cls("text", None, text_tokens, 1.0, text_tokens)

    @classmethod
    def out(cls) -> "Option":
        return cls("out", None, 0, 0.0, 0)


def fewest(options: Sequence[Sequence[Option]]) -> int:
    """Tokens of the cheapest assignment."""
    return sum(min(option.cost for option in own) for own in options)


def choose(options: Sequence[Sequence[Option]], weights: Sequence[float], budget: int) -> list[Option]:
    """One option a page, of the most weighted fidelity with costs of at most `budget`; of equal ones a cheap one.

    `options` must have an assignment within the budget.
    """
    room = min(budget, sum(max(option.cost for option in own) for own in options))
    if not options:
        return []
    if len(options) * (room + 1) <= EXACT_CELLS:
        return _exact(options, weights, room)
    return _climb(options, weights, room)


def _exact(options: Sequence[Sequence[Option]], weights: Sequence[float], room: int) -> list[Option]:
    best = np.zeros(room + 1)
    taken = np.zeros((len(options), room + 1), dtype=np.uint8)
    for row, (own, weight) in enumerate(zip(options, weights, strict=True)):
        values = np.full(room + 1, -np.inf)
        for index, option in enumerate(own):
            if option.cost > room:
                continue
            value = best[: room + 1 - option.cost] + weight * option.fidelity
            better = value > values[option.cost :]
            values[option.cost :][better] = value[better]
            taken[row, option.cost :][better] = index
        best = values
    chosen, left = [], int(np.argmax(best))
    for row in range(len(options) - 1, -1, -1):
        option = options[row][taken[row, left]]
        chosen.append(option)
        left -= option.cost
    return chosen[::-1]


def _climb(options: Sequence[Sequence[Option]], weights: Sequence[float], room: int) -> list[Option]:
    hulls = [_hull(own) for own in options]
    standing = [0] * len(options)
    room -= sum(hull[0].cost for hull in hulls)
    climbs: list[tuple[float, int]] = []

    def offer(page: int) -> None:
        if standing[page] + 1 < len(hulls[page]):
            low, high = hulls[page][standing[page]], hulls[page][standing[page] + 1]
            slope = weights[page] * (high.fidelity - low.fidelity) / (high.cost - low.cost)
            heapq.heappush(climbs, (-slope, page))

    for page in range(len(options)):
        offer(page)
    while climbs:
        _, page = heapq.heappop(climbs)
        price = hulls[page][standing[page] + 1].cost - hulls[page][standing[page]].cost
        if price <= room:
            room -= price
            standing[page] += 1
            offer(page)
    return [hull[place] for hull, place in zip(hulls, standing, strict=True)]


def _hull(options: Sequence[Option]) -> list[Option]:
    """The options that no mixture of others beats, the cheapest first: slopes fall along it."""
    hull: list[Option] = []
    for option in sorted(options, key=lambda option: (option.cost, -option.fidelity)):
        if hull and option.fidelity <= hull[-1].fidelity:
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], option):
            hull.pop()
        hull.append(option)
    return hull


def _slope(low: Option, high: Option) -> float:
    return (high.fidelity - low.fidelity) / (high.cost - low.cost)


def best_pair(options: Sequence[Sequence[Option]], budget: int, fixed_tokens: int, min_fidelity: float) -> BudgetError:
    """The error that says which budget would hold with this bound, and which bound with this budget."""

    def needs(bound: float) -> int:
        kept = [[option for option in own if option.fidelity >= bound] for own in options]
        return fixed_tokens + fewest(kept)

    bounds = sorted({option.fidelity for own in options for option in own}, reverse=True)
    feasible = next((bound for bound in bounds if needs(bound) <= budget), None)
    needed = needs(min_fidelity)
    other = (
        f"{fixed_tokens} tokens of it are text that stays"
        if feasible is None
        else f"this budget holds with min_fidelity {feasible:.4f} or less"
    )
    return BudgetError(
        f"a budget of {budget} tokens and a min_fidelity of {min_fidelity:.4f} cannot both hold: "
        f"that fidelity takes {needed} tokens; {other}",
        budget=needed,
        min_fidelity=feasible,
    )
