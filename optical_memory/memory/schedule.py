"""Forgetting: a pure function from what is known of pages to how each is kept. It draws and measures nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

from optical_memory.errors import BudgetError, GridError
from optical_memory.memory.budget import Option, best_pair, choose, fewest
from optical_memory.memory.salience import Salience
from optical_memory.modes import BASE, GUNDAM, LARGE, MODES, SMALL, TINY, Mode, mode_named

Unit = Literal["turns", "tokens", "seconds"]
OUT_OF_CONTEXT = "out"
"""What a table calls the step after which a page is found by recall only."""
HALF_WEIGHT = 4.0
"""Under a budget a page weighs half of a new one at this many times the age of the schedule's last step."""


CLEARLY = 0.002
"""Of fidelity: how much worse a dearer mode must read to be passed over for a cheaper one."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a plan needs to know of one page.

    `age` in the schedule's unit; `costs` and `fidelities` by mode, measured or foreseen; `salience` is 1 for plain prose.
    """

    age: float
    text_tokens: int
    salience: float
    costs: Mapping[Mode, int]
    fidelities: Mapping[Mode, float]
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class ForgettingSchedule:
    """A ladder of ages and modes, and the bounds within which pages go down it.

    `steps`: (age, mode), ages rising from 0; the mode None, last if at all, takes a page out of the context, not out of recall.
    An age is counted in `unit` since the page's newest turn (DeepSeek-OCR, section 4, draws the idea without ages; these are
    ours). `budget`: tokens that the whole context may take. `min_fidelity`: no page is kept that reads worse than this.
    `salience` weighs a page's text, 1 for plain prose: a page of salience 2 ages half as fast, where fading would lose
    something, and weighs twice under a budget.

    What a mode reads decides before the table does: a mode that reads worse by CLEARLY than another that costs no more is
    passed over (on 64 x 64 cells Small, whose cells straddle the encoder's patches, falls behind Tiny).
    """

    steps: tuple[tuple[float, Mode | None], ...] = ((0, BASE), (8, TINY))
    unit: Unit = "turns"
    budget: int | None = None
    min_fidelity: float = 0.0
    salience: Callable[[str], float] | None = field(default_factory=Salience)

    def __post_init__(self) -> None:
        ages = [age for age, _ in self.steps]
        if not ages or ages[0] != 0 or any(later <= earlier for earlier, later in pairwise(ages)):
            raise ValueError(f"a schedule's ages must rise from 0, got {ages}")
        if None in [mode for _, mode in self.steps[:-1]] or self.steps[0][1] is None:
            raise ValueError("a schedule may take pages out of the context in its last step only, and not in its first")
        if self.unit not in ("turns", "tokens", "seconds"):
            raise ValueError(f"ages are counted in turns, tokens or seconds, got {self.unit!r}")
        if self.budget is not None and self.budget < 0:
            raise ValueError(f"a budget counts tokens, got {self.budget}")
        if not 0.0 <= self.min_fidelity <= 1.0:
            raise ValueError(f"min_fidelity is a share, 0 to 1, got {self.min_fidelity}")

    # Presets

    @classmethod
    def paper(cls, **bounds: Any) -> "ForgettingSchedule":
        """DeepSeek-OCR's ladder: Gundam to Tiny, then out of the context."""
        steps = ((0, GUNDAM), (2, LARGE), (4, BASE), (8, SMALL), (16, TINY), (128, None))
        return cls(steps, **bounds)

    @classmethod
    def gentle(cls, **bounds: Any) -> "ForgettingSchedule":
        """Large for long, never below Small."""
        return cls(((0, LARGE), (16, BASE), (64, SMALL)), **bounds)

    @classmethod
    def aggressive(cls, **bounds: Any) -> "ForgettingSchedule":
        """Tiny soon, out of the context after 64 turns."""
        return cls(((0, SMALL), (4, TINY), (64, None)), **bounds)

    @classmethod
    def none(cls, **bounds: Any) -> "ForgettingSchedule":
        """Every page at Large for ever."""
        return cls(((0, LARGE),), **bounds)

    @classmethod
    def from_table(cls, rows: Iterable[tuple[float, str]], **bounds: Any) -> "ForgettingSchedule":
        """(age, mode's name) rows; the name `out` takes a page out of the context."""
        steps = tuple((age, None if name == OUT_OF_CONTEXT else mode_named(name)) for age, name in rows)
        return cls(steps, **bounds)

    def within(self, budget: int | None, min_fidelity: float | None = None) -> "ForgettingSchedule":
        """The same ladder within other bounds."""
        bound = self.min_fidelity if min_fidelity is None else min_fidelity
        return replace(self, budget=budget, min_fidelity=bound)

    def read_by(self, reads: Callable[[Mode], bool]) -> "ForgettingSchedule":
        """The same ages for a model that `reads` some modes: in place of any other stands the one of MODES that it reads and that
        takes the nearest number of positions, the sharper of two. Raises GridError if it reads none."""

        def nearest_to(mode: Mode) -> Mode:
            if reads(mode):
                return mode
            readable = [other for other in MODES.values() if reads(other)]
            if not readable:
                raise GridError("the model reads pages of its grid in no mode: give it another grid, with `on_grid`")
            return min(readable, key=lambda own: (abs(length_of(own) - length_of(mode)), -length_of(own)))

        return replace(self, steps=tuple((age, mode and nearest_to(mode)) for age, mode in self.steps))

    def other_modes(self, other: "ForgettingSchedule") -> dict[str, str]:
        """The names of modes that another schedule of the same ages has others for, with what it has."""
        steps = zip(self.steps, other.steps, strict=True)
        return {
            own.name: new.name for (_, own), (_, new) in steps if own is not None and new is not None and own != new
        }

    # The plan

    @property
    def ladder(self) -> tuple[Mode, ...]:
        return tuple(dict.fromkeys(mode for _, mode in self.steps if mode is not None))

    @property
    def sharpest(self) -> Mode:
        return max(self.ladder, key=length_of)

    def mode_at(self, age: float) -> Mode | None:
        """The mode of a page of that age, None for out of the context; a negative age (a clock that went back) counts as 0."""
        return next(mode for since, mode in reversed(self.steps) if max(0, age) >= since)

    def salience_of(self, text: str) -> float:
        return 1.0 if self.salience is None else max(0.01, self.salience(text))

    def plan(self, pages: Sequence[PageFacts], fixed_tokens: int = 0, *, fewest_tokens: bool = False) -> list[Option]:
        """How each page is kept. `fixed_tokens` of the budget are text that stays; `fewest_tokens` lets no age keep a page sharp.

        Without a budget, or where it is ample, each page takes its age's step, or a cheaper one where its text would cost
        less. Else the assignment of most expected fidelity within it (weighted by text, salience, recency): see budget.py.
        Raises BudgetError that names the best feasible pair where budget and min_fidelity cannot both hold.
        """
        options = [self._options(page, fewest_tokens) for page in pages]
        if self.budget is None and fewest_tokens:
            return [own[0] for own in options]
        wanted = [self._first_choice(page, own) for page, own in zip(pages, options, strict=True)]
        room = None if self.budget is None else self.budget - fixed_tokens
        if self.budget is None or room is None or (not fewest_tokens and sum(own.cost for own in wanted) <= room):
            return wanted
        if fewest(options) > room:
            loose = [self._options(replace(page, pinned=False), fewest_tokens) for page in pages]
            if fewest(loose) <= room:
                raise self._pins_cost(sum(page.pinned for page in pages), fixed_tokens, fewest(options), fewest(loose))
            ways = [
                [*own, Option.as_text(page.text_tokens)] if page.pinned else self._everything(page)
                for page, own in zip(pages, options, strict=True)
            ]
            raise best_pair(ways, self.budget, fixed_tokens, self.min_fidelity)
        return choose(options, [self._weight(page) for page in pages], room)

    def _pins_cost(self, pins: int, fixed_tokens: int, with_them: int, without: int) -> BudgetError:
        """The error where it is the pinned pages, kept sharp at any age, that a budget does not hold."""
        needed = fixed_tokens + with_them
        return BudgetError(
            f"a budget of {self.budget} tokens does not hold {pins} pinned pages at the sharpest mode that pays: with them the "
            f"context takes at least {needed} tokens, without pins {fixed_tokens + without}; unpin turns, or raise the budget",
            budget=needed,
        )

    def _options(self, page: PageFacts, fewest_tokens: bool) -> list[Option]:
        """What the schedule allows for a page, the cheapest first."""
        legible = [option for option in self._everything(page) if option.fidelity >= self.min_fidelity]
        if page.pinned:
            modes = [option for option in legible if option.mode is not None and option.cost < page.text_tokens]
            return [modes[-1]] if modes else [Option.as_text(page.text_tokens)]
        if fewest_tokens:
            return [option for option in legible if option.kind != "out"] if self.budget is None else legible
        wanted = self._mode_of(page)
        if wanted is None and self.min_fidelity == 0.0:
            return [Option.out()]
        ceiling = length_of(wanted or min(self.ladder, key=length_of))
        below = [option for option in legible if option.length <= ceiling and option.kind != "out"]
        if not below:
            below = [option for option in legible if option.kind != "out"][:1]
        if self.budget is not None and self.min_fidelity == 0.0:
            below.insert(0, Option.out())
        return below

    def _mode_of(self, page: PageFacts) -> Mode | None:
        """The mode of a page's age on its own clock, which salience slows; a fade that loses nothing is not held back."""
        slowed, plain = self.mode_at(page.age / page.salience), self.mode_at(page.age)
        if slowed is None or plain is None or length_of(plain) > length_of(slowed):
            return slowed
        return plain if page.fidelities[plain] >= page.fidelities[slowed] - CLEARLY else slowed

    def _everything(self, page: PageFacts) -> list[Option]:
        """Every way to keep a page, the cheapest first; modes that cost as much as the text are left out, and
        those that a mode which costs no more clearly outdoes."""
        modes = [
            Option("page", mode, page.costs[mode], page.fidelities[mode], length_of(mode))
            for mode in self.ladder
            if page.costs[mode] < page.text_tokens
        ]
        modes = [mode for mode in modes if not any(_outdone(mode, other) for other in modes)]
        options = [*modes, Option.as_text(page.text_tokens), Option.out()]
        return sorted(options, key=lambda option: (option.cost, option.kind != "out"))

    def _first_choice(self, page: PageFacts, options: Sequence[Option]) -> Option:
        """Without a budget: the sharpest mode allowed, else what is cheapest."""
        by_age = self._mode_of(page)
        inside = [option for option in options if option.kind != "out"]
        modes = [option for option in inside if option.mode is not None]
        if not modes:
            return (inside or options)[0]
        ceiling = length_of(by_age) if by_age is not None else 0
        allowed = [option for option in modes if option.length <= ceiling] or modes[:1]
        return max(allowed, key=lambda option: option.length)

    def _weight(self, page: PageFacts) -> float:
        half = HALF_WEIGHT * max(self.steps[-1][0], 16.0)
        return page.text_tokens * page.salience / (1.0 + max(0.0, page.age) / half)


def _outdone(option: Option, other: Option) -> bool:
    return other.cost <= option.cost and other.fidelity > option.fidelity + CLEARLY


def length_of(mode: Mode) -> int:
    """Positions that a page takes in a mode; the tiled ones cut a page in 2 x 2."""
    return mode.sequence_length((2, 2) if mode.tile_side else (0, 0))


PRESETS: dict[str, Callable[..., ForgettingSchedule]] = {
    "default": ForgettingSchedule,
    "paper": ForgettingSchedule.paper,
    "gentle": ForgettingSchedule.gentle,
    "aggressive": ForgettingSchedule.aggressive,
    "none": ForgettingSchedule.none,
}
