"""Visual tokens by key, within a byte budget: a cache of what can always be made again from the source."""

from collections import OrderedDict
from dataclasses import dataclass

from optical_memory.encoded import EncodedPage
from optical_memory.modes import Mode


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What decides a page's visual tokens: its pixels, the mode, the encoder, the renderer."""

    digest: str
    mode: Mode
    fingerprint: str
    renderer_version: int


@dataclass(slots=True)
class StoredPage:
    """Visual tokens and the fidelity that was measured when they were made."""

    encoded: EncodedPage
    fidelity: float


class TokenStore:
    """Keeps pages on the model's device; beyond `budget` bytes the one unused longest goes."""

    def __init__(self, budget: int = 256 * 2**20) -> None:
        self.budget = budget
        self.num_bytes = 0
        self._pages: OrderedDict[TokenKey, StoredPage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pages)

    def get(self, key: TokenKey) -> StoredPage | None:
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def put(self, key: TokenKey, page: StoredPage) -> None:
        """Keeps a page; one that is larger than the whole budget is not kept."""
        self.drop(key)
        if page.encoded.num_bytes > self.budget:
            return
        self._pages[key] = page
        self.num_bytes += page.encoded.num_bytes
        while self.num_bytes > self.budget:
            self.drop(next(iter(self._pages)))

    def drop(self, key: TokenKey) -> None:
        page = self._pages.pop(key, None)
        if page is not None:
            self.num_bytes -= page.encoded.num_bytes
