"""A long memory for LLM agents: older turns are kept as the visual tokens of page images.

Importing this package costs no torch; each name below is loaded when it is first used.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optical_memory.errors import OpticalMemoryError
    from optical_memory.loading import load_model
    from optical_memory.memory.context import Context
    from optical_memory.memory.optical_memory import OpticalMemory
    from optical_memory.memory.report import Report
    from optical_memory.memory.schedule import ForgettingSchedule
    from optical_memory.memory.turn import Turn
    from optical_memory.modes import Mode
    from renderers.page import Page

__all__ = [
    "Context",
    "ForgettingSchedule",
    "Mode",
    "OpticalMemory",
    "OpticalMemoryError",
    "Page",
    "Report",
    "Turn",
    "load_model",
]

_HOMES = {
    "Context": "optical_memory.memory.context",
    "ForgettingSchedule": "optical_memory.memory.schedule",
    "Mode": "optical_memory.modes",
    "OpticalMemory": "optical_memory.memory.optical_memory",
    "OpticalMemoryError": "optical_memory.errors",
    "Page": "renderers.page",
    "Report": "optical_memory.memory.report",
    "Turn": "optical_memory.memory.turn",
    "load_model": "optical_memory.loading",
}

try:
    __version__ = version("optical-memory")
except PackageNotFoundError:
    __version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'optical_memory' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
