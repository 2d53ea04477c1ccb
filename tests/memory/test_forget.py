"""To forget: afterwards no file holds a trace, the rest is as it was, and the receipt says what went."""

import gc
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from optical_memory.cli import main
from optical_memory.errors import OpticalMemoryError, StoreError
from optical_memory.memory.context import TextPart
from optical_memory.memory.forget import Receipt
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.pagefiles import TokenFiles
from optical_memory.memory.store import TokenStore
from optical_memory.model import Model
from tests.memory.fake import FakeModel, conversation, memory_of, prose

CANARY = "kanarienvogel-ä-77f3"
"""Not ASCII, so that escapes would show."""
PLACE = 9


def history(turns: int = 24) -> list[dict[str, Any]]:
    messages = conversation(turns, 2500)
    messages[PLACE]["content"] += f" the word is {CANARY}."
    return messages


def traces(folder: Path) -> list[str]:
    """Files that hold the canary in any writing: UTF-8, UTF-16, UTF-32 (visual tokens of the fake model), JSON's escapes."""
    writings = [CANARY.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")]
    writings += [json.dumps(CANARY)[1:-1].encode(), CANARY.encode("ascii", "ignore")[-8:]]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(writing in path.read_bytes() for writing in writings)]


def opened(folder: Path, scope: str = "ann/thread", **options: Any) -> OpticalMemory:
    return memory_of(FakeModel(), store=TokenStore(2**22, 2**22, files=TokenFiles(folder)), scope=scope, **options)


def remembered(folder: Path) -> OpticalMemory:
    """Said turn by turn, so that older drawings were there, with the canary on a page, in the journal and its log."""
    memory = opened(folder)
    for length in range(PLACE + 1, 25, 3):
        memory.compress(history()[:length])
    memory.compress(history())
    assert {"journal.sqlite-wal"} < set(traces(folder)) and any(name.endswith("safetensors") for name in traces(folder))
    return memory


def told(memory: OpticalMemory) -> str:
    return "".join(part.text if isinstance(part, TextPart) else part.page.text for part in memory.context.parts)


WAYS: list[dict[str, Any]] = [
    {"turns": f"turn-{PLACE}"},
    {"turns": ["turn-3", f"turn-{PLACE}"]},
    {"matching": CANARY},
    {"matching": re.compile("KANARIEN", re.IGNORECASE)},
    {"page": 6},
    {"scope": "ann/thread"},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_afterwards_no_file_holds_a_trace(tmp_path: Path, way: dict[str, Any]) -> None:
    memory = remembered(tmp_path)
    arena = memory.store._arena
    assert arena is not None
    needle = torch.frombuffer(bytearray(CANARY.encode("utf-32-le")), dtype=torch.uint8)
    assert holds(arena._memory, needle)
    if "page" in way:
        assert f"turn-{PLACE}" in memory.context.pages[way["page"] - 1].page.sources
    receipt = memory.forget(**way)
    assert f"turn-{PLACE}" in receipt.turns and receipt.is_complete
    assert {line.split(":")[0] for line in receipt.erased} >= {"device", "file"}
    assert receipt.index_entries > 0 and receipt.journal_rows > 0
    assert traces(tmp_path) == []
    assert not holds(arena._memory, needle)
    if "scope" in way:
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(OpticalMemoryError, match="nothing is remembered"):
            memory.recall("port")
        return
    kept = [message["content"] for place, message in enumerate(history()) if f"turn-{place}" not in receipt.turns]
    assert told(memory) == told(opened(tmp_path)) == "".join(kept)
    assert all(CANARY not in hit.text for hit in memory.recall(f"the word {CANARY}", limit=99))
    assert traces(tmp_path) == []


def holds(memory: torch.Tensor, needle: torch.Tensor) -> bool:
    return needle.numpy().tobytes() in memory.numpy().tobytes()


def test_pages_without_the_turn_are_neither_erased_nor_drawn_again(tmp_path: Path) -> None:
    memory = remembered(tmp_path)
    before = {part.page.digest for part in memory.context.pages[:-1]}  # the last one fills up
    doomed = {part.page.digest for part in memory.context.pages if f"turn-{PLACE}" in part.page.sources}
    receipt = memory.forget(matching=CANARY)
    assert set(receipt.pages) == doomed
    assert before - doomed <= {part.page.digest for part in memory.context.pages}


def test_forgetting_a_scope_leaves_the_others(tmp_path: Path) -> None:
    ann, bob = remembered(tmp_path), opened(tmp_path, "bob")
    bob.compress(history())
    assert ann.forget(scope="bob").turns == tuple(f"turn-{place}" for place in range(24))
    left = [path.name for path in TokenFiles(tmp_path).home("bob").rglob("*")]
    assert "journal.sqlite" in left and len(left) <= 3  # another memory has it open; nothing is in it
    assert told(opened(tmp_path)) == "".join(message["content"] for message in history())
    with pytest.raises(OpticalMemoryError, match="nothing is remembered"):
        bob.recall("port")
    assert len(bob.store) == 0
    del bob
    gc.collect()
    assert opened(tmp_path, "bob").forget(scope="bob").is_complete
    assert [path.name for path in tmp_path.iterdir()] == [TokenFiles(tmp_path).home("ann/thread").name]


def test_a_memory_without_files_forgets_too() -> None:
    memory = memory_of(FakeModel())
    memory.compress(history())
    receipt = memory.forget(matching=CANARY)
    assert receipt.turns == (f"turn-{PLACE}",) and receipt.journal_rows == 0
    assert CANARY not in told(memory)


def test_what_is_not_there_is_not_forgotten(tmp_path: Path) -> None:
    memory = remembered(tmp_path)
    before = memory.context.messages()
    with pytest.raises(OpticalMemoryError, match="no turn is called 'turn-99'"):
        memory.forget(turns=["turn-1", "turn-99"])
    with pytest.raises(OpticalMemoryError, match="no page 99"):
        memory.forget(page=99)
    for nothing in ({}, {"turns": "turn-1", "page": 1}):
        with pytest.raises(ValueError, match="one of"):
            memory.forget(**nothing)
    assert memory.forget(matching="nobody said this") == Receipt("ann/thread")
    assert memory.context.messages() == before


def test_a_reader_in_the_way_is_told_and_the_next_opening_finishes(tmp_path: Path) -> None:
    memory = remembered(tmp_path)
    (file,) = tmp_path.glob("*/journal.sqlite")
    memory._durable._journal.patience = 0.05  # type: ignore[union-attr]
    memory._durable._journal.close()  # type: ignore[union-attr]
    with sqlite3.connect(file, isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM turns").fetchone()
        receipt = memory.forget(matching=CANARY)
        assert not receipt.is_complete
        assert "another process" in receipt.left[0] or "locked" in receipt.left[0]
        reader.execute("ROLLBACK")
    opened(tmp_path)
    assert traces(tmp_path) == []


def test_a_locked_store_forgets_nothing_and_says_so(tmp_path: Path) -> None:
    memory = remembered(tmp_path)
    (file,) = tmp_path.glob("*/journal.sqlite")
    memory._durable._journal.patience = 0.05  # type: ignore[union-attr]
    memory._durable._journal.close()  # type: ignore[union-attr]
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="nothing was forgotten"):
            memory.forget(matching=CANARY)
        other.execute("ROLLBACK")
    assert CANARY in told(memory)
    assert memory.forget(matching=CANARY).is_complete


def test_keys_and_values_of_the_decoder_are_overwritten(tiny_model: Model) -> None:
    memory = OpticalMemory(tiny_model, keep_last=2)
    memory.compress([{"role": "user", "content": prose(300, place)} for place in range(4)])
    memory.ask("port?", 2)
    cache = memory._prefix.cache
    keys = [layer.keys for layer in cache.layers]
    assert any(bool(key.any()) for key in keys)
    memory.forget(turns="turn-0")
    assert memory._prefix.cache is None
    assert not any(bool(key.any()) for key in keys)


def test_the_command_forgets_and_its_receipt_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remembered(tmp_path)
    gc.collect()
    place = ["--store", str(tmp_path), "--scope", "ann/thread"]
    assert main(["forget", *place, "--matching", CANARY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["turns"] == [f"turn-{PLACE}"]
    assert traces(tmp_path) == []
    assert main(["forget", *place, "--all"]) == 0
    assert "23 turns" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert main(["forget", *place, "--all"]) == 1
    assert "holds no conversation of the scope" in capsys.readouterr().err


@pytest.mark.parametrize("nothing", ["", re.compile("x*"), re.compile("(?:)")])
def test_a_pattern_that_every_turn_holds_forgets_nothing(tmp_path: Path, nothing: "str | re.Pattern[str]") -> None:
    memory = remembered(tmp_path)
    before = memory.context.messages()
    with pytest.raises(OpticalMemoryError, match="nothing was forgotten"):
        memory.forget(matching=nothing)
    assert memory.context.messages() == before


def test_what_stood_as_text_between_a_pages_turns_stays(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    messages = [
        {"role": "user", "content": prose(700, 1)},
        {"role": "system", "content": "Never say the date."},
        {"role": "user", "content": [{"type": "text", "text": "my only photo"}, picture]},
        {"role": "assistant", "content": prose(2500, 2)},
        *conversation(8, 1500),
    ]
    memory = opened(tmp_path)
    assert memory.compress(messages).pages[0].page.sources == ("turn-0", "turn-3", "turn-4")
    assert opened(tmp_path).forget(page=1).turns == ("turn-0", "turn-3", "turn-4")
    assert "Never say the date." in str(opened(tmp_path).context.messages())
    assert "my only photo" in str(opened(tmp_path).context.messages())


@pytest.mark.parametrize("said", ["René Müller", "C:\\Users\\ann", 'they said "hi"'])
def test_what_json_escapes_is_found(said: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": json.dumps({"who": [said]})}}
    messages = [
        {"role": "user", "content": prose(300, 1)},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": json.dumps({"found": said})},
        *conversation(4, 300),
    ]
    memory = memory_of(FakeModel())
    memory.compress(messages)
    assert memory.forget(matching=said).turns == ("turn-1", "turn-2")
    blocks = [{"type": "tool_use", "id": "t", "name": "find", "input": {said: 1}}]
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]
    memory = memory_of(FakeModel())
    memory.compress(
        [messages[0], {"role": "assistant", "content": blocks}, {"role": "user", "content": result}, *messages[3:]]
    )
    assert memory.forget(matching=said).turns == ("turn-1",)


def test_a_damaged_journal_does_not_keep_a_scope_from_being_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remembered(tmp_path)
    gc.collect()
    (file,) = tmp_path.glob("*/journal.sqlite")
    place = ["forget", "--store", str(tmp_path), "--scope", "ann/thread"]
    with closing(sqlite3.connect(file, isolation_level=None)) as rows:
        rows.execute("UPDATE turns SET turn = substr(turn, 5) WHERE position = 3")
    assert main([*place, "--turn", "turn-1"]) == 1
    assert "damaged" in capsys.readouterr().err
    assert main([*place, "--all"]) == 0
    assert list(tmp_path.iterdir()) == []
    remembered(tmp_path)
    gc.collect()
    (file,) = tmp_path.glob("*/journal.sqlite")
    file.write_bytes(b"this is no database" * 500)
    assert main([*place, "--all"]) == 0
    assert list(tmp_path.iterdir()) == []
