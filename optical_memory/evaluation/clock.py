"""Rates and peaks of a piece of work on a device, as figures."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from optical_memory.device import peak_bytes, start_peak, synchronise
from optical_memory.evaluation.report import Figure
from optical_memory.modes import Mode

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Clock:
    """Measures on one device. Work that is compared is done in turns, so that a busy minute harms all alike."""

    device: torch.device
    rounds: int

    def seconds(self, *works: Work) -> list[list[float]]:
        """For each work its seconds, round by round: those of the second of two in a row, as page follows page. The first, after
        another work, has its memory to fetch again: 6 % of the encoder's time at Tiny."""
        taken: list[list[float]] = [[] for _ in works]
        for _ in range(self.rounds):
            for work, times in zip(works, taken, strict=True):
                work()
                synchronise(self.device)
                began = time.perf_counter()
                work()
                synchronise(self.device)
                times.append(time.perf_counter() - began)
        return taken

    def peak(self, work: Work) -> int | None:
        """Bytes that the work takes beyond what is there before it; None where the system does not count them."""
        before = start_peak(self.device)
        if before is None:
            return None
        work()
        synchronise(self.device)
        return max(0, peak_bytes(self.device) - before)


def spread(task: str, system: str, mode: Mode | None, metric: str, values: Sequence[float]) -> Figure:
    """Median of the rounds, with the smallest and the largest as bounds."""
    length = None if mode is None or mode.tile_side else mode.sequence_length()
    return Figure(
        task=task,
        system=system,
        mode="" if mode is None else mode.name,
        sequence_length=length,
        metric=f"{metric} (median, min, max)",
        value=float(np.median(values)),
        low=min(values),
        high=max(values),
        n=len(values),
    )


def exact(task: str, system: str, mode: Mode | None, metric: str, value: float, n: int = 1) -> Figure:
    """A number that does not vary: arithmetic, or measured once. `n` = 0 says that nothing was measured."""
    length = None if mode is None or mode.tile_side else mode.sequence_length()
    name = "" if mode is None else mode.name
    return Figure(
        task=task,
        system=system,
        mode=name,
        sequence_length=length,
        metric=metric,
        value=value,
        low=value,
        high=value,
        n=n,
    )
