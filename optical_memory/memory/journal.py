"""A conversation's durable state: one SQLite file a scope, in WAL mode. One process writes at a time, many read.

A scope has a file of its own so that tenants share nothing, do not wait for each other, and forgetting costs what the
conversation holds, not what the store holds. Each save is one transaction of the rows that changed.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from optical_memory.errors import DamagedStoreError, StoreError
from optical_memory.memory.budget import Option
from optical_memory.memory.marks import Marks
from optical_memory.memory.record import PageRecord, Record, turn_as_text, turn_from_text
from optical_memory.modes import mode_named

VERSION = 2
"""Of the tables below; a store of a newer version is refused."""
PATIENCE = 2.0
"""Seconds that a call waits for another process to finish writing."""

_TABLES = """
CREATE TABLE state (only_row INTEGER PRIMARY KEY CHECK (only_row = 0),
    settled INTEGER NOT NULL, border INTEGER NOT NULL, layout TEXT NOT NULL, erasing INTEGER NOT NULL,
    terms TEXT NOT NULL DEFAULT '');
CREATE TABLE turns (position INTEGER PRIMARY KEY, turn TEXT NOT NULL);
CREATE TABLE pages (place INTEGER PRIMARY KEY, digest TEXT NOT NULL, kind TEXT NOT NULL, mode TEXT, cost INTEGER NOT NULL,
    fidelity REAL NOT NULL, length INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, start INTEGER, sources TEXT);
CREATE TABLE marks (turn TEXT NOT NULL, kind TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (turn, kind)) WITHOUT ROWID;
INSERT INTO state VALUES (0, 0, 0, '', 0, '');
"""
_PAGE = "place, digest, kind, mode, cost, fidelity, length, first, last, start, sources"
_SINCE_1 = ("ALTER TABLE state ADD COLUMN terms TEXT NOT NULL DEFAULT ''", "ALTER TABLE pages ADD COLUMN sources TEXT")
"""Version 1 kept a page's first and last turn only: where `sources` is empty it held all between them."""


class Journal:
    """`load` and `save` let trouble with the disk pass, and note it; `purge`, which must not fail in silence, raises."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self.path = path
        self.patience = patience
        self.troubles: list[str] = []
        self._open: tuple[sqlite3.Connection, tuple[int, int]] | None = None
        self._inherited: sqlite3.Connection | None = None
        """Of the process that this one was forked from: it may be neither used nor closed here."""
        self._known = Record()
        self._seals: tuple[int, ...] = ()
        """Hashes of the rows of `_known`'s turns: the messages themselves are their owner's, who may have written to them since."""
        self._seen: int | None = None
        """SQLite's count of other connections' commits when `_known` was what the file holds."""

    def load(self) -> Record:
        """What the file holds; nothing where there is no file yet. Raises StoreError for one of a newer version or damaged."""
        if not self.path.exists():
            self._known, self._seals = Record(), ()
            return self._known
        try:
            with self._transaction("DEFERRED") as rows:
                (self._known, self._seals), self._seen = self._read(rows), _commits(rows)
        except sqlite3.Error as error:
            if _is_damage(error):
                raise self._damaged(error) from error
            self._trouble("read", error)
        return self._known

    def newer(self) -> Record | None:
        """What the file holds if another process wrote it since it was last read or written here."""
        try:
            if self._seen is None or not self._is_current() or _commits(self._connection()) != self._seen:
                known = self._known
                record = self.load()
                return record if record != known else None
        except (sqlite3.Error, StoreError) as error:
            self._trouble("read", error)
        return None

    def save(self, record: Record) -> frozenset[str]:
        """Writes what changed; -> digests of the pages that are no longer there. If it cannot, the next save does."""
        try:
            with self._transaction("IMMEDIATE") as rows:
                commits = _commits(rows)
                before, seals = self._read(rows) if commits != self._seen else (self._known, self._seals)
                seals = _write(rows, before, seals, record)
                _write_marks(rows, self._known, record)
            self._known, self._seals, self._seen = record, seals, commits
            return frozenset(page.digest for page in before.pages) - {page.digest for page in record.pages}
        except (sqlite3.Error, StoreError) as error:
            self._trouble("written", error)
            return frozenset()

    def save_marks(self, record: Record) -> None:
        """Writes the pins and hits that changed. Turns and pages stay as they are in the file, whoever wrote them; `newer` still
        notices that somebody did."""
        try:
            with self._transaction("IMMEDIATE") as rows:
                _write_marks(rows, self._known, record)
            self._known = replace(self._known, marks=record.marks)
        except (sqlite3.Error, StoreError) as error:
            self._trouble("written", error)

    def _trouble(self, done: str, error: Exception) -> None:
        self.troubles.append(f"the conversation's state could not be {done}: {error}")

    # Forgetting

    def purge(self, record: Record) -> None:
        """Replaces everything by `record`, and notes that erasing has begun, in one transaction. Raises StoreError."""
        try:
            with self._transaction("IMMEDIATE") as rows:
                for table in ("turns", "pages", "marks"):
                    rows.execute(f"DELETE FROM {table}")
                seals = _write(rows, Record(), (), record)
                _write_marks(rows, Record(), record)
                rows.execute("UPDATE state SET erasing = 1")
                commits = _commits(rows)
            self._known, self._seals, self._seen = record, seals, commits
        except sqlite3.Error as error:
            if _is_damage(error):
                raise self._damaged(error) from error
            raise StoreError(f"nothing was forgotten: {self.path} could not be written ({error}); try again") from error

    def clear(self) -> None:
        """Replaces everything by nothing; a damaged file is deleted. Raises StoreError."""
        try:
            self.purge(Record())
        except DamagedStoreError:
            self.close()
            for ending in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            self._known, self._seals = Record(), ()

    def is_erasing(self) -> bool:
        """True where a process began to forget and was stopped before it was done."""
        with suppress(sqlite3.Error):
            if self.path.exists():
                return bool(self._connection().execute("SELECT erasing FROM state").fetchone()[0])
        return False

    def scrub(self, is_last: bool) -> str:
        """Rewrites the file without what was deleted and empties its write-ahead log; -> why it could not, or "".

        `is_last`: nothing else is left to erase, so that the next process need not go on with it.
        """
        try:
            rows = self._connection()
            rows.execute("VACUUM")
            busy = rows.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if busy:
                return "the write-ahead log is in use by another process; it is emptied when the store is opened again"
            if is_last:
                rows.execute("UPDATE state SET erasing = 0")
                rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            return f"the state's file could not be rewritten: {error}; it is when the store is opened again"
        return ""

    def remove(self) -> None:
        """Deletes an empty file, unless another process has it open."""
        self.close()
        if not self.path.with_name(f"{self.path.name}-wal").exists():
            self.path.unlink(missing_ok=True)
            with suppress(OSError):
                self.path.parent.rmdir()

    def close(self) -> None:
        if self._open is not None:
            self._open[0].close()
        self._open, self._seen = None, None

    def _read(self, rows: sqlite3.Connection) -> tuple[Record, tuple[int, ...]]:
        """What the file holds, and the hashes of its turns' rows."""
        try:
            return _record_in(rows)
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedStoreError:
        return DamagedStoreError(
            f"{self.path} is damaged ({error}): put a backup in its place, or delete it; the next history begins it anew"
        )

    # The connection

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        rows = self._connection()
        rows.execute(f"BEGIN {kind}")
        try:
            yield rows
            rows.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                rows.execute("ROLLBACK")
            raise

    def _is_current(self) -> bool:
        return self._open is not None and self._open[1] == self._identity()

    def _identity(self) -> tuple[int, int]:
        """Of this process and the file: a connection is used in the process that opened it, on the file that is there."""
        return os.getpid(), self.path.stat().st_ino if self.path.exists() else 0

    def _connection(self) -> sqlite3.Connection:
        if self._open is not None and self._is_current():
            return self._open[0]
        if self._open is not None and self._open[1][0] != os.getpid():
            self._inherited = self._open[0]
        else:
            self.close()
        self._seen = None
        with suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        rows = sqlite3.connect(self.path, timeout=self.patience, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(rows)
        except BaseException:
            rows.close()
            raise
        self._open = rows, self._identity()
        return rows

    def _prepare(self, rows: sqlite3.Connection) -> None:
        try:
            rows.execute("PRAGMA temp_store = MEMORY")
            rows.execute("PRAGMA secure_delete = ON")
            rows.execute("PRAGMA synchronous = NORMAL")
            version = rows.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                rows.execute("PRAGMA journal_mode = WAL")
            if version < VERSION:
                self._make_tables(rows)
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise self._damaged(error) from error
            raise
        if version > VERSION:
            raise StoreError(
                f"{self.path} is of version {version}, and this optical-memory knows versions up to {VERSION}: upgrade it"
            )

    def _make_tables(self, rows: sqlite3.Connection) -> None:
        rows.execute("BEGIN IMMEDIATE")
        version = rows.execute("PRAGMA user_version").fetchone()[0]
        if version < VERSION:
            for statement in _TABLES.split(";\n") if version == 0 else _SINCE_1:
                rows.execute(statement)
            rows.execute(f"PRAGMA user_version = {VERSION}")
        rows.execute("COMMIT")


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is at fault, and not what happens around it: a lock, a full disk."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)


def _commits(rows: sqlite3.Connection) -> int:
    """Rises with each commit of another connection."""
    return int(rows.execute("PRAGMA data_version").fetchone()[0])


def _record_in(rows: sqlite3.Connection) -> tuple[Record, tuple[int, ...]]:
    settled, border, layout, terms = rows.execute("SELECT settled, border, layout, terms FROM state").fetchone()
    texts = [text for (text,) in rows.execute("SELECT turn FROM turns ORDER BY position")]
    with closing(rows.execute(f"SELECT {_PAGE} FROM pages ORDER BY place")) as found:
        pages = tuple(
            PageRecord(
                digest,
                Option(kind, mode and mode_named(mode), cost, fidelity, length),
                tuple(json.loads(sources) if sources else range(first, last + 1)),
                start,
            )
            for _, digest, kind, mode, cost, fidelity, length, first, last, start, sources in found
        )
    marks = rows.execute("SELECT turn, kind, value FROM marks").fetchall()
    pins = frozenset(json.loads(turn) for turn, kind, _ in marks if kind == "pin")
    hits = {json.loads(turn): value for turn, kind, value in marks if kind == "hit"}
    turns = tuple(map(turn_from_text, texts))
    return Record(turns, settled, border, layout, terms, pages, Marks(pins, hits)), tuple(map(hash, texts))


def _write(rows: sqlite3.Connection, before: Record, seals: Sequence[int], record: Record) -> tuple[int, ...]:
    """The turns and pages of `record`, where the file holds those of `before`, whose turns' rows have the hashes `seals`;
    -> the hashes of the rows now."""
    texts = [turn_as_text(turn) for turn in record.turns]
    now = tuple(map(hash, texts))
    turns = [
        (position, text)
        for position, text in enumerate(texts)
        if position >= len(seals) or now[position] != seals[position]
    ]
    pages = [
        (place, *_page_row(page))
        for place, page in enumerate(record.pages)
        if place >= len(before.pages) or page != before.pages[place]
    ]
    rows.executemany("REPLACE INTO turns VALUES (?, ?)", turns)
    rows.execute("DELETE FROM turns WHERE position >= ?", (len(record.turns),))
    rows.executemany(f"REPLACE INTO pages ({_PAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", pages)
    rows.execute("DELETE FROM pages WHERE place >= ?", (len(record.pages),))
    state = record.settled, record.border, record.layout, record.terms
    rows.execute("UPDATE state SET settled = ?, border = ?, layout = ?, terms = ?", state)
    return now


def _write_marks(rows: sqlite3.Connection, before: Record, record: Record) -> None:
    """Pins and hits that came and went here since `before`: those of other processes stay."""
    was, now = _marks(before), _marks(record)
    rows.executemany("DELETE FROM marks WHERE turn = ? AND kind = ?", was.keys() - now.keys())
    changed = [(*key, value) for key, value in now.items() if was.get(key) != value]
    rows.executemany("REPLACE INTO marks VALUES (?, ?, ?)", changed)


def _marks(record: Record) -> Mapping[tuple[str, str], int]:
    pins = {(json.dumps(turn), "pin"): 1 for turn in record.marks.pins}
    return pins | {(json.dumps(turn), "hit"): value for turn, value in record.marks.hits.items()}


def _page_row(page: PageRecord) -> tuple[object, ...]:
    option = page.option
    mode = option.mode.name if option.mode is not None else None
    return (
        page.digest,
        option.kind,
        mode,
        option.cost,
        option.fidelity,
        option.length,
        page.sources[0],
        page.sources[-1],
        page.offset,
        json.dumps(page.sources),
    )
