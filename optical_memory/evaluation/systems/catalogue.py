"""Every system under test by its name."""

from collections.abc import Callable

from optical_memory.errors import OpticalMemoryError
from optical_memory.evaluation.systems.optical import OpticalPages, OpticalRecall, OpticalSplice, one_mode
from optical_memory.evaluation.systems.protocol import System
from optical_memory.evaluation.systems.text import FullText, NewestText, RetrievedText, TellingText
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.model import Model
from optical_memory.modes import BASE, SMALL, TINY

SYSTEMS: dict[str, Callable[[Model], System]] = {
    "tiny": lambda model: OpticalPages(model, one_mode(TINY), "optical pages, Tiny"),
    "small": lambda model: OpticalPages(model, one_mode(SMALL), "optical pages, Small"),
    "base": lambda model: OpticalPages(model, one_mode(BASE), "optical pages, Base"),
    "fading": lambda model: OpticalPages(model, ForgettingSchedule(), "optical pages, fading"),
    "recall": lambda model: OpticalRecall(model, TINY),
    "splice": lambda model: OpticalSplice(model, TINY),
    "full": lambda _: FullText(),
    "newest": lambda _: NewestText(),
    "bm25": lambda _: RetrievedText(),
    "telling": lambda _: TellingText(),
}
DEFAULT = ("tiny", "small", "base", "recall", "full", "newest", "bm25", "telling")


def build(names: tuple[str, ...], model: Model) -> list[System]:
    """Raises OpticalMemoryError for a name that is not known."""
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown:
        raise OpticalMemoryError(f"unknown system {unknown[0]!r}; expected some of {', '.join(SYSTEMS)}")
    return [SYSTEMS[name](model) for name in names]
