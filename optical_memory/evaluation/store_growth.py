"""What a store's operations cost as it grows: `optical-memory evaluate store --pages 100000`.

Conversations of PAGES pages are put into a store on disk, device and host memory being much too small for them. A page has real
visual tokens in Tiny, of one of a few pages that were encoded, under a key of its own; its text is real text in the journal.
"""

import hashlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
from tqdm import tqdm

from optical_memory.device import peak_bytes, start_peak
from optical_memory.evaluation.report import Figure
from optical_memory.memory.budget import Option
from optical_memory.memory.durable import Durable
from optical_memory.memory.fidelity import encode_and_measure
from optical_memory.memory.pagefiles import TokenFiles
from optical_memory.memory.record import PageRecord, Record
from optical_memory.memory.store import StoredPage, TokenKey, TokenStore
from optical_memory.memory.turn import Turn
from optical_memory.model import Model
from optical_memory.modes import TINY
from renderers import RENDERER_VERSION, Block, lay_out

PAGES = 100
"""Pages of a conversation; each has a scope, and so a journal, of its own."""
SIZES = (1_000, 10_000, 100_000)
DEVICE_BUDGET = HOST_BUDGET = 32 * 2**20
"""Bytes: 341 pages each."""
SAMPLES = 200
FORGETTINGS = 40


@dataclass(frozen=True, slots=True)
class Shelf:
    """A store on disk that grows; the count of its pages is kept in a file, so that a later run goes on."""

    folder: Path
    texts: Sequence[str]
    pages: Sequence[StoredPage]
    fingerprint: str
    store: TokenStore

    @property
    def num_pages(self) -> int:
        place = self.folder / "pages.txt"
        return int(place.read_text()) if place.exists() else 0

    def key(self, number: int) -> TokenKey:
        digest = hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()
        return TokenKey(digest, TINY, self.fingerprint, RENDERER_VERSION, self.scope(number // PAGES))

    def scope(self, conversation: int) -> str:
        return f"tenant/{conversation}"

    def put(self, number: int) -> None:
        self.store.put(self.key(number), self.pages[number % len(self.pages)])

    def record(self, conversation: int) -> Record:
        """A conversation's turns, one a page, as if they had just been settled."""
        numbers = range(conversation * PAGES, (conversation + 1) * PAGES)
        option = Option("page", TINY, TINY.sequence_length(), 1.0, TINY.sequence_length())
        turns = tuple(Turn("user", self.texts[number % len(self.texts)], f"turn-{number}") for number in numbers)
        pages = tuple(PageRecord(self.key(number).digest, option, (place,), 0) for place, number in enumerate(numbers))
        return Record(turns, PAGES, PAGES, "64 x 64", "", pages)

    def grow(self, pages: int) -> None:
        """Puts whole conversations until there are so many pages."""
        for conversation in tqdm(range(self.num_pages // PAGES, pages // PAGES), desc="pages / 100", mininterval=5):
            for number in range(conversation * PAGES, (conversation + 1) * PAGES):
                self.put(number)
            durable = Durable(self.store, self.scope(conversation))
            durable.save(self.record(conversation))
            durable.close()
            (self.folder / "pages.txt").write_text(str((conversation + 1) * PAGES))


def evaluate_store(model: Model, pages: int, folder: Path | None = None) -> list[Figure]:
    """Figures at 1,000, 10,000, 100,000 pages, as far as `pages` goes, and at `pages`. A `folder` is gone on with, and kept."""
    home = Path(tempfile.mkdtemp(prefix="optical-memory-")) if folder is None else folder
    home.mkdir(parents=True, exist_ok=True)
    try:
        shelf = _shelf(model, home)
        before = start_peak(model.device) or 0
        figures: list[Figure] = []
        for size in sorted({size for size in SIZES if size <= pages} | {pages // PAGES * PAGES}):
            if size >= max(PAGES, shelf.num_pages):
                shelf.grow(size)
                figures += _measure(shelf, size, random.Random(size))
                figures.append(
                    _one(size, "process memory beyond its start, MiB", (peak_bytes(model.device) - before) / 2**20)
                )
        return figures
    finally:
        if folder is None:
            shutil.rmtree(home)


def _shelf(model: Model, folder: Path) -> Shelf:
    """Eight pages, of the bundled text begun at another place each."""
    text = (resources.files("optical_memory.evaluation") / "haystack.txt").read_text(encoding="utf-8")
    strange = set(model.unreadable(text))
    text = 2 * "".join(character for character in text if character not in strange)
    blocks = [Block(text[begin : begin + len(text) // 2], "user", "text") for begin in range(0, 3200, 400)]
    laid_out = [lay_out([block], model.grid)[0] for block in blocks]
    stored = encode_and_measure(model, laid_out, TINY)
    store = TokenStore(DEVICE_BUDGET, HOST_BUDGET, TokenFiles(folder), device=model.device)
    return Shelf(folder, [page.text for page in laid_out], stored, model.fingerprint, store)


def _measure(shelf: Shelf, size: int, chance: random.Random) -> Iterator[Figure]:
    """Each operation on random pages or conversations of the whole store."""
    store = shelf.store
    newest = [shelf.key(number) for number in range(size - SAMPLES // 4, size)]
    yield _spread(size, "get, from the device", [partial(store.get, chance.choice(newest)) for _ in range(SAMPLES)])
    files = TokenFiles(shelf.folder)
    cold = TokenStore(DEVICE_BUDGET, HOST_BUDGET, files, device=store.device)
    numbers = [chance.randrange(size) for _ in range(SAMPLES)]
    yield _spread(size, "restore, from a file", [partial(cold.get, shelf.key(number)) for number in numbers])
    new = [size + 10**9 + place for place in range(SAMPLES)]
    memory_only = TokenStore(DEVICE_BUDGET, HOST_BUDGET, device=store.device)
    for number in numbers * 4:
        memory_only.put(shelf.key(number), shelf.pages[0])
    yield _spread(
        size, "spill, device to host", [partial(memory_only.put, shelf.key(number), shelf.pages[0]) for number in new]
    )
    yield _spread(size, "put, a page spilt for it, and written", [partial(shelf.put, number) for number in new])
    yield _one(size, "device bytes in use, share of the budget", store.num_bytes / DEVICE_BUDGET)
    yield _one(size, "host bytes in use, share of the budget", store.host_bytes / HOST_BUDGET)
    for scope in {shelf.key(number).scope for number in new}:
        store.erase(scope)
    chosen = [chance.randrange(size // PAGES) for _ in range(FORGETTINGS)]
    durables = [Durable(store, shelf.scope(conversation)) for conversation in chosen]
    yield _spread(size, f"open a conversation of {PAGES} pages", [durable.load for durable in durables])
    yield _spread(size, "open it again", [durable.load for durable in durables])
    records = [durable.load() for durable in durables]
    longer = [replace(own, turns=(*own.turns, Turn("user", shelf.texts[0], "new"))) for own in records]
    yield _spread(size, "save a turn more", [partial(own.save, new) for own, new in zip(durables, longer, strict=True)])
    # the second of two connections to a conversation chosen twice sees what the first one did
    last = [chance.randrange(PAGES // 2) for _ in durables]
    yield _spread(
        size,
        f"forget a turn of a conversation of {PAGES} pages",
        [partial(_forget, durable, place) for durable, place in zip(durables, last, strict=True)],
    )
    for durable, conversation in zip(durables, chosen, strict=True):
        durable.close()
        for number in range(conversation * PAGES, (conversation + 1) * PAGES):
            if not files.path_of(shelf.key(number)).exists():
                shelf.put(number)
        durable.save(shelf.record(conversation))
        durable.close()
    on_disk = sum(path.stat().st_size for path in shelf.folder.glob("0*/**/*") if path.is_file())
    of = sum(1 for _ in shelf.folder.glob("0*/tokens/*/*"))
    if of:
        yield _one(size, "disk bytes a page, journal included (of a sixteenth of the scopes)", on_disk / of)


def _forget(durable: Durable, place: int) -> None:
    record = durable.newer() or durable.load()
    _, receipt = durable.forget(record, {place})
    assert receipt.is_complete and receipt.pages, "nothing was measured"


def _spread(size: int, what: str, works: Sequence[Callable[[], object]]) -> Figure:
    """Milliseconds of each call."""
    taken = []
    for work in works:
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    low, middle, high = (float(value) for value in np.quantile(taken, (0.05, 0.5, 0.95)))
    return Figure(
        task="store",
        system=f"{size:,} pages",
        mode=TINY.name,
        sequence_length=None,
        metric=f"{what}, ms (median, 5 % and 95 %)",
        value=middle,
        low=low,
        high=high,
        n=len(taken),
    )


def _one(size: int, what: str, value: float) -> Figure:
    return Figure(
        task="store",
        system=f"{size:,} pages",
        mode=TINY.name,
        sequence_length=None,
        metric=what,
        value=value,
        low=value,
        high=value,
        n=1,
    )
