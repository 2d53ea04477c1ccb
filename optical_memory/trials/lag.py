"""How long an event loop keeps others waiting: a task that wakes every millisecond notes how late it was woken."""

import asyncio
import time
from types import TracebackType

from pydantic import BaseModel, ConfigDict

PERIOD = 0.001


class Lag(BaseModel):
    """Milliseconds that a task on the loop was woken late."""

    model_config = ConfigDict(frozen=True)

    wakings: int
    median: float
    p99: float
    worst: float

    def __str__(self) -> str:
        return f"{self.median:.1f} ms median, {self.p99:.1f} at 99 %, {self.worst:.1f} at worst of {self.wakings:,}"


class LoopLag:
    """`async with LoopLag() as lag:` measures the running loop; whatever holds Python's lock elsewhere counts too."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "LoopLag":
        self._task = asyncio.create_task(self._wake())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()

    def forget(self) -> None:
        self._late.clear()

    def found(self) -> Lag:
        """Of what was noted since the last `forget`."""
        late = sorted(self._late) or [0.0]

        def at(share: float) -> float:
            return 1000 * late[min(len(late) - 1, int(share * len(late)))]

        return Lag(wakings=len(self._late), median=at(0.5), p99=at(0.99), worst=1000 * late[-1])

    async def _wake(self) -> None:
        while True:
            due = time.perf_counter() + PERIOD
            await asyncio.sleep(PERIOD)
            self._late.append(max(0.0, time.perf_counter() - due))
