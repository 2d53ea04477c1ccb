"""OpticalMemory: older turns become pages, pages become visual tokens, and what is asked comes back."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, RLock
from typing import Any

from optical_memory.collector import set_aside
from optical_memory.encoded import Reading
from optical_memory.errors import OpticalMemoryError
from optical_memory.language.prefix import Prefix
from optical_memory.language.tokenizer import deepseek_bpe
from optical_memory.loading import load_model
from optical_memory.memory.asking import Candidate, Piece, best_passage, fitting
from optical_memory.memory.assembly import assemble, report_of
from optical_memory.memory.context import Context, OutPage, PagePart, TextPart
from optical_memory.memory.draft import Draft, TokenCounter
from optical_memory.memory.durable import Durable, open_store
from optical_memory.memory.embedder import Embedder
from optical_memory.memory.forget import Receipt, turns_meant
from optical_memory.memory.keeping import Keeper, Kept, Progress
from optical_memory.memory.marks import Marks
from optical_memory.memory.recall import PageIndex, page_keys
from optical_memory.memory.recollection import Recollection
from optical_memory.memory.record import Record
from optical_memory.memory.report import Plan
from optical_memory.memory.rereading import Rereader
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.settling import Settler
from optical_memory.memory.store import TokenStore
from optical_memory.memory.turn import Turn, whole_history
from optical_memory.memory.worker import Worker, step_of
from optical_memory.model import Model

KEEP_LAST = 4
"""Turns at the end of a history that stay text."""
FADE_EVERY = 8
"""Turns from one batch of fades to the next: in between, the context only grows, and prompt caches keep their hits."""
ANSWER_TOKENS = 64
PASSAGE_LENGTH = 480
"""Characters of the passage that `ask` puts beside the page."""


class OpticalMemory:
    """A conversation's long memory. Call `compress` with the whole history at every turn; only what is new is encoded.

    Fades come in batches, `fade_every` turns apart. `lossless` keeps what the reader gets wrong as text beside each page, and
    the mode that is cheapest with it. `store`: a folder, where the conversation outlives the process, or a store that several
    memories share; `scope` says whose conversation this is in it.
    `model`: a name, a checkpoint's path, or a `Model` that is already loaded. `device`: chosen for you if not given.
    `embedder` makes the vectors of recall's dense side; the default needs no download. `on_progress` is called while pages
    are encoded. Modes in which the model does not read pages of its grid give way to the nearest in which it does; the report
    says so. Raises GridError if there are none.
    """

    def __init__(
        self,
        model: "str | Path | Model" = "default",
        *,
        device: str | None = None,
        schedule: ForgettingSchedule | None = None,
        keep_last: int = KEEP_LAST,
        fade_every: int = FADE_EVERY,
        lossless: bool = False,
        store: "TokenStore | str | Path | None" = None,
        scope: str = "",
        embedder: Embedder | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        if keep_last < 0:
            raise ValueError(f"keep_last counts turns, got {keep_last}")
        if fade_every < 1:
            raise ValueError(f"fade_every counts turns from 1, got {fade_every}")
        self.model: Model = load_model(model, device) if isinstance(model, (str, Path)) else model
        asked = schedule or ForgettingSchedule()
        self.schedule = asked.read_by(self.model.reads)
        self._given_way = asked.other_modes(self.schedule)
        self.keep_last = keep_last
        self.fade_every = fade_every
        self.lossless = lossless
        self.store = open_store(store, self.model.device)
        self.scope = scope
        self.on_progress = on_progress
        self._durable = Durable(self.store, scope)
        self._keeper = Keeper(self.model, self.store, lossless, scope)
        self._embedder = embedder
        self._record = Record()
        self._context: Context | None = None
        self._out: list[OutPage] = []
        self._fades_are_due = False
        self._prefix = Prefix()
        self._worker = Worker()
        self._lock = RLock()
        deepseek_bpe()  # loaded here, for it would stop an event loop for half a second where it is first needed
        self._take(self._durable.load())
        set_aside()

    # Compress

    def compress(self, history: Iterable[Turn | Mapping[str, Any]]) -> Context:
        """Draws, encodes and stores the older turns of a history; the newest and the system's stay text.

        Raises InvalidHistoryError for an empty history or a message that cannot be understood, BudgetError where the
        schedule's budget and fidelity cannot both hold; the memory is then as it was.
        """
        return self._compress(history, Event())

    async def acompress(self, history: Iterable[Turn | Mapping[str, Any]]) -> Context:
        """`compress` in a thread; cancelled, it leaves the memory as it was or as `compress` leaves it."""
        return await self._worker.run(lambda stop: self._compress(history, stop))

    def _compress(self, history: Iterable[Turn | Mapping[str, Any]], stop: Event) -> Context:
        with self._lock:
            began = time.perf_counter()
            turns = whole_history(history)
            self._refresh()
            self._count.begin()
            record, draft, kept = self._settler.settle(
                self._record, turns, self._fades_are_due, self._count, step_of(stop, self.on_progress)
            )
            parts, out = assemble(draft, kept)
            self._index_pages(draft, kept)
            report = report_of(
                self.model.config.name, draft, parts, out, self._count, self._context, time.perf_counter() - began
            )
            self._record, self._out, self._fades_are_due = record, out, False
            report = report.model_copy(update={"notes": [*self._notes(), *self._durable.save(record)]})
            self._context = Context(tuple(parts), report, self.model, turns[0].shape)
            return self._context

    def plan(self, history: Iterable[Turn | Mapping[str, Any]]) -> Plan:
        """What `compress` would do with a history, by what is foreseen: nothing is drawn or encoded."""
        with self._lock:
            self._refresh()
            turns = whole_history(history)
            return self._settler.plan(self._record, turns, self._fades_are_due, self._count)

    def pin(self, *turns: str) -> None:
        """Pages that hold one of these turns (by id) are kept at the sharpest mode that pays, from the next fades on."""
        with self._lock:
            self._refresh()
            self._mark(self._record.marks.pinned(turns))
            self._fades_are_due = True

    def unpin(self, *turns: str) -> None:
        with self._lock:
            self._refresh()
            self._mark(self._record.marks.unpinned(turns))
            self._fades_are_due = True

    @property
    def _settler(self) -> Settler:
        return Settler(self._keeper, self.schedule, self.keep_last, self.fade_every)

    # Between processes

    def _take(self, record: Record) -> None:
        """Goes on from what was remembered; its context is made when it is first asked for."""
        self._record, self._context, self._out = record, None, []
        self._index: PageIndex = PageIndex(self._embedder)
        self._count: TokenCounter = TokenCounter()
        self._prefix.erase()

    def _refresh(self) -> None:
        record = self._durable.newer()
        if record is not None:
            self._take(record)

    def _mark(self, marks: Marks) -> None:
        """Keeps marks alone: turns that another process forgot or added meanwhile stay as it left them."""
        self._record = replace(self._record, marks=marks)
        self._durable.save_marks(self._record)

    def forget(
        self,
        *,
        turns: str | Sequence[str] | None = None,
        page: int | None = None,
        matching: str | re.Pattern[str] | None = None,
        scope: str | None = None,
    ) -> Receipt:
        """Erases for good: turns by id; every turn on a page; every turn that holds a text; or a whole scope of the store.

        Source, tokens, index entries, device memory and the write-ahead log. Pages that held more than what went are drawn
        again without it at the next call. Contexts that were handed out are the caller's, and a history that is passed again
        is remembered again: read from the receipt which turns to leave out. Raises StoreError if it could not begin.
        """
        if [turns, page, matching, scope].count(None) != 3:
            raise ValueError("say what to forget by one of turns, page, matching and scope")
        with self._lock:
            self._refresh()
            if scope is not None and scope != self.scope:
                return self._durable.forget_scope(scope)
            doomed = turns_meant(self._record, turns, page, matching)
            if scope is not None:
                stays, receipt = Record(), self._durable.forget_scope(scope, self._record)
            elif doomed:
                stays, receipt = self._durable.forget(self._record, doomed)
            else:
                return Receipt(self.scope)
            entries = len(self._index)
            self._take(stays)
            return replace(receipt, index_entries=entries)

    def _index_pages(self, draft: Draft, kept: Sequence[Kept]) -> None:
        """Keeps the index in step with the pages there are, in the context or out of it."""
        drawn = [page for page, place in zip(draft.pages, kept, strict=True) if place.option.kind != "text"]
        keys = page_keys([page.page for page in drawn])
        self._index.follow({key: "\n".join(page.texts) for key, page in zip(keys, drawn, strict=True)})

    # Read, recall, ask

    @property
    def context(self) -> Context:
        """The context of the last `compress`, in this process or before it. Raises OpticalMemoryError before the first."""
        made = self._context  # looked at without the lock, which a call in another thread may hold for long
        if made is not None:
            return made
        with self._lock:
            self._refresh()
            if self._record.turns:
                return self.compress(self._record.turns)
        raise OpticalMemoryError("nothing is remembered yet: call compress(history) first")

    def read(self, page: int | PagePart) -> Reading:
        """What stands on a page (its number in the context, from 1), read from its visual tokens alone."""
        part = page if isinstance(page, PagePart) else self._page(page)
        return self.model.read([part.encoded], part.page.grid)[0]

    def recall(self, query: str, limit: int = 3) -> list[Recollection]:
        """The pages that matter to a query, best first, in the context or out of it, read at the sharpest mode of the schedule;
        what is read wrong is put right where the memory is `lossless`.

        What is recalled counts as new for the next fades.
        """
        with self._lock:
            return [recollection for _, recollection in self._recalled(query, limit)]

    async def arecall(self, query: str, limit: int = 3) -> list[Recollection]:
        """`recall` in a thread."""
        return await self._worker.run(lambda _: self.recall(query, limit))

    def _recalled(self, query: str, limit: int) -> list[tuple[int, Recollection]]:
        """`recall`, with each page's place among the `_rereader`'s."""
        self._refresh()
        found = self._rereader.find(query, limit)
        recalled = [turn for _, recollection in found for turn in recollection.turns]
        self._mark(self._record.marks.recalled(recalled, len(self._record.turns) - 1))
        return found

    @property
    def _rereader(self) -> Rereader:
        parts: list[PagePart | OutPage] = [*self.context.pages, *self._out]
        parts.sort(key=lambda part: part.order)
        return Rereader(self._keeper, self.schedule.sharpest, self._index, parts)

    def ask(self, question: str, max_new_tokens: int = ANSWER_TOKENS) -> str:
        """The decoder's answer over the spliced context.

        Last in it stands, read back as text, the passage that matters most. It stands alone for a decoder that does not read
        pages, as the bundled one, whose answer is a stretch of it, word for word, or "not found". A context that is too long for
        the decoder loses the pages that matter least, then its oldest text.
        """
        with self._lock:
            passage = self.passage_for(question)
            asked = self.model.positions(passage) + self.model.positions_asked(question)
            room = self.model.decoder_config.max_positions - max_new_tokens - asked
            context = fitting(self._by_worth(question), room) if self.model.decoder_reads_pages else []
            quoting = None if self.model.decoder_reads_pages else passage[1:]  # behind the marker
            return self.model.answer([*context, passage], question, max_new_tokens, self._prefix, quoting)

    async def aask(self, question: str, max_new_tokens: int = ANSWER_TOKENS) -> str:
        """`ask` in a thread."""
        return await self._worker.run(lambda _: self.ask(question, max_new_tokens))

    def passage_for(self, question: str, length: int = PASSAGE_LENGTH) -> str:
        """At most `length` characters that hold the most of the question's words: of a turn that is still text, or of a page
        as its visual tokens read, on to the next page where a turn goes on there; a marker letter before them."""
        with self._lock:
            self._refresh()
            context = self.context  # drawn anew, and indexed, where another process left something else
            rarity = self._index.rarity(question)
            candidates = [
                Candidate(part.label, part.text)
                for part in reversed(context.parts)
                if isinstance(part, TextPart) and part.turn.role != "system"
            ]
            recalled, rereader = self._recalled(question, limit=2), self._rereader
            candidates += [rereader.candidate(place, found) for place, found in recalled]
            return best_passage(candidates, rarity, length)

    def _by_worth(self, question: str) -> list[tuple[float, int, list[Piece]]]:
        """The context's parts: what each is worth to a question, text above any page; the positions it takes; its pieces."""
        worth = self._rereader.worth(question)
        weighed = []
        for part in self.context.parts:
            pieces = part.splice_parts()
            value = worth.get(part.order, 0.0) if isinstance(part, PagePart) else 2.0
            weighed.append((value, sum(map(self.model.positions, pieces)), pieces))
        return weighed

    def _notes(self) -> list[str]:
        """What the report says of modes that gave way to others."""
        return [
            f"{asked} gives way to {nearest}: {self.model.config.name} does not read it on this grid"
            for asked, nearest in self._given_way.items()
        ]

    def _page(self, number: int) -> PagePart:
        with self._lock:
            self._refresh()
            pages = self.context.pages
        if not 1 <= number <= len(pages):
            raise OpticalMemoryError(f"there is no page {number}; the context has pages 1 to {len(pages)}")
        return pages[number - 1]
