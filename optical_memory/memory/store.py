"""Visual tokens by key: on the device within a byte budget, then in host memory, then in files. All of it can be made again."""

import hashlib
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from optical_memory.encoded import EncodedPage
from optical_memory.memory.arena import BLOCK, Arena
from optical_memory.modes import Mode

NOTHING_WRONG = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What decides a page's visual tokens: its pixels, the mode, the encoder, the renderer; and whose they are."""

    digest: str
    mode: Mode
    fingerprint: str
    renderer_version: int
    scope: str = ""
    dtype: str = "bfloat16"

    @property
    def name(self) -> str:
        """128 bits over all of it, in hexadecimal."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class StoredPage:
    """Visual tokens, the fidelity that was measured when they were made (None: no reader), and the characters read wrong."""

    encoded: EncodedPage
    fidelity: float | None
    wrong: NDArray[np.int32] = field(default_factory=lambda: NOTHING_WRONG)


class PageFiles(Protocol):
    """Where pages outlive the process: see pagefiles.py."""

    troubles: list[str]

    def read(self, key: TokenKey) -> StoredPage | None: ...

    def write(self, key: TokenKey, page: StoredPage) -> None: ...

    def erase(self, scope: str, digest: str | None = None) -> list[str]: ...


@dataclass(slots=True)
class _Resident:
    """A page in the arena: all but its tokens, and the blocks where they lie."""

    page: StoredPage
    blocks: tuple[int, ...]
    num_bytes: int


class TokenStore:
    """Pages on the device; beyond `budget` bytes those unused longest go to host memory, beyond `host_budget` they go at all.

    With `files`, every page is also written there, and is restored from there when it is asked for again.
    """

    def __init__(
        self,
        budget: int = 256 * 2**20,
        host_budget: int = 0,
        files: PageFiles | None = None,
        block: int = BLOCK,
    ) -> None:
        if budget < 0 or host_budget < 0:
            raise ValueError(f"budgets count bytes, got {budget} and {host_budget}")
        self.budget = budget
        self.host_budget = host_budget
        self.files = files
        self.num_bytes = 0
        self.host_bytes = 0
        self._block = block
        self._arena: Arena | None = None
        self._resident: OrderedDict[TokenKey, _Resident] = OrderedDict()
        self._host: OrderedDict[TokenKey, StoredPage] = OrderedDict()
        self._digests: dict[tuple[str, str], set[TokenKey]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._resident) + len(self._host)

    def get(self, key: TokenKey) -> StoredPage | None:
        """The page, bit for bit as it was put, from the nearest place that has it; None where it must be made again."""
        resident = self._resident.get(key)
        if resident is not None:
            self._resident.move_to_end(key)
            return self._restored(resident)
        page = self._host.get(key)
        if page is not None:
            self._forget_host(key)
        elif self.files is not None:
            page = self.files.read(key)
        if page is not None:
            self._place(key, page)
        return page

    def put(self, key: TokenKey, page: StoredPage) -> None:
        """Keeps a page; one that is larger than the whole budget stays in host memory or in its file only."""
        self.drop(key)
        self._place(key, page)
        if self.files is not None:
            self.files.write(key, page)

    def take_troubles(self) -> list[str]:
        """What went wrong with the files since it was last asked."""
        if self.files is None:
            return []
        troubles, self.files.troubles = self.files.troubles, []
        return troubles

    def drop(self, key: TokenKey, *, erase: bool = False) -> None:
        """Lets go of a page in memory; its file stays. `erase` overwrites the device's copy."""
        resident = self._resident.pop(key, None)
        if resident is not None:
            assert self._arena is not None
            self._arena.free(resident.blocks, erase=erase)
            self.num_bytes -= resident.num_bytes
        if key in self._host:
            self._forget_host(key)
        keys = self._digests.get((key.scope, key.digest))
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._digests[key.scope, key.digest]

    def erase(self, scope: str, digest: str | None = None) -> list[str]:
        """Erases a page of a scope in every mode, or the whole scope: device, host, files. -> what went, a line each."""
        places = [place for place in self._digests if place[0] == scope and digest in (None, place[1])]
        gone = []
        for place in places:
            for key in list(self._digests.get(place, ())):
                where = "device" if key in self._resident else "host"
                gone.append(f"{where}: page {key.digest} at {key.mode}")
                self.drop(key, erase=True)
        return gone + (self.files.erase(scope, digest) if self.files is not None else [])

    def _place(self, key: TokenKey, page: StoredPage) -> None:
        size = page.encoded.num_bytes
        if not self._make_room(size, page.encoded.tokens.device):
            self._place_on_host(key, page)
            return
        assert self._arena is not None
        encoded = page.encoded
        bare = EncodedPage(encoded.tokens[:0], encoded.mode, encoded.fingerprint, encoded.tiles)
        blocks = self._arena.put(encoded.tokens)
        self._resident[key] = _Resident(StoredPage(bare, page.fidelity, page.wrong), blocks, size)
        self._digests[key.scope, key.digest].add(key)
        self.num_bytes += size

    def _make_room(self, size: int, device: torch.device) -> bool:
        """True once the arena has the blocks for `size` bytes."""
        if self._arena is None and size <= self.budget:
            self._arena = Arena(self.budget, device, self._block)
        if self._arena is None or self._arena.blocks_for(size) * self._block > self.budget:
            return False
        while self._arena.num_free < self._arena.blocks_for(size):
            key = next(iter(self._resident))
            page = self._restored(self._resident[key])
            self.drop(key)
            self._place_on_host(key, page)
        return True

    def _place_on_host(self, key: TokenKey, page: StoredPage) -> None:
        size = page.encoded.num_bytes
        if size > self.host_budget:
            return
        encoded = page.encoded
        tokens = encoded.tokens.to("cpu", copy=True)
        moved = EncodedPage(tokens, encoded.mode, encoded.fingerprint, encoded.tiles)
        self._host[key] = StoredPage(moved, page.fidelity, page.wrong)
        self._digests[key.scope, key.digest].add(key)
        self.host_bytes += size
        while self.host_bytes > self.host_budget:
            self.drop(next(iter(self._host)))

    def _forget_host(self, key: TokenKey) -> None:
        self.host_bytes -= self._host.pop(key).encoded.num_bytes

    def _restored(self, resident: _Resident) -> StoredPage:
        assert self._arena is not None
        bare = resident.page.encoded
        width, item = bare.tokens.shape[1:], bare.tokens.dtype
        row = item.itemsize * int(np.prod(width, dtype=np.int64))
        tokens = self._arena.get(resident.blocks, (resident.num_bytes // row, *width), item)
        encoded = EncodedPage(tokens, bare.mode, bare.fingerprint, bare.tiles)
        return StoredPage(encoded, resident.page.fidelity, resident.page.wrong)
