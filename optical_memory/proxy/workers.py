"""Rewriting in processes of its own: reading JSON and drawing hold Python's lock, and a loop in the same process would wait.

Each process keeps drawings of its own; what is cached decides no byte. A process that dies takes no request with it.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from typing import Any, TypeVar

from optical_memory.proxy.rewrite import Rewritten, rewrite, told
from optical_memory.view import Views
from optical_memory.view.views import ViewOptions

Result = TypeVar("Result")
MOST_PROCESSES = 4


class Rewriters:
    """A pool of processes, begun with the first request or with `begin`. A program that embeds it starts under
    `if __name__ == "__main__"`, as multiprocessing wants it."""

    def __init__(self, options: ViewOptions, processes: int | None = None) -> None:
        self.options = options
        self.processes = processes or min(MOST_PROCESSES, max(1, (os.cpu_count() or 1) // 2))
        self._pool: ProcessPoolExecutor | None = None

    def begin(self) -> None:
        """Starts a process and has it load the vocabulary and the typeface, so that no request waits for them."""
        self._running().submit(_views, self.options)

    async def rewrite(self, path: str, body: bytes, scope: str) -> Rewritten | None:
        """As `rewrite` does; whatever becomes of the process, a request goes on."""
        try:
            return await self._run(partial(_rewrite, self.options, path, body, scope))
        except BrokenProcessPool:
            self._pool = None
            return Rewritten(body, told(None, "failed open, the drawing process died"))

    async def recall(self, body: bytes) -> str | None:
        """The answer of the tool `recall_memory` to a request; None for one that asks nothing."""
        try:
            return await self._run(partial(_recall, self.options, body))
        except BrokenProcessPool:
            self._pool = None
            return "The memory cannot be searched at the moment."

    def end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._running(), work)

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.processes, context, initializer=_begin)
        return self._pool


def _begin() -> None:
    """An interrupt at the terminal is for the server, which ends us; if it cannot any more, we end by ourselves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@cache
def _views(options: ViewOptions) -> Views:
    """The views of this process."""
    return Views.of(options)


def _rewrite(options: ViewOptions, path: str, body: bytes, scope: str) -> Rewritten | None:
    return rewrite(path, body, _views(options), scope)


def _recall(options: ViewOptions, body: bytes) -> str | None:
    try:
        asked: Any = json.loads(body)
        query, messages = str(asked["query"]), list(asked["messages"])
        model, shape = str(asked.get("model", "")), asked.get("shape")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return _views(options).recall(query, messages, model, shape)
