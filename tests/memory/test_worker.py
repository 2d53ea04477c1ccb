"""Asynchronous calls: cancelled at any moment, the memory is whole and the next call is right; the loop never waits."""

import asyncio
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from optical_memory.encoded import EncodedPage
from optical_memory.memory.keeping import BATCH
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.worker import TURN, short_turns
from optical_memory.modes import Mode
from tests.memory.fake import FakeModel, conversation, memory_of

HISTORY = conversation(24, 2500)


class Slow(FakeModel):
    """Takes a moment for each batch, as models do, with the lock of the interpreter free."""

    def encode(self, pages: Any, mode: Mode) -> list[EncodedPage]:
        time.sleep(0.004)
        return super().encode(pages, mode)


async def idle(memory: OpticalMemory) -> None:
    await memory._worker.run(lambda _: None)


@pytest.mark.parametrize("seed", range(4))
def test_cancelled_at_random_the_next_call_is_right(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    memory = memory_of(Slow(), store=tmp_path, scope="ann")
    plain = memory_of(FakeModel())

    async def talk() -> int:
        cancelled = 0
        for length in range(6, len(HISTORY) + 1, 2):
            for work in (
                lambda length=length: memory.acompress(HISTORY[:length]),
                lambda: memory.arecall("server latency"),
                lambda: memory.aask("port?", 4),
            ):
                task = asyncio.ensure_future(work())
                await asyncio.sleep(chance.uniform(0, 0.03))
                cancelled += task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return cancelled

    assert asyncio.run(talk()) > 5
    final = asyncio.run(memory.acompress(HISTORY))
    told = "".join(getattr(part, "text", "") or part.page.text for part in final.parts)
    assert told == "".join(message["content"] for message in HISTORY)
    assert [part.page.digest for part in final.pages] == [
        part.page.digest
        for part in plain.compress(HISTORY).pages
        if part.page.digest in {p.page.digest for p in final.pages}
    ]
    again = memory_of(FakeModel(), store=tmp_path, scope="ann").context
    assert again.messages() == final.messages()
    assert final.report.notes == []


class Gated(FakeModel):
    """Stands in its first batch until it is let go."""

    begun: threading.Event | None = None

    def encode(self, pages: Any, mode: Mode) -> list[EncodedPage]:
        made = super().encode(pages, mode)
        if self.begun is not None and not self.begun.is_set():
            self.begun.set()
            self.go.wait(30)
        return made

    def close(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()


def test_a_cancelled_call_stops_encoding_and_leaves_the_memory_as_it_was() -> None:
    model = Gated()
    memory = memory_of(model)
    before = memory.compress(HISTORY[:6])
    done = model.num_encoded
    model.close()

    async def cancel_early() -> None:
        task = asyncio.ensure_future(memory.acompress(conversation(80, 3000)))
        assert model.begun is not None and await asyncio.to_thread(model.begun.wait, 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        model.go.set()
        await idle(memory)

    asyncio.run(cancel_early())
    assert model.num_encoded - done == BATCH  # of more than 50 pages
    assert memory.context is before


def test_a_call_that_was_cancelled_while_it_waited_is_never_begun() -> None:
    model = Slow()
    memory = memory_of(model)

    async def talk() -> None:
        first = asyncio.ensure_future(memory.acompress(HISTORY))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(memory.acompress(conversation(40, 3100)))
        await asyncio.sleep(0)
        second.cancel()
        await first
        await idle(memory)

    asyncio.run(talk())
    assert len(memory.context.report.texts) + sum(len(part.page.sources) for part in memory.context.pages) < 60
    assert len(memory._record.turns) == len(HISTORY)


def test_many_waiting_calls_take_one_thread() -> None:
    memory = memory_of(Slow())
    before = threading.active_count()

    async def talk() -> int:
        calls = [asyncio.ensure_future(memory.acompress(HISTORY[:length])) for length in range(2, 24)]
        await asyncio.sleep(0.02)
        most = threading.active_count()
        await asyncio.gather(*calls)
        return most

    assert asyncio.run(talk()) <= before + 1


def test_threads_take_short_turns_while_a_loop_waits_and_only_then() -> None:
    usual = sys.getswitchinterval()
    memory = memory_of(FakeModel())
    seen = asyncio.run(memory._worker.run(lambda _: sys.getswitchinterval()))
    assert seen == pytest.approx(TURN) and sys.getswitchinterval() == usual
    with short_turns():
        with short_turns():
            pass
        assert sys.getswitchinterval() == pytest.approx(TURN), "another one is still at work"
    assert sys.getswitchinterval() == usual


def test_an_interval_that_somebody_else_set_meanwhile_stays() -> None:
    usual = sys.getswitchinterval()
    try:
        with short_turns():
            sys.setswitchinterval(0.002)
        assert sys.getswitchinterval() == pytest.approx(0.002)
        sys.setswitchinterval(0.0005)
        with short_turns():
            assert sys.getswitchinterval() == pytest.approx(0.0005), "shorter ones are not made longer"
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    finally:
        sys.setswitchinterval(usual)
