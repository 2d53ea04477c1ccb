"""Applications in processes of their own on this machine's loopback, each telling how long its event loop kept others waiting."""

import asyncio
import gc
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import uvicorn

from optical_memory.errors import OpticalMemoryError
from optical_memory.evaluation.lag import Lag, LoopLag

READY_SECONDS = 120.0
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs; `port` on 127.0.0.1."""

    port: int
    pipe: "Connection[Any, Any]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def forget_lag(self) -> None:
        self.pipe.send("forget")
        self.pipe.recv()

    def lag(self) -> Lag:
        """Of its event loop, since the last `forget_lag`."""
        self.pipe.send("lag")
        return Lag.model_validate(self.pipe.recv())


@contextmanager
def running(build: Callable[..., Any], *arguments: Any) -> Iterator[Running]:
    """The server of `build(*arguments)`, an ASGI application, which is called in the new process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    port = _free_port()
    process = context.Process(target=_serve, args=(port, theirs, build, arguments))
    process.start()
    try:
        _wait_for(port, process)
        yield Running(port, ours)
    finally:
        if process.is_alive():
            ours.send("stop")
            process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()
        process.join()


def _serve(port: int, pipe: "Connection[Any, Any]", build: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    config = uvicorn.Config(
        build(*arguments),
        host="127.0.0.1",
        port=port,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    gc.collect()
    gc.freeze()  # as the commands do

    async def run() -> None:
        async with LoopLag() as lag:
            listening = asyncio.create_task(_obey(pipe, server, lag))
            await server.serve()
            listening.cancel()

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run())


async def _obey(pipe: "Connection[Any, Any]", server: uvicorn.Server, lag: LoopLag) -> None:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pipe.fileno(), readable.set)
    while True:
        await readable.wait()
        readable.clear()
        while pipe.poll():
            match pipe.recv():
                case "forget":
                    lag.forget()
                    pipe.send(None)
                case "lag":
                    pipe.send(lag.found().model_dump())
                case _:
                    loop.remove_reader(pipe.fileno())
                    server.should_exit = True
                    return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: Any) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError as error:
            if time.monotonic() > deadline or not process.is_alive():
                raise OpticalMemoryError("a server for the trial did not start") from error
            time.sleep(0.05)
