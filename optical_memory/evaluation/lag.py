"""How long an event loop keeps others waiting: a task that wakes every millisecond notes how late it was woken."""

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from pydantic import BaseModel, ConfigDict

PERIOD = 0.001


class Lag(BaseModel):
    """Milliseconds that a task on the loop was woken late. `worst_own`: without what its thread waited for a processor that
    others had, where the system tells (Linux); what is left are callbacks and waiting for Python's lock."""

    model_config = ConfigDict(frozen=True)

    wakings: int
    median: float
    p99: float
    worst: float
    worst_own: float

    def __str__(self) -> str:
        return (
            f"{self.median:.1f} ms median, {self.p99:.1f} at 99 %, {self.worst:.1f} at worst of {self.wakings:,}, "
            f"{self.worst_own:.1f} by its own doing"
        )


class LoopLag:
    """`async with LoopLag() as lag:` measures the running loop; whatever holds Python's lock elsewhere counts too."""

    def __init__(self) -> None:
        self._noted: list[tuple[float, float, float]] = []
        """Of each waking: when it was due, when it came, and the seconds that the thread waited for a processor meanwhile."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "LoopLag":
        self._task = asyncio.create_task(self._wake())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        await asyncio.sleep(2 * PERIOD)  # else a loop that was kept to the end would not be noted
        self._task.cancel()

    def forget(self) -> None:
        self._noted.clear()

    def found(self, within: Sequence[tuple[float, float]] | None = None) -> Lag:
        """Of what was noted since the last `forget`; only as far as it fell between these times (`time.perf_counter`)."""
        spans = list(self._noted)
        if within is not None:
            spans = [
                (max(due, begun), min(woken, ended), queued)
                for due, woken, queued in spans
                for begun, ended in within
                if due < ended and woken > begun
            ]
        late = sorted(max(0.0, woken - due) for due, woken, _ in spans) or [0.0]
        own = max((max(0.0, woken - due - queued) for due, woken, queued in spans), default=0.0)

        def at(share: float) -> float:
            return 1000 * late[min(len(late) - 1, int(share * len(late)))]

        return Lag(wakings=len(spans), median=at(0.5), p99=at(0.99), worst=1000 * late[-1], worst_own=1000 * own)

    async def _wake(self) -> None:
        queue = _RunQueue()
        try:
            while True:
                due, queued = time.perf_counter() + PERIOD, queue.seconds()
                await asyncio.sleep(PERIOD)
                self._noted.append((due, time.perf_counter(), queue.seconds() - queued))
        finally:
            queue.close()


class _RunQueue:
    """How long the thread that made it has waited for a processor, in all."""

    def __init__(self) -> None:
        path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
        try:
            self._file: int | None = os.open(path, os.O_RDONLY)
        except OSError:
            self._file = None

    def seconds(self) -> float:
        return int(os.pread(self._file, 128, 0).split()[1]) / 1e9 if self._file is not None else 0.0

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
