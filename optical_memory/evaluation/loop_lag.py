"""How long an event loop waits while a memory works: `optical-memory evaluate loop --history FILE`.

A task sleeps a millisecond again and again, and notes by how much it woke too late: while this process awaits `acompress`,
`arecall` and `aask`, and, for comparison, while another process makes the same calls, so that the cores are as busy. On Linux
the time is taken off, too, that the process's threads stood ready and were given no core: what is left, they kept the loop.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from optical_memory.evaluation.report import Figure
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.turn import parse_history

BEAT = 0.001
STEP = 12
"""Turns from one `acompress` to the next."""
QUESTION = "Which port did we pick, and why?"
TOKENS = 16

Lag = tuple[float, float]
"""Milliseconds by which a beat came too late, and what the machine's scheduler is not to blame for."""


def evaluate_loop(model: str | Path, device: str | None, history: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Figures of both, in milliseconds. The bound is 10 ms."""
    aside = asyncio.run(_while_another_process_works(model, device, history))
    memory = OpticalMemory(model, device=device)
    own = asyncio.run(_while_this_process_works(memory, history))
    figures = [figure for name, lags in own.items() for figure in _figures(f"{name}, awaited", lags)]
    return [*figures, *_figures("the same calls in another process", aside)]


async def _while_this_process_works(
    memory: OpticalMemory, history: Sequence[Mapping[str, Any]]
) -> dict[str, list[Lag]]:
    lengths = [*range(STEP, len(history), STEP), len(history)]

    async def compress() -> None:
        for length in lengths:
            await memory.acompress(history[:length])

    async def recall() -> None:
        for turn in parse_history(history)[:: len(history) // 12 or 1]:
            await memory.arecall(turn.text[:200])

    async def ask() -> None:
        for _ in range(2):
            await memory.aask(QUESTION, TOKENS)

    return {
        "acompress": await _lags_during(compress),
        "arecall": await _lags_during(recall),
        "aask": await _lags_during(ask),
    }


async def _while_another_process_works(
    model: str | Path, device: str | None, history: Sequence[Mapping[str, Any]]
) -> list[Lag]:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(model, device, list(history)))

    async def wait() -> None:
        process.start()
        while process.is_alive():
            await asyncio.sleep(0.05)

    lags = await _lags_during(wait)
    if process.exitcode != 0:
        raise RuntimeError(f"the other process ended with {process.exitcode}")
    return lags


def _work(model: str | Path, device: str | None, history: Sequence[Mapping[str, Any]]) -> None:
    memory = OpticalMemory(model, device=device)
    for length in [*range(STEP, len(history), STEP), len(history)]:
        memory.compress(history[:length])
    for turn in parse_history(history)[:: len(history) // 12 or 1]:
        memory.recall(turn.text[:200])
    for _ in range(2):
        memory.ask(QUESTION, TOKENS)


async def _lags_during(work: Callable[[], Any]) -> list[Lag]:
    lags: list[Lag] = []
    done = asyncio.Event()

    async def beat() -> None:
        while not done.is_set():
            waited, began = _milliseconds_without_a_core(), time.perf_counter()
            await asyncio.sleep(BEAT)
            lag = 1000 * (time.perf_counter() - began - BEAT)
            lags.append((lag, max(0.0, lag - _milliseconds_without_a_core() + waited)))

    beating = asyncio.ensure_future(beat())
    await asyncio.sleep(0.05)
    try:
        await work()
    finally:
        done.set()
        await beating
    return lags


def _milliseconds_without_a_core() -> float:
    """Of all threads of this process since they began; 0 where the system does not count it."""
    total = 0
    for task in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):
            total += int(task.read_text().split()[1])
    return total / 1e6


def _figures(system: str, lags: Sequence[Lag]) -> list[Figure]:
    own = [kept for _, kept in lags]
    rows = {
        "lag of the loop, ms, median": float(np.median([lag for lag, _ in lags])),
        "lag of the loop, ms, largest": max(lag for lag, _ in lags),
        "less what no core was free for, ms, 99.9 %": float(np.quantile(own, 0.999)),
        "less what no core was free for, ms, largest": max(own),
        "less what no core was free for, beats above 10 ms": float(sum(lag > 10 for lag in own)),
    }
    return [
        Figure(
            task="loop",
            system=system,
            mode="",
            sequence_length=None,
            metric=metric,
            value=value,
            low=value,
            high=value,
            n=len(lags),
        )
        for metric, value in rows.items()
    ]
