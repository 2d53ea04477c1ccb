"""To forget: source, tokens, index, device memory and write-ahead log, with a receipt. What was begun is finished, even by the
next process."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.journal import Journal
from optical_memory.memory.record import Record
from optical_memory.memory.store import TokenStore
from optical_memory.memory.turn import Turn


@dataclass(frozen=True, slots=True)
class Receipt:
    """What went. `pages` are digests; `erased` has a line for each copy of a page's tokens, in device, host memory or file;
    `index_entries` of the search index, `journal_rows` of the state's file, whose write-ahead log was emptied.

    `left` says what could not be erased yet and why; it is empty when all is gone.
    """

    scope: str
    turns: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    index_entries: int = 0
    journal_rows: int = 0
    left: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not self.left

    def __str__(self) -> str:
        lines = [
            f"forgotten of {self.scope or 'this memory'!r}: {len(self.turns)} turns, {len(self.pages)} pages, "
            f"{len(self.erased)} copies of tokens, {self.index_entries} index entries, {self.journal_rows} journal rows"
        ]
        lines += [f"  turn {turn}" for turn in self.turns] + [f"  {line}" for line in self.erased]
        return "\n".join([*lines, *(f"  LEFT: {line}" for line in self.left)])


def turns_meant(
    record: Record, turns: str | Sequence[str] | None, page: int | None, matching: str | re.Pattern[str] | None
) -> set[int]:
    """Positions of the turns that one of these means."""
    if turns is not None:
        return turns_named(record, [turns] if isinstance(turns, str) else turns)
    if page is not None:
        return turns_on(record, page)
    return turns_matching(record, matching) if matching is not None else set()


def turns_named(record: Record, names: Collection[str]) -> set[int]:
    """Positions of turns by id. Raises OpticalMemoryError that names those that are not there."""
    positions = {turn.id: position for position, turn in enumerate(record.turns)}
    if unknown := sorted(name for name in names if name not in positions):
        raise OpticalMemoryError(f"no turn is called {', '.join(map(repr, unknown))}; nothing was forgotten")
    return {positions[name] for name in names}


def turns_on(record: Record, number: int) -> set[int]:
    """Positions of the turns that stand on a page of the context, wholly or in part; not of those between them that are text."""
    pages = [page for page in record.pages if page.option.kind == "page"]
    if not 1 <= number <= len(pages):
        raise OpticalMemoryError(f"there is no page {number}; the context has pages 1 to {len(pages)}")
    return set(pages[number - 1].sources)


def turns_matching(record: Record, pattern: str | re.Pattern[str]) -> set[int]:
    """Positions of the turns that hold a text, or that a compiled pattern finds something in: wherever they hold it.

    Raises OpticalMemoryError for one that every turn would hold, an empty one above all."""
    wanted = re.compile(re.escape(pattern)) if isinstance(pattern, str) else pattern
    if wanted.search(""):
        raise OpticalMemoryError(
            f"{wanted.pattern!r} is found in every turn; nothing was forgotten. To forget all of them, say scope=..."
        )
    return {
        position for position, turn in enumerate(record.turns) if any(wanted.search(text) for text in _texts_of(turn))
    }


def _texts_of(turn: Turn) -> Iterator[str]:
    """What a turn says in any writing: as it is drawn, as JSON writes its message, and each string in that, or in the JSON that
    a string holds, as arguments of tools do, without JSON's escapes."""
    yield from (turn.text, turn.id, turn.name or "", json.dumps(turn.message, ensure_ascii=False, default=str))
    left: list[object] = [turn.message, *(result.content for result in turn.results)]
    for call in turn.tool_calls:
        left += [call.id, call.name, call.arguments]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
            left.append(_held_in(value))
        elif isinstance(value, Mapping):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple)):
            left += value


def _held_in(text: str) -> object:
    """The object or list that a text is in JSON; None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def forget(
    record: Record, positions: Collection[int], store: TokenStore, journal: Journal | None, scope: str
) -> tuple[Record, Receipt]:
    """Erases turns and every page that held a character of them; -> what stays, and the receipt.

    What may stay is named first and all else of the scope erased, so that nothing of an older drawing is overlooked. Raises
    StoreError if it could not begin: then everything is as it was.
    """
    if not positions:
        return record, Receipt(scope)
    stays = record.without(positions)
    if journal is not None:
        journal.purge(stays)
    keep = frozenset(page.digest for page in stays.pages)
    erased = store.erase_all_but(scope, keep)
    return stays, Receipt(
        scope,
        tuple(record.turns[position].id for position in sorted(positions)),
        tuple(dict.fromkeys(page.digest for page in record.pages if page.digest not in keep)),
        tuple(erased),
        journal_rows=_rows(record) - _rows(stays) if journal is not None else 0,
        left=_finished(store, journal, scope, keep),
    )


def forget_all(record: Record, store: TokenStore, journal: Journal | None, scope: str) -> Receipt:
    """Erases everything of a scope, and the folder that held it."""
    if journal is not None:
        journal.clear()
    erased = store.erase(scope)
    left = _finished(store, journal, scope, frozenset())
    if journal is not None and not left:
        journal.remove()
    return Receipt(
        scope,
        tuple(turn.id for turn in record.turns),
        tuple(dict.fromkeys(page.digest for page in record.pages)),
        tuple(erased),
        journal_rows=_rows(record) if journal is not None else 0,
        left=left,
    )


def finish(record: Record, store: TokenStore, journal: Journal, scope: str) -> None:
    """Goes on where a process was stopped while it forgot."""
    if journal.is_erasing():
        keep = frozenset(page.digest for page in record.pages)
        store.erase_all_but(scope, keep)
        _finished(store, journal, scope, keep)


def _finished(store: TokenStore, journal: Journal | None, scope: str, keep: frozenset[str]) -> tuple[str, ...]:
    """Takes what was deleted out of the journal's files too; -> what is left in spite of all."""
    left = [
        f"files of page {digest}"
        for digest in (store.files.digests(scope) if store.files else ())
        if digest not in keep
    ]
    if journal is not None:
        why = journal.scrub(is_last=not left)
        left += [why] if why else []
    return tuple(left)


def _rows(record: Record) -> int:
    return len(record.turns) + len(record.pages) + len(record.marks)
