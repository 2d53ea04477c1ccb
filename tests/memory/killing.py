"""Kills real processes while they write or forget, and looks at what they leave: `python -m tests.memory.killing DIR KIND SEED`.

Prints one JSON document. Every life and every look is a process of its own, forked before anything is opened.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import TextPart
from optical_memory.memory.fidelity import encode_and_measure
from optical_memory.memory.optical_memory import OpticalMemory
from tests.memory.fake import FakeModel, conversation, memory_of

TURNS = 30
HISTORY = conversation(TURNS, 2500)
CANARY = "canary-5b1e77"
SCOPE = "ann/thread"


def opened(folder: Path) -> OpticalMemory:
    return memory_of(FakeModel(), store=folder, scope=SCOPE)


def in_a_process(work: Callable[[], None], patience: float | None = None) -> bool:
    """Runs work in a fork; killed after `patience` seconds. -> whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if patience is not None:
        time.sleep(patience)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status) != 0:
        sys.exit(f"a process failed in {work}")
    return True


def converse(folder: Path) -> None:
    """Goes on where the last life ended, a turn at a time."""
    memory = opened(folder)
    for length in range(len(memory._record.turns) + 1, TURNS + 1):
        memory.compress(HISTORY[:length])


def look(folder: Path) -> None:
    """Asserts that the store is whole: turns as they were said, each character once, tokens those of a fresh encode."""
    for file in folder.rglob("journal.sqlite"):
        with sqlite3.connect(file) as rows:
            assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    memory = opened(folder)
    turns = memory._record.turns
    assert [turn.content for turn in turns] == [message["content"] for message in HISTORY[: len(turns)]]
    if not turns:
        return
    context, fresh = memory.context, FakeModel()
    assert context.report.notes == []
    told = "".join(part.text if isinstance(part, TextPart) else part.page.text for part in context.parts)
    assert told == "".join(turn.text for turn in turns)
    for part in context.pages:
        (made,) = encode_and_measure(fresh, [part.page], part.encoded.mode)
        assert torch.equal(made.encoded.tokens, part.encoded.tokens)


def shape_of(memory: OpticalMemory) -> list[str]:
    return [
        "text" if isinstance(part, TextPart) else f"{part.encoded.mode} {part.page.digest}"
        for part in memory.context.parts
    ]


def kill_writers(folder: Path, chance: random.Random) -> dict[str, int]:
    uninterrupted = memory_of(FakeModel())
    for length in range(1, TURNS + 1):
        uninterrupted.compress(HISTORY[:length])
    kills = rounds = 0
    while kills < 16:
        rounds += 1
        store = folder / f"round-{rounds}"
        while not in_a_process(lambda store=store: converse(store), chance.uniform(0.002, 0.2)):  # type: ignore[misc]
            kills += 1
            in_a_process(lambda store=store: look(store))  # type: ignore[misc]
        in_a_process(lambda store=store: compare(store, shape_of(uninterrupted)))  # type: ignore[misc]
    return {"kills": kills, "rounds": rounds}


def compare(folder: Path, shape: list[str]) -> None:
    """The conversation that was killed again and again is kept as the one that never was."""
    assert shape_of(opened(folder)) == shape


def remember_the_canary(folder: Path) -> None:
    history = [dict(message) for message in HISTORY]
    history[11]["content"] = f"The word is {CANARY}. " + history[11]["content"]
    memory = opened(folder)
    for length in (10, 20, TURNS):
        memory.compress(history[:length])


def forget_the_canary(folder: Path) -> None:
    memory = opened(folder)
    assert memory.forget(matching=CANARY).is_complete


def look_for_the_canary(folder: Path, counts: Path) -> None:
    """Either nothing was begun and all is there, or opening the store has finished it and no file holds a trace."""
    memory = opened(folder)
    there = any(CANARY in turn.text for turn in memory._record.turns)
    assert len(memory._record.turns) == (TURNS if there else TURNS - 1)
    assert memory.context.report.notes == []
    found = [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert bool(found) == there, found
    with counts.open("a") as file:
        file.write("n" if there else "y")


def kill_forgetters(folder: Path, chance: random.Random) -> dict[str, int]:
    original, counts = folder / "original", folder / "counts"
    in_a_process(lambda: remember_the_canary(original))
    shutil.copytree(original, folder / "timed")
    began = time.perf_counter()
    in_a_process(lambda: forget_the_canary(folder / "timed"))
    took = time.perf_counter() - began
    kills = 0
    for number in range(16):
        store = folder / f"copy-{number}"
        shutil.copytree(original, store)
        kills += not in_a_process(
            lambda store=store: forget_the_canary(store),  # type: ignore[misc]
            chance.uniform(0.05, 1.0) * took,
        )
        in_a_process(lambda store=store: look_for_the_canary(store, counts))  # type: ignore[misc]
    return {"kills": kills, "forgotten": counts.read_text().count("y"), "untouched": counts.read_text().count("n")}


if __name__ == "__main__":
    torch.set_num_threads(1)
    count_text_tokens(["loads the vocabulary before the forks"])
    where, kind, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    work = {"writers": kill_writers, "forgetters": kill_forgetters}[kind]
    print(json.dumps(work(where, random.Random(seed))))
