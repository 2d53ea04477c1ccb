"""One thread for what an event loop must not wait for: calls go one after the other, and a cancelled one stops early."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Lock
from typing import TypeVar

from optical_memory.errors import OpticalMemoryError

Result = TypeVar("Result")


TURN = 0.001
"""Seconds after which a working thread hands Python's lock to one that waits for it, while a loop waits for our work. Python's
own 5 ms make a loop late by 10 where it has to ask twice for one waking."""
_lock = Lock()
_at_work = 0
_usual = 0.0


class StoppedError(OpticalMemoryError):
    """Ends work whose caller no longer waits for it; no caller ever sees it."""


class Worker:
    """A thread of its own, so that waiting calls do not use up the threads that the rest of a program shares."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="optical-memory")

    async def run(self, work: Callable[[Event], Result]) -> Result:
        """What `work` gives. It gets an event that is set when nobody waits for it any more; one that waits is never begun."""
        stop = Event()
        begun = asyncio.get_running_loop().run_in_executor(
            self._thread, copy_context().run, _in_short_turns, work, stop
        )
        try:
            return await begun
        except asyncio.CancelledError:
            stop.set()
            raise


def _in_short_turns(work: Callable[[Event], Result], stop: Event) -> Result:
    with short_turns():
        return work(stop)


@contextmanager
def short_turns() -> Iterator[None]:
    """Threads take turns of TURN at most until the last of these blocks ends; then of what was set before the first began,
    unless somebody set something else meanwhile."""
    global _at_work, _usual
    with _lock:
        if _at_work == 0:
            _usual = sys.getswitchinterval()
            sys.setswitchinterval(min(TURN, _usual))
        _at_work += 1
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1
            if _at_work == 0 and sys.getswitchinterval() == min(TURN, _usual):
                sys.setswitchinterval(_usual)


def step_of(stop: Event, progress: Callable[[int, int], None] | None) -> Callable[[int, int], None]:
    """A call for after each batch of work: tells the progress on, or ends the work where it should stop."""

    def step(done: int, total: int) -> None:
        if stop.is_set():
            raise StoppedError("nobody waits for this any more")
        if progress is not None:
            progress(done, total)

    return step
