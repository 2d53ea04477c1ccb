"""The measure of a loop's lag: it sees a loop that is kept, and does not blame a call that lets it run."""

import asyncio
import time

from optical_memory.evaluation.loop_lag import _figures, _lag_during


def test_a_call_that_keeps_the_loop_is_seen() -> None:
    async def keep() -> None:
        time.sleep(0.05)

    lag = asyncio.run(_lag_during(keep))
    assert lag.worst > 45 and lag.worst_own > 10
    rows = {figure.metric: figure.value for figure in _figures("kept", lag)}
    assert rows["lag of the loop, ms, largest"] == lag.worst


def test_beats_go_on_while_a_thread_sleeps() -> None:
    async def sleep_aside() -> None:
        await asyncio.to_thread(time.sleep, 0.2)

    lag = asyncio.run(_lag_during(sleep_aside))
    assert lag.wakings > 10
    assert lag.median < 5
