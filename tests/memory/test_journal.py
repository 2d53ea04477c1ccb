"""The journal: what is saved is what is loaded, in this process and in others, and trouble with its file is told."""

import json
import multiprocessing
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import DamagedStoreError, StoreError
from optical_memory.memory.budget import Option
from optical_memory.memory.journal import VERSION, Journal
from optical_memory.memory.marks import Marks
from optical_memory.memory.record import PageRecord, Record, turn_as_text, turn_from_text
from optical_memory.memory.turn import ToolCall, ToolResult, Turn
from optical_memory.modes import MODES

TEXT = st.text(st.characters(categories=None), max_size=12)
TURN = st.builds(
    Turn,
    st.sampled_from(("user", "assistant", "system", "tool")),
    TEXT,
    TEXT,
    st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | st.floats(allow_nan=False),
    st.lists(TEXT, max_size=2).map(tuple),
    st.none() | st.dictionaries(TEXT, st.integers() | TEXT, max_size=2),
    st.lists(st.builds(ToolResult, TEXT, TEXT), max_size=2).map(tuple),
)
OPTION = st.builds(
    Option,
    st.sampled_from(("page", "text", "out")),
    st.none() | st.sampled_from(sorted(MODES.values(), key=str)),
    st.integers(0, 9999),
    st.floats(0, 1),
    st.integers(0, 9999),
)
PAGE = st.builds(
    PageRecord,
    TEXT.map(ascii),
    OPTION,
    st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple),
    st.none() | st.integers(0, 9),
)
RECORD = st.builds(
    Record,
    st.lists(TURN, max_size=5).map(tuple),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(("", "64 x 64")),
    st.sampled_from(("", "an encoder, lossless")),
    st.lists(PAGE, max_size=4).map(tuple),
    st.builds(Marks, st.frozensets(TEXT, max_size=3), st.dictionaries(TEXT, st.integers(0, 99), max_size=3)),
)


@given(TURN)
@settings(max_examples=100, deadline=None)
def test_a_turn_comes_back_with_its_message(turn: Turn) -> None:
    back = turn_from_text(turn_as_text(turn))
    assert back == turn and back.message == turn.message


def test_a_message_that_json_cannot_hold_costs_only_the_message() -> None:
    turn = Turn("user", "text", message={"content": b"bytes"})
    back = turn_from_text(turn_as_text(turn))
    assert (back, back.message) == (turn, None)


@given(st.lists(RECORD, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_was_saved_last_is_loaded(tmp_path_factory: pytest.TempPathFactory, records: list[Record]) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite")
    for record in records:
        journal.save(record)
    assert journal.troubles == []
    assert Journal(journal.path).load() == records[-1]


def test_two_memories_of_one_scope_keep_each_others_marks(tmp_path: Path) -> None:
    one, other = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    one.save(Record((Turn("user", "hello", "a"),)))
    assert other.newer() == Record((Turn("user", "hello", "a"),))
    one.save(Record((Turn("user", "hello", "a"),), marks=Marks(frozenset("a"), {"x": 1})))
    other.save(Record((Turn("user", "hello", "a"),), marks=Marks(frozenset("b"), {"x": 2, "y": 3})))
    assert one.newer() == Record((Turn("user", "hello", "a"),), marks=Marks(frozenset("ab"), {"x": 2, "y": 3}))
    assert one.newer() is None


def test_saving_a_turn_more_writes_that_turn_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    record = Record(tuple(Turn("user", "long text " * 200, f"t{place}") for place in range(200)))
    journal.save(record)
    statements: list[str] = []
    journal._connection().set_trace_callback(statements.append)
    journal.save(replace(record, turns=(*record.turns, Turn("user", "new", "t200"))))
    assert [line for line in statements if line.startswith("REPLACE INTO turns")] == [
        f"REPLACE INTO turns VALUES (200, '{turn_as_text(Turn('user', 'new', 't200'))}')"
    ]


def test_pages_that_went_are_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    pages = tuple(PageRecord(name, Option.out(), (0,), 0) for name in "abc")
    assert journal.save(Record(pages=pages)) == frozenset()
    assert journal.save(Record(pages=pages[1:])) == frozenset("a")


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.save(Record())
    with sqlite3.connect(tmp_path / "j") as rows:
        rows.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=f"version {VERSION + 1}.*upgrade"):
        Journal(tmp_path / "j").load()


def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"this is no database" * 500)
    with pytest.raises(StoreError, match=r"damaged.*backup"):
        Journal(tmp_path / "j").load()


@pytest.mark.parametrize("row", ["{", "{}", "[]", '{"role": "king", "content": ""}', "[" * 100_000])
def test_a_damaged_row_is_refused_with_what_to_do(tmp_path: Path, row: str) -> None:
    journal = Journal(tmp_path / "j")
    journal.save(Record((Turn("user", "hello", "a"),)))
    with sqlite3.connect(tmp_path / "j") as rows:
        rows.execute("UPDATE turns SET turn = ?", (row,))
    with pytest.raises(DamagedStoreError, match=r"damaged.*backup"):
        Journal(tmp_path / "j").load()
    assert journal.newer() is None
    assert "damaged" in journal.troubles[0]


def test_a_message_that_its_owner_wrote_to_is_written_again(tmp_path: Path) -> None:
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,PASSPORT"}}]}
    journal, record = Journal(tmp_path / "j"), Record((Turn("user", "", "a", message=message),))
    journal.save(record)
    message["content"][0]["image_url"]["url"] = "data:,BLACKED"  # type: ignore[index]
    journal.save(record)
    (turn,) = Journal(tmp_path / "j").load().turns
    assert "BLACKED" in str(turn.message) and "PASSPORT" not in str(turn.message)


def test_a_message_that_is_no_dict_comes_back_as_one() -> None:
    message = MappingProxyType({"role": "user", "content": [MappingProxyType({"type": "text", "text": "see"})]})
    back = turn_from_text(turn_as_text(Turn("user", "see", message=message)))
    assert back.message == {"role": "user", "content": [{"type": "text", "text": "see"}]}


def test_a_store_of_version_1_is_read_and_goes_on(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "j") as rows:
        for statement in VERSION_1.split(";"):
            rows.execute(statement)
        rows.execute(
            "INSERT INTO turns VALUES (0, ?), (1, ?)", [turn_as_text(Turn("user", "a", name)) for name in "ab"]
        )
    journal, page = Journal(tmp_path / "j"), PageRecord("d", Option("page", MODES["Tiny"], 73, 1.0, 73), (0, 1), 0)
    assert journal.load().pages == (page,)
    record = replace(journal.load(), terms="new", pages=(replace(page, sources=(0, 2)),))
    journal.save(record)
    assert journal.troubles == [] and Journal(tmp_path / "j").load() == record


VERSION_1 = """
PRAGMA journal_mode = WAL;
CREATE TABLE state (only_row INTEGER PRIMARY KEY CHECK (only_row = 0),
    settled INTEGER NOT NULL, border INTEGER NOT NULL, layout TEXT NOT NULL, erasing INTEGER NOT NULL);
CREATE TABLE turns (position INTEGER PRIMARY KEY, turn TEXT NOT NULL);
CREATE TABLE pages (place INTEGER PRIMARY KEY, digest TEXT NOT NULL, kind TEXT NOT NULL, mode TEXT, cost INTEGER NOT NULL,
    fidelity REAL NOT NULL, length INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, start INTEGER);
CREATE TABLE marks (turn TEXT NOT NULL, kind TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (turn, kind)) WITHOUT ROWID;
INSERT INTO state VALUES (0, 2, 2, '64 x 64', 0);
INSERT INTO pages VALUES (0, 'd', 'page', 'Tiny', 73, 1.0, 73, 0, 1, 0);
PRAGMA user_version = 1
"""


def test_a_locked_file_is_told_and_written_later(tmp_path: Path) -> None:
    journal, record = Journal(tmp_path / "j", patience=0.05), Record((Turn("user", "hello", "a"),))
    journal.save(Record())
    other = sqlite3.connect(tmp_path / "j", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal.save(record)
    assert "could not be written: database is locked" in journal.troubles[0]
    with pytest.raises(StoreError, match=r"nothing was forgotten.*locked"):
        journal.purge(record)
    other.execute("ROLLBACK")
    journal.save(record)
    assert Journal(tmp_path / "j").load() == record


READER = """
import json, sys
from pathlib import Path
from optical_memory.memory.journal import Journal
journal = Journal(Path(sys.argv[1]))
seen = []
while not seen or seen[-1] < 60:
    record = journal.load()
    assert [turn.content for turn in record.turns] == [str(place) for place in range(len(record.turns))], "torn"
    assert record.settled == len(record.turns), "torn"
    if not seen:
        print("ready", flush=True)
    if not seen or seen[-1] != len(record.turns):
        seen.append(len(record.turns))
print(json.dumps([journal.troubles, seen == sorted(seen)]), flush=True)
"""


def test_readers_in_other_processes_see_whole_states_only(tmp_path: Path) -> None:
    journal, record = Journal(tmp_path / "j"), Record()
    journal.save(record)
    command = [sys.executable, "-c", READER, str(tmp_path / "j")]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None and reader.stdout.readline() == "ready\n"
    for place in range(60):
        record = replace(record, turns=(*record.turns, Turn("user", str(place), f"t{place}")), settled=place + 1)
        journal.save(record)
    assert journal.troubles == []
    for reader in readers:
        out, _ = reader.communicate(timeout=60)
        assert json.loads(out) == [[], True]


def _save_in_a_fork(journal: Journal) -> None:
    journal.save(Record((Turn("user", "from the fork", "a"),)))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_opens_the_file_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.save(Record())
    fork = multiprocessing.get_context("fork").Process(target=_save_in_a_fork, args=(journal,))
    fork.start()
    fork.join()
    record = journal.newer()
    assert record is not None and record.turns[0].content == "from the fork"
    assert journal.troubles == []
