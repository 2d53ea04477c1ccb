"""The measure of a loop's lag: it sees a loop that is kept, and does not blame a call that lets it run."""

import asyncio
import time

from optical_memory.evaluation.loop_lag import _figures, _lags_during


def test_a_call_that_keeps_the_loop_is_seen() -> None:
    async def keep() -> None:
        time.sleep(0.05)

    lags = asyncio.run(_lags_during(keep))
    assert max(lag for lag, _ in lags) > 45
    assert max(own for _, own in lags) > 10
    rows = {figure.metric: figure.value for figure in _figures("kept", lags)}
    assert rows["less what no core was free for, beats above 10 ms"] == 1


def test_beats_go_on_while_a_thread_sleeps() -> None:
    async def sleep_aside() -> None:
        await asyncio.to_thread(time.sleep, 0.2)

    lags = asyncio.run(_lags_during(sleep_aside))
    assert len(lags) > 10
    assert min(own for _, own in lags) < 5
