"""Every system under test by its name."""

from collections.abc import Callable

from optical_memory.errors import OpticalMemoryError
from optical_memory.evaluation.systems.optical import OpticalPages, OpticalRecall, OpticalSplice, one_mode
from optical_memory.evaluation.systems.pooled import PooledSplice, PooledText
from optical_memory.evaluation.systems.protocol import System
from optical_memory.evaluation.systems.shelf import Shelf
from optical_memory.evaluation.systems.text import FullText, NewestText, RetrievedText, TellingText
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.model import Model
from optical_memory.modes import BASE, SMALL, TINY

SYSTEMS: dict[str, Callable[[Shelf], System]] = {
    "tiny": lambda shelf: OpticalPages(shelf, one_mode(TINY), "optical pages, Tiny"),
    "small": lambda shelf: OpticalPages(shelf, one_mode(SMALL), "optical pages, Small"),
    "base": lambda shelf: OpticalPages(shelf, one_mode(BASE), "optical pages, Base"),
    "fading": lambda shelf: OpticalPages(shelf, ForgettingSchedule(), "optical pages, fading"),
    "gentle": lambda shelf: OpticalPages(shelf, ForgettingSchedule.gentle(), "optical pages, gentle fading"),
    "aggressive": lambda shelf: OpticalPages(
        shelf, ForgettingSchedule.aggressive(), "optical pages, aggressive fading"
    ),
    "errata": lambda shelf: OpticalPages(shelf, one_mode(TINY), "optical pages with errata", lossless=True),
    "recall": lambda shelf: OpticalRecall(shelf, TINY),
    "splice": lambda shelf: OpticalSplice(shelf, TINY),
    "full": lambda _: FullText(),
    "newest": lambda _: NewestText(),
    "bm25": lambda _: RetrievedText(),
    "telling": lambda _: TellingText(),
    "pooled": lambda shelf: PooledText(shelf.model, TINY),
    "pooled-splice": lambda shelf: PooledSplice(shelf.model, TINY),
}
MODES = ("tiny", "small", "base")
SCHEDULES = ("fading", "gentle", "aggressive")
DEFAULT = (*MODES, *SCHEDULES, "errata", "recall", "full", "newest", "bm25", "telling", "pooled")
"""All but those that need a trained decoder."""


def build(names: tuple[str, ...], model: Model) -> list[System]:
    """Systems over one shelf of pages. Raises OpticalMemoryError for a name that is not known."""
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown:
        raise OpticalMemoryError(f"unknown system {unknown[0]!r}; expected some of {', '.join(SYSTEMS)}")
    shelf = Shelf(model)
    return [SYSTEMS[name](shelf) for name in names]
