"""What must outlive the process, in one SQLite file: turns, pages, what was measured, hits, pins, and what was forgotten."""

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from optical_memory.errors import StoreError
from optical_memory.memory.turn import ToolCall, Turn

VERSION = 1
_TABLES = """
create table if not exists salt (value blob not null);
create table if not exists turns (scope text, id text, position integer, digest blob, body text, hits integer default 0,
    last_hit integer default -1, pinned integer default 0, primary key (scope, id));
create table if not exists pages (scope text, digest text, turns text, primary key (scope, digest));
create table if not exists measured (scope text, digest text, mode text, fingerprint text, fidelity real,
    primary key (scope, digest, mode, fingerprint));
create table if not exists forgotten (scope text, digest blob, primary key (scope, digest));
"""


class Archive:
    """The durable state of one scope. One writer at a time, any number of readers, in as many processes as there are.

    Every change is one transaction: a process killed at any point leaves the state before it or after it. Raises StoreError
    for a file of a newer version; sqlite3.OperationalError where the disk is full or the file stays locked for `patience`
    seconds: the memory then goes on without.
    """

    def __init__(self, path: Path, scope: str, patience: float = 2.0) -> None:
        self.path = path
        self.scope = scope
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        version = self._database.execute("pragma user_version").fetchone()[0]
        if version > VERSION:
            self._database.close()
            raise StoreError(
                f"{path} was written by a newer version ({version}, this one writes {VERSION}): update optical-memory"
            )
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.execute("pragma secure_delete = on")
        if version < VERSION:
            with self._change() as database:
                for statement in _TABLES.split(";"):
                    database.execute(statement)
                if database.execute("select count(*) from salt").fetchone()[0] == 0:
                    database.execute("insert into salt values (?)", (secrets.token_bytes(16),))
                database.execute(f"pragma user_version = {VERSION}")
        self._salt = self._database.execute("select value from salt").fetchone()[0]

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("begin immediate")
            try:
                yield self._database
            except BaseException:
                self._database.execute("rollback")
                raise
            self._database.execute("commit")

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def digest(self, text: str) -> bytes:
        """128 bits that tell a text again, of no use without this archive's salt."""
        return blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).digest()

    # Turns

    def turns(self) -> list[Turn]:
        rows = self._rows("select body from turns where scope = ? order by position", self.scope)
        return [_turn(json.loads(body)) for (body,) in rows]

    def save(self, turns: Sequence[Turn], pages: Mapping[str, Sequence[str]], measured: Iterable[tuple[str, str, str, float]]) -> None:
        """Brings the scope in step with a history: turns, page digest -> turn ids, (digest, mode, fingerprint, fidelity)."""
        known = {identity: (position, digest) for identity, position, digest in self._rows(
            "select id, position, digest from turns where scope = ?", self.scope)}
        bodies = [(turn, position, _body(turn)) for position, turn in enumerate(turns)]
        stamped = [(turn.id, position, self.digest(body), body) for turn, position, body in bodies]
        changed = [row for row in stamped if known.get(row[0]) != row[1:3]]
        gone = known.keys() - {turn.id for turn in turns}
        listed = {digest: json.dumps(list(ids)) for digest, ids in pages.items()}
        had = dict(self._rows("select digest, turns from pages where scope = ?", self.scope))
        with self._change() as database:
            database.executemany(
                "insert into turns (scope, id, position, digest, body) values (?, ?, ?, ?, ?) on conflict (scope, id) do "
                "update set position = excluded.position, digest = excluded.digest, body = excluded.body",
                [(self.scope, *row) for row in changed],
            )
            database.executemany("delete from turns where scope = ? and id = ?", [(self.scope, name) for name in gone])
            database.executemany(
                "insert or replace into pages values (?, ?, ?)",
                [(self.scope, digest, ids) for digest, ids in listed.items() if had.get(digest) != ids],
            )
            stale = [(self.scope, digest) for digest in had.keys() - listed.keys()]
            database.executemany("delete from pages where scope = ? and digest = ?", stale)
            database.executemany("delete from measured where scope = ? and digest = ?", stale)
            database.executemany(
                "insert or replace into measured values (?, ?, ?, ?, ?)", [(self.scope, *row) for row in measured]
            )

    def pages(self) -> dict[str, list[str]]:
        """Turn ids by page digest."""
        return {d: json.loads(ids) for d, ids in self._rows("select digest, turns from pages where scope = ?", self.scope)}

    # Hits and pins

    def marks(self) -> dict[str, tuple[int, int, bool]]:
        """(hits, position of the last, pinned) of every turn that has any."""
        rows = self._rows(
            "select id, hits, last_hit, pinned from turns where scope = ? and (hits > 0 or pinned)", self.scope
        )
        return {identity: (hits, last, bool(pinned)) for identity, hits, last, pinned in rows}

    def mark(self, identity: str, hits: int, last_hit: int, pinned: bool) -> None:
        with self._change() as database:
            database.execute(
                "update turns set hits = ?, last_hit = ?, pinned = ? where scope = ? and id = ?",
                (hits, last_hit, int(pinned), self.scope, identity),
            )

    # Forgetting

    def forgotten(self) -> set[bytes]:
        return {digest for (digest,) in self._rows("select digest from forgotten where scope = ?", self.scope)}

    def forget(self, turns: Sequence[Turn]) -> list[str]:
        """Erases turns and the rows of pages that held them; what remains of each is a salted digest of its text."""
        ids = {turn.id for turn in turns}
        pages = [digest for digest, held in self.pages().items() if ids & set(held)]
        with self._change() as database:
            database.executemany(
                "insert or ignore into forgotten values (?, ?)", [(self.scope, self.digest(turn.text)) for turn in turns]
            )
            database.executemany("delete from turns where scope = ? and id = ?", [(self.scope, name) for name in ids])
            for table in ("pages", "measured"):
                database.executemany(
                    f"delete from {table} where scope = ? and digest = ?", [(self.scope, digest) for digest in pages]
                )
        self._empty_log()
        return [f"database: turn {name}" for name in sorted(ids)] + [f"database: page {digest}" for digest in pages]

    def forget_scope(self) -> list[str]:
        """Erases everything of the scope, digests of forgotten turns included."""
        gone = [
            f"database: {table}, {count} rows"
            for table in ("turns", "pages", "measured", "forgotten")
            if (count := self._rows(f"select count(*) from {table} where scope = ?", self.scope)[0][0])
        ]
        with self._change() as database:
            for table in ("turns", "pages", "measured", "forgotten"):
                database.execute(f"delete from {table} where scope = ?", (self.scope,))
        self._empty_log()
        return gone

    def _empty_log(self) -> None:
        """Writes the log back and cuts it to nothing. Raises StoreError while another process still reads the old state."""
        with self._lock:
            busy = self._database.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        if busy:
            raise StoreError(
                "the rows are deleted, but another process still reads the log that holds them: forget again when it is done"
            )

    def close(self) -> None:
        with self._lock:
            self._database.close()


def _body(turn: Turn) -> str:
    value = {
        "role": turn.role,
        "content": turn.content,
        "id": turn.id,
        "calls": [[call.id, call.name, call.arguments] for call in turn.tool_calls],
        "answers": turn.answers,
        "name": turn.name,
        "time": turn.time,
        "attachments": list(turn.attachments),
        "message": None if turn.message is None else dict(turn.message),
    }
    return json.dumps(value, default=str)


def _turn(value: Mapping[str, Any]) -> Turn:
    calls = tuple(ToolCall(*call) for call in value["calls"])
    return Turn(
        value["role"],
        value["content"],
        value["id"],
        calls,
        value["answers"],
        value["name"],
        value["time"],
        tuple(value["attachments"]),
        value["message"],
    )


