"""Visual tokens by key: on the device within a byte budget, then in host memory, then in files. All of it can be made again."""

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from optical_memory.device import is_out_of_memory
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

    def digests(self, scope: str) -> Iterable[str]: ...

    def erase(self, scope: str, digest: str | None = None) -> list[str]: ...

    def home(self, scope: str) -> Path: ...


@dataclass(slots=True)
class _Resident:
    """A page in the arena: all but its tokens, and the blocks where they lie."""

    page: StoredPage
    blocks: tuple[int, ...]
    num_bytes: int


class TokenStore:
    """Pages on the device; beyond `budget` bytes those unused longest go to host memory, beyond `host_budget` they go at all.

    With `files`, every page is also written there, and is restored from there when it is asked for again. Memories in several
    threads may share a store. `device`: where the arena lies; where the first page lies if not given.
    """

    def __init__(
        self,
        budget: int = 256 * 2**20,
        host_budget: int = 0,
        files: PageFiles | None = None,
        block: int = BLOCK,
        device: torch.device | None = None,
    ) -> None:
        if budget < 0 or host_budget < 0:
            raise ValueError(f"budgets count bytes, got {budget} and {host_budget}")
        self.budget = budget
        self.host_budget = host_budget
        self.files = files
        self.num_bytes = 0
        self.host_bytes = 0
        self.device = device
        self._block = block
        self._arena: Arena | None = None
        self._troubles: list[str] = []
        self._lock = RLock()
        self._resident: OrderedDict[TokenKey, _Resident] = OrderedDict()
        self._host: OrderedDict[TokenKey, StoredPage] = OrderedDict()
        self._scopes: dict[str, dict[str, set[TokenKey]]] = defaultdict(lambda: defaultdict(set))

    def __len__(self) -> int:
        return len(self._resident) + len(self._host)

    def get(self, key: TokenKey) -> StoredPage | None:
        """The page, bit for bit as it was put, from the nearest place that has it; None where it must be made again."""
        page = self._held(key)
        if page is None and self.files is not None:
            page = self.files.read(key)
            if page is not None:
                with self._lock:
                    if key not in self._resident and key not in self._host:  # another thread may have read it meanwhile
                        self._place(key, page)
                page = self._held(key) or page
        return page

    def put(self, key: TokenKey, page: StoredPage) -> None:
        """Keeps a page; one that is larger than the whole budget stays in host memory or in its file only."""
        with self._lock:
            self.drop(key)
            self._place(key, page)
        if self.files is not None:
            self.files.write(key, page)

    def take_troubles(self) -> list[str]:
        """What went wrong with the device or the files since it was last asked."""
        with self._lock:
            troubles, self._troubles = self._troubles, []
            if self.files is not None:
                troubles += self.files.troubles
                self.files.troubles = []
            return list(dict.fromkeys(troubles))

    def drop(self, key: TokenKey, *, erase: bool = False) -> None:
        """Lets go of a page in memory; its file stays. `erase` overwrites the device's and the host's copy."""
        with self._lock:
            resident = self._resident.pop(key, None)
            if resident is not None:
                assert self._arena is not None
                self._arena.free(resident.blocks, erase=erase)
                self.num_bytes -= resident.num_bytes
            if key in self._host:
                self._forget_host(key, erase=erase)
            pages = self._scopes.get(key.scope, {})
            if key.digest in pages:
                pages[key.digest].discard(key)
                if not pages[key.digest]:
                    del pages[key.digest]
                if not pages:
                    del self._scopes[key.scope]

    def erase(self, scope: str, digest: str | None = None) -> list[str]:
        """Erases a page of a scope in every mode, or the whole scope: device, host, files. -> what went, a line each."""
        with self._lock:
            doomed = list(self._scopes.get(scope, {})) if digest is None else [digest]
            gone = [line for own in doomed for line in self._release(scope, own)]
        return gone + (self.files.erase(scope, digest) if self.files is not None else [])

    def erase_all_but(self, scope: str, digests: Container[str]) -> list[str]:
        """Erases every page of a scope that is not named: those in the way of forgetting, and what older drawings left."""
        gone = self.release_all_but(scope, digests)
        on_disk = [] if self.files is None else [own for own in self.files.digests(scope) if own not in digests]
        return gone + [line for digest in on_disk for line in self.erase(scope, digest)]

    def release_all_but(self, scope: str, digests: Container[str]) -> list[str]:
        """Erases from device and host memory every page of a scope that is not named. -> what went, a line each."""
        with self._lock:
            doomed = [digest for digest in self._scopes.get(scope, {}) if digest not in digests]
            return [line for digest in doomed for line in self._release(scope, digest)]

    def _release(self, scope: str, digest: str) -> list[str]:
        gone = []
        for key in list(self._scopes.get(scope, {}).get(digest, ())):
            gone.append(f"{'device' if key in self._resident else 'host'}: page {digest} at {key.mode}")
            self.drop(key, erase=True)
        return gone

    def _held(self, key: TokenKey) -> StoredPage | None:
        """The page from the device, or from the host by way of the device."""
        with self._lock:
            page = self._host.get(key)
            if page is not None:
                self.drop(key)
                self._place(key, page)
            resident = self._resident.get(key)
            if resident is None:
                return page
            self._resident.move_to_end(key)
            return self._restored(resident)

    def _place(self, key: TokenKey, page: StoredPage) -> None:
        encoded, size = page.encoded, page.encoded.num_bytes
        try:
            fits = self._make_room(size, encoded.tokens.device)
            blocks = self._arena.put(encoded.tokens) if fits and self._arena is not None else ()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._troubles.append(
                "the device has no memory for the token store: its pages stay in host memory and files"
            )
            fits = False
        if not fits:
            self._place_on_host(key, page)
            return
        bare = EncodedPage(encoded.tokens[:0].clone(), encoded.mode, encoded.fingerprint, encoded.tiles)
        self._resident[key] = _Resident(StoredPage(bare, page.fidelity, page.wrong), blocks, size)
        self._scopes[key.scope][key.digest].add(key)
        self.num_bytes += size

    def _make_room(self, size: int, device: torch.device) -> bool:
        """True once the arena has the blocks for `size` bytes."""
        if self._arena is None and size <= self.budget:
            self._arena = Arena(self.budget, self.device or device, self._block)
        if self._arena is None or self._arena.blocks_for(size) * self._block > self.budget:
            return False
        while self._arena.num_free < self._arena.blocks_for(size):
            if not self._resident:
                return False
            key = next(iter(self._resident))
            page = self._restored(self._resident[key])
            self.drop(key)
            self._place_on_host(key, page)
        return True

    def _place_on_host(self, key: TokenKey, page: StoredPage) -> None:
        size = page.encoded.num_bytes
        if max(size, 1) > self.host_budget:
            return
        encoded = page.encoded
        tokens = encoded.tokens.to("cpu", copy=True)
        moved = EncodedPage(tokens, encoded.mode, encoded.fingerprint, encoded.tiles)
        self._host[key] = StoredPage(moved, page.fidelity, page.wrong)
        self._scopes[key.scope][key.digest].add(key)
        self.host_bytes += size
        while self.host_bytes > self.host_budget:
            self.drop(next(iter(self._host)))

    def _forget_host(self, key: TokenKey, *, erase: bool = False) -> None:
        tokens = self._host.pop(key).encoded.tokens
        self.host_bytes -= tokens.numel() * tokens.element_size()
        if erase:
            tokens.zero_()

    def _restored(self, resident: _Resident) -> StoredPage:
        assert self._arena is not None
        bare = resident.page.encoded
        width, item = bare.tokens.shape[1:], bare.tokens.dtype
        row = item.itemsize * int(np.prod(width, dtype=np.int64))
        tokens = self._arena.get(resident.blocks, (resident.num_bytes // row, *width), item)
        encoded = EncodedPage(tokens, bare.mode, bare.fingerprint, bare.tiles)
        return StoredPage(encoded, resident.page.fidelity, resident.page.wrong)
