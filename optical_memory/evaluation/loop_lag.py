"""How long an event loop waits while a memory works: `optical-memory evaluate loop --history FILE`.

While this process awaits `acompress`, `arecall` and `aask`, and, for comparison, while another process makes the same calls, so
that the cores are as busy.
"""

import asyncio
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optical_memory.evaluation.lag import Lag, LoopLag
from optical_memory.evaluation.report import Figure
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.turn import parse_history

STEP = 12
"""Turns from one `acompress` to the next."""
QUESTION = "Which port did we pick, and why?"
TOKENS = 16


def evaluate_loop(model: str | Path, device: str | None, history: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Figures of both, in milliseconds. The bound is 10 ms."""
    aside = asyncio.run(_while_another_process_works(model, device, history))
    memory = OpticalMemory(model, device=device)
    own = asyncio.run(_while_this_process_works(memory, history))
    figures = [figure for name, lag in own.items() for figure in _figures(f"{name}, awaited", lag)]
    return [*figures, *_figures("the same calls in another process", aside)]


async def _while_this_process_works(memory: OpticalMemory, history: Sequence[Mapping[str, Any]]) -> dict[str, Lag]:
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
        "acompress": await _lag_during(compress),
        "arecall": await _lag_during(recall),
        "aask": await _lag_during(ask),
    }


async def _while_another_process_works(
    model: str | Path, device: str | None, history: Sequence[Mapping[str, Any]]
) -> Lag:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(model, device, list(history)))

    async def wait() -> None:
        process.start()
        while process.is_alive():
            await asyncio.sleep(0.05)

    lag = await _lag_during(wait)
    if process.exitcode != 0:
        raise RuntimeError(f"the other process ended with {process.exitcode}")
    return lag


def _work(model: str | Path, device: str | None, history: Sequence[Mapping[str, Any]]) -> None:
    memory = OpticalMemory(model, device=device)
    for length in [*range(STEP, len(history), STEP), len(history)]:
        memory.compress(history[:length])
    for turn in parse_history(history)[:: len(history) // 12 or 1]:
        memory.recall(turn.text[:200])
    for _ in range(2):
        memory.ask(QUESTION, TOKENS)


async def _lag_during(work: Callable[[], Any]) -> Lag:
    async with LoopLag() as lag:
        await asyncio.sleep(0.05)
        lag.forget()
        await work()
    return lag.found()


def _figures(system: str, lag: Lag) -> list[Figure]:
    rows = {
        "lag of the loop, ms, median": lag.median,
        "lag of the loop, ms, 99 %": lag.p99,
        "lag of the loop, ms, largest": lag.worst,
        "lag of the loop, ms, largest, less the loop's own wait for a core": lag.worst_own,
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
            n=lag.wakings,
        )
        for metric, value in rows.items()
    ]
