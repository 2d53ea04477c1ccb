"""A memory's record and the store that it lives in: kept between processes where the store has files, else in this one only."""

from contextlib import suppress
from pathlib import Path

import torch

from optical_memory.errors import DamagedStoreError, StoreError
from optical_memory.memory.forget import Receipt, finish, forget, forget_all
from optical_memory.memory.journal import Journal
from optical_memory.memory.pagefiles import TokenFiles
from optical_memory.memory.record import Record
from optical_memory.memory.store import TokenStore

JOURNAL = "journal.sqlite"


def open_store(place: "TokenStore | str | Path | None", device: torch.device) -> TokenStore:
    """The store itself, one on disk in a folder, or one in memory."""
    if place is None:
        return TokenStore(device=device)
    return (
        place
        if isinstance(place, TokenStore)
        else TokenStore(files=TokenFiles(Path(place).expanduser()), device=device)
    )


class Durable:
    """The record of one scope. Where there are no files every call does nothing but for the tokens in memory.

    Raises StoreError for a store on disk without a scope.
    """

    def __init__(self, store: TokenStore, scope: str) -> None:
        if store.files is not None and not scope.strip():
            raise StoreError(
                "a store on disk needs a scope that says whose it is, such as 'tenant/user/thread'; got none"
            )
        self.store = store
        self.scope = scope
        self._journal = self._journal_of(scope)

    def load(self) -> Record:
        """What was remembered, after whatever a killed process began to forget has been erased."""
        if self._journal is None:
            return Record()
        record = self._journal.load()
        finish(record, self.store, self._journal, self.scope)
        return record

    def newer(self) -> Record | None:
        """The record as another process left it since it was last read or written here; what that process forgot, this one
        lets go of too."""
        record = self._journal.newer() if self._journal is not None else None
        if record is not None:
            self.store.release_all_but(self.scope, {page.digest for page in record.pages})
        return record

    def save(self, record: Record) -> list[str]:
        """Keeps a record, and drops the tokens of pages that are no more; -> what went wrong and was got round."""
        troubles = []
        if self._journal is not None:
            for digest in self._journal.save(record):
                self.store.erase(self.scope, digest)
            troubles, self._journal.troubles = self._journal.troubles, []
        return list(dict.fromkeys(self.store.take_troubles() + troubles))

    def save_marks(self, record: Record) -> None:
        """Keeps a record's pins and hits, and nothing else of it; what goes wrong is noted for the next save."""
        if self._journal is not None:
            self._journal.save_marks(record)

    def forget(self, record: Record, positions: set[int]) -> tuple[Record, Receipt]:
        """Erases turns for good; -> what stays, and the receipt."""
        return forget(record, positions, self.store, self._journal, self.scope)

    def forget_scope(self, scope: str, record: Record | None = None) -> Receipt:
        """Erases all of a scope, this one or another of the same store; `record` is what is known of it."""
        journal = self._journal if scope == self.scope else self._journal_of(scope)
        if record is None:
            record = self._legible(journal)
        return forget_all(record, self.store, journal, scope)

    def holds_anything(self) -> bool:
        """Whether the scope has files in the store, legible or not."""
        files = self.store.files
        return files is not None and files.home(self.scope).exists()

    @staticmethod
    def _legible(journal: Journal | None) -> Record:
        """What a journal holds; nothing where it is damaged, which is no reason not to erase it."""
        with suppress(DamagedStoreError):
            return journal.load() if journal is not None else Record()
        return Record()

    def close(self) -> None:
        """Lets go of the file; the next call opens it again."""
        if self._journal is not None:
            self._journal.close()

    def _journal_of(self, scope: str) -> Journal | None:
        files = self.store.files
        return Journal(files.home(scope) / JOURNAL) if files is not None else None
