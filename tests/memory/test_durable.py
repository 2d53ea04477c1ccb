"""A conversation that outlives its process: bit for bit, through edits and trouble, and nobody else's."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from optical_memory.errors import InvalidHistoryError, StoreError
from optical_memory.memory.context import TextPart
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.pagefiles import TokenFiles
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.store import TokenStore
from optical_memory.model import Model
from optical_memory.modes import BASE, TINY
from tests.memory.fake import FakeModel, conversation, memory_of, prose

ROOT = Path(__file__).parents[2]
HISTORY = conversation(24, 2500)


def opened(folder: Path, model: FakeModel | None = None, scope: str = "ann/thread", **options: Any) -> OpticalMemory:
    return memory_of(model or FakeModel(), store=folder, scope=scope, **options)


def told(memory: OpticalMemory) -> str:
    return "".join(part.text if isinstance(part, TextPart) else part.page.text for part in memory.context.parts)


# After a restart

RESTART = """
import sys, torch
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.model import Model
from optical_memory.modes import TINY
def refuse(*_): raise AssertionError("encoded again")
Model.encode = refuse
memory = OpticalMemory(device="cpu", store=sys.argv[1], scope="ann", schedule=ForgettingSchedule(((0, TINY),)))
torch.save([(part.encoded.mode.name, part.encoded.tokens, part.fidelity) for part in memory.context.pages], sys.argv[2])
assert memory.recall("deploy rollback")
"""


def test_another_process_has_the_very_tokens_without_encoding(tmp_path: Path, bundled_model: Model) -> None:
    schedule = ForgettingSchedule(((0, TINY),))
    memory = OpticalMemory(bundled_model, store=tmp_path / "store", scope="ann", schedule=schedule, keep_last=0)
    pages = memory.compress(conversation(6, 2500)).pages
    done = subprocess.run(
        [sys.executable, "-c", RESTART, str(tmp_path / "store"), str(tmp_path / "tokens")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    restored = torch.load(tmp_path / "tokens")
    assert [name for name, _, _ in restored] == [part.encoded.mode.name for part in pages]
    for part, (_, tokens, fidelity) in zip(pages, restored, strict=True):
        (fresh,) = bundled_model.encode([part.page], part.encoded.mode)
        assert torch.equal(tokens, part.encoded.tokens) and torch.equal(tokens, fresh.tokens)
        assert fidelity == part.fidelity


def test_messages_pins_hits_and_fades_go_on_where_they_were(tmp_path: Path) -> None:
    lasting, model = memory_of(FakeModel()), FakeModel()
    for length in range(1, len(HISTORY) + 1, 2):
        memories = [lasting, opened(tmp_path, model)]
        if length == 9:
            for memory in memories:
                memory.pin("turn-2")
        contexts = [memory.compress(HISTORY[:length]) for memory in memories]
        assert contexts[0].messages() == contexts[1].messages()
        if length % 7 == 6:
            found = [[hit.turns for hit in memory.recall("server latency")] for memory in memories]
            assert found[0] == found[1]
    assert lasting.context.pages[0].encoded.mode == BASE  # it holds the pinned turn
    assert opened(tmp_path).context.messages() == lasting.context.messages()


def test_errata_come_back(tmp_path: Path) -> None:
    spoilt = {"Base": 0.01, "Small": 0.01, "Tiny": 0.01}
    first = opened(tmp_path, FakeModel(spoilt=spoilt), lossless=True).compress(HISTORY)
    again = opened(tmp_path, FakeModel(spoilt=spoilt), lossless=True).context
    assert [part.note for part in again.pages] == [part.note for part in first.pages]
    assert any(part.errata for part in first.pages)


def test_a_memory_sees_what_another_process_wrote(tmp_path: Path) -> None:
    reader, writer = opened(tmp_path), opened(tmp_path)
    writer.compress(HISTORY)
    assert [hit.turns for hit in reader.recall("server latency")] == [
        hit.turns for hit in writer.recall("server latency")
    ]


def test_another_encoder_makes_its_own_tokens(tmp_path: Path) -> None:
    opened(tmp_path).compress(HISTORY)
    other = FakeModel(fingerprint="other")
    assert {part.encoded.fingerprint for part in opened(tmp_path, other).context.pages} == {"other"}


# Histories that change


def test_an_edited_and_a_deleted_turn_cost_their_own_pages_only(tmp_path: Path) -> None:
    opened(tmp_path).compress(HISTORY)
    edited = [dict(message) for message in HISTORY]
    edited[5]["content"] = "Edited. " + edited[5]["content"]
    for history in (edited, edited[:9] + edited[10:]):
        model = FakeModel()
        memory = opened(tmp_path, model)
        touched = len(
            [part for part in memory.context.pages if "turn-5" in part.page.sources or "turn-9" in part.page.sources]
        )
        before = {part.page.digest for part in memory.context.pages}
        memory.compress(history)
        new = [part for part in memory.context.pages if part.page.digest not in before]
        assert 0 < len(new) <= touched + 1 < len(before) // 2
        assert told(memory) == told(opened(tmp_path)) == "".join(message["content"] for message in history)


def test_a_clock_that_goes_backwards_and_ids_given_twice_do_no_harm(tmp_path: Path) -> None:
    schedule = ForgettingSchedule(((0, BASE), (60, TINY)), unit="seconds")
    history: list[dict[str, Any]] = [
        {**message, "id": f"m{place}", "timestamp": 1000.0 - 40 * place} for place, message in enumerate(HISTORY)
    ]
    opened(tmp_path, schedule=schedule).compress(history)
    before = opened(tmp_path, schedule=schedule).context.messages()
    twice = [*history, history[3]]
    with pytest.raises(InvalidHistoryError, match="'m3'"):
        opened(tmp_path, schedule=schedule).compress(twice)
    assert opened(tmp_path, schedule=schedule).context.messages() == before


def test_tenants_with_the_same_text_share_no_file(tmp_path: Path) -> None:
    models = {scope: FakeModel() for scope in ("ann", "bob")}
    for scope, model in models.items():
        opened(tmp_path, model, scope).compress(HISTORY)
    assert models["ann"].num_encoded == models["bob"].num_encoded > 0
    homes = [TokenFiles(tmp_path).home(scope) for scope in models]
    assert sorted(tmp_path.iterdir()) == sorted(homes)
    shutil.rmtree(homes[0])
    assert told(opened(tmp_path, scope="bob")) == "".join(message["content"] for message in HISTORY)


def test_a_conversation_on_disk_is_its_users_alone(tmp_path: Path) -> None:
    opened(tmp_path).compress(HISTORY)
    (home,) = tmp_path.iterdir()
    assert home.stat().st_mode & 0o077 == 0


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).compress(HISTORY)
    (file,) = tmp_path.glob("*/journal.sqlite")
    with closing(sqlite3.connect(file)) as rows:
        rows.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"version 99.*upgrade"):
        opened(tmp_path)


def test_drawings_that_are_no_more_leave_no_file(tmp_path: Path) -> None:
    memory = opened(tmp_path)
    for length in range(1, len(HISTORY) + 1):
        memory.compress(HISTORY[:length])
    kept = {page.digest for page in memory._record.pages}
    assert {path.name for path in tmp_path.glob("*/tokens/*/*") if any(path.iterdir())} <= kept


# Trouble


def test_a_damaged_token_file_is_made_again_from_the_source(tmp_path: Path) -> None:
    first = opened(tmp_path).compress(HISTORY)
    for path in tmp_path.rglob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-9] ^= 64
        path.write_bytes(content)
    model = FakeModel()
    context = opened(tmp_path, model).context
    assert model.num_encoded == len(first.pages)
    assert all("damaged and is made again" in note for note in context.report.notes) and context.report.notes
    for part, was in zip(context.pages, first.pages, strict=True):
        assert torch.equal(part.encoded.tokens, was.encoded.tokens)
    healed = FakeModel()
    assert opened(tmp_path, healed).context.report.notes == [] and healed.num_encoded == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.name != "posix" or shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a file system takes rights that this user lacks")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_the_request_served(small_disk: Path) -> None:
    context = opened(small_disk).compress(HISTORY)
    assert context.messages() == memory_of(FakeModel()).compress(HISTORY).messages()
    assert any("No space left on device" in note for note in context.report.notes)
    memory = opened(small_disk)
    for path in small_disk.rglob("*.safetensors"):
        path.unlink()
    memory.compress(HISTORY[:7])
    assert memory.compress(HISTORY[:7]).report.notes == []
    assert told(opened(small_disk)) == "".join(message["content"] for message in HISTORY[:7])


LIMITED = """
import resource, sys, torch
sys.path.insert(0, ".")
from optical_memory.memory.pagefiles import TokenFiles
from optical_memory.memory.store import TokenStore
from tests.memory.fake import FakeModel, conversation, memory_of
history = conversation(24, 2500)
expected = memory_of(FakeModel()).compress(history).messages()
kind, folder = sys.argv[1:]
if kind == "file size":
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    memory = memory_of(FakeModel(), store=folder, scope="ann")
else:
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))
    memory = memory_of(FakeModel(), store=TokenStore(2**32, files=TokenFiles(__import__("pathlib").Path(folder))), scope="ann")
context = memory.compress(history)
assert context.messages() == expected
print(context.report.notes)
"""


@pytest.mark.parametrize(
    ("kind", "told"),
    [("file size", "could not be written: File too large"), ("memory", "no memory for the token store")],
)
def test_a_process_at_its_limits_tells_so_and_serves(tmp_path: Path, kind: str, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, kind, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert told in done.stdout


LOCK = """
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1], isolation_level=None)
rows.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_database_that_another_process_locks_is_told_and_written_later(tmp_path: Path) -> None:
    memory = opened(tmp_path)
    memory.compress(HISTORY[:10])
    memory._durable._journal.patience = 0.05  # type: ignore[union-attr]
    memory._durable._journal.close()  # type: ignore[union-attr]
    (file,) = tmp_path.glob("*/journal.sqlite")
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "locked\n"
        context = memory.compress(HISTORY)
        assert context.messages() == memory_of(FakeModel()).compress(HISTORY).messages()
        assert any("database is locked" in note for note in context.report.notes)
        assert len(opened(tmp_path)._record.turns) == 10
        holder.communicate("")
    assert memory.compress(HISTORY).report.notes == []
    assert told(opened(tmp_path)) == "".join(message["content"] for message in HISTORY)


def test_recall_without_room_on_the_device_gives_the_source(tmp_path: Path) -> None:
    class Full(FakeModel):
        full = False

        def encode(self, pages: Any, mode: Any) -> Any:
            if self.full:
                raise torch.OutOfMemoryError("no room")
            return super().encode(pages, mode)

    model = Full()
    memory = opened(tmp_path, model)
    memory.compress([*HISTORY[:8], {"role": "user", "content": prose(4000, 77) + " xylophone"}, *HISTORY[8:]])
    model.full = True
    (found,) = memory.recall("xylophone", limit=1)
    assert "xylophone" in found.text and found.certainty == 1.0


def test_a_store_shared_by_threads_stays_whole() -> None:
    store, troubles = TokenStore(budget=2**20, host_budget=2**19), []

    def talk(scope: str) -> None:
        try:
            memory = memory_of(FakeModel(), store=store, scope=scope)
            for length in range(4, 25, 4):
                memory.compress(HISTORY[:length])
            assert told(memory) == "".join(message["content"] for message in HISTORY)
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=talk, args=(f"tenant-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert store.num_bytes <= store.budget and store.host_bytes <= store.host_budget
    assert store.take_troubles() == []
