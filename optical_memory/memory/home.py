"""Where a memory lives on disk: one folder for many scopes, one SQLite file and one folder of page files in it."""

from dataclasses import dataclass
from pathlib import Path

from optical_memory.errors import StoreError
from optical_memory.memory.archive import Archive
from optical_memory.memory.pagefiles import TokenFiles


@dataclass(frozen=True, slots=True)
class Home:
    """`scope` says whose memory it is (tenant, user, thread: any text): nothing is ever shared between two of them.

    Raises StoreError for an empty scope.
    """

    folder: Path
    scope: str
    patience: float = 2.0
    """Seconds to wait for a locked database."""

    def __post_init__(self) -> None:
        if not self.scope.strip():
            raise StoreError("a memory on disk needs a scope that says whose it is, such as 'tenant/user/thread'; got none")

    def archive(self) -> Archive:
        return Archive(Path(self.folder) / "memory.sqlite", self.scope, self.patience)

    def files(self) -> TokenFiles:
        return TokenFiles(Path(self.folder) / "pages")
