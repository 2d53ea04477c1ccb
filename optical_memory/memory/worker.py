"""One thread for what an event loop must not wait for: calls go one after the other, and a cancelled one stops early."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Event
from typing import TypeVar

from optical_memory.errors import OpticalMemoryError

Result = TypeVar("Result")


class StoppedError(OpticalMemoryError):
    """Ends work whose caller no longer waits for it; no caller ever sees it."""


class Worker:
    """A thread of its own, so that waiting calls do not use up the threads that the rest of a program shares."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="optical-memory")

    async def run(self, work: Callable[[Event], Result]) -> Result:
        """What `work` gives. It gets an event that is set when nobody waits for it any more; one that waits is never begun."""
        stop = Event()
        begun = asyncio.get_running_loop().run_in_executor(self._thread, copy_context().run, work, stop)
        try:
            return await begun
        except asyncio.CancelledError:
            stop.set()
            raise


def step_of(stop: Event, progress: Callable[[int, int], None] | None) -> Callable[[int, int], None]:
    """A call for after each batch of work: tells the progress on, or ends the work where it should stop."""

    def step(done: int, total: int) -> None:
        if stop.is_set():
            raise StoppedError("nobody waits for this any more")
        if progress is not None:
            progress(done, total)

    return step
