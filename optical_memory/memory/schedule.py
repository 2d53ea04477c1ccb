"""Forgetting by age: which mode a page is kept in. A pure function of ages; it draws and measures nothing."""

from dataclasses import dataclass

from optical_memory.modes import BASE, SMALL, TINY, Mode


@dataclass(frozen=True, slots=True)
class ForgettingSchedule:
    """A ladder: a page takes the last step whose age it has reached.

    `steps`: (age, mode), ages rising from 0, in turns since the page's newest one (DeepSeek-OCR, section 4, draws the idea
    without ages; these are ours).
    """

    steps: tuple[tuple[int, Mode], ...] = ((0, BASE), (8, SMALL), (16, TINY))

    def __post_init__(self) -> None:
        ages = [age for age, _ in self.steps]
        if not ages or ages[0] != 0 or ages != sorted(set(ages)):
            raise ValueError(f"a schedule's ages must rise from 0, got {ages}")

    def mode_at(self, age: int) -> Mode:
        """The mode of a page of that age; a negative age (a clock that went back) counts as 0."""
        return next(mode for since, mode in reversed(self.steps) if max(0, age) >= since)
