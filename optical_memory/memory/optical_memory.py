"""OpticalMemory: older turns become pages, pages become visual tokens, and what is asked comes back."""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optical_memory.encoded import EncodedPage, Reading
from optical_memory.errors import InvalidHistoryError, OpticalMemoryError
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import Context, PagePart, TextPart
from optical_memory.memory.fidelity import PageModel, fidelity, source_text
from optical_memory.memory.recall import PageIndex, best_window
from optical_memory.memory.report import PageReport, Report, TextReport
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.selection import reasons_for_text
from optical_memory.memory.store import StoredPage, TokenKey, TokenStore
from optical_memory.memory.turn import Turn, parse_history, tool_units
from optical_memory.model import Model, load_model
from optical_memory.modes import Mode
from renderers import RENDERER_VERSION, Block, Page, Span, lay_out, transcript_blocks
from renderers.transcript import MARKS

KEEP_LAST = 4
"""Turns at the end of a history that stay text."""
ANSWER_TOKENS = 64
PASSAGE_LENGTH = 480
"""Characters of the passage that `ask` puts beside the page."""

Progress = Callable[[int, int], None]
"""Called with (pages encoded, pages to encode)."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """A page that matters to a query: sharpened, with the text read back and how sure the reader is of it.

    `probabilities` (characters,) goes with `text`; `certainty` is their mean.
    """

    number: int
    score: float
    turns: tuple[str, ...]
    mode: Mode
    text: str
    probabilities: NDArray[np.float32]

    @property
    def certainty(self) -> float:
        return float(self.probabilities.mean()) if self.probabilities.size else 1.0


class OpticalMemory:
    """A conversation's long memory. Call `compress` with the whole history at every turn; only what is new is encoded.

    `model`: a name, a checkpoint's path, or a `Model` that is already loaded. `device`: chosen for you if not given.
    `on_progress` is called while pages are encoded.
    """

    def __init__(
        self,
        model: "str | Path | Model" = "default",
        *,
        device: str | None = None,
        schedule: ForgettingSchedule | None = None,
        keep_last: int = KEEP_LAST,
        store: TokenStore | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        if keep_last < 0:
            raise ValueError(f"keep_last counts turns, got {keep_last}")
        self.model: Model = load_model(model, device) if isinstance(model, (str, Path)) else model
        self.schedule = schedule or ForgettingSchedule()
        self.keep_last = keep_last
        self.store = store if store is not None else TokenStore()
        self.on_progress = on_progress
        self._index = PageIndex()
        self._counts: dict[str, int] = {}
        self._earlier_counts: dict[str, int] = {}
        self._context: Context | None = None

    # Compress

    def compress(self, history: Iterable[Turn | Mapping[str, Any]]) -> Context:
        """Draws, encodes and stores the older turns of a history; the newest and the system's stay text.

        Raises InvalidHistoryError for an empty history or a message that cannot be understood.
        """
        began = time.perf_counter()
        turns = parse_history(history)
        if not turns:
            raise InvalidHistoryError("the history is empty; pass at least one message")
        reasons = reasons_for_text(turns, self.keep_last, self.model.unreadable)
        self._earlier_counts, self._counts = self._counts, {}
        pages = self._lay_out([turn for turn in turns if turn.id not in reasons])
        self._count([turn.text for turn in turns])
        positions = {turn.id: position for position, turn in enumerate(turns)}
        texts_on = [self._texts_on(page, {turn.id: turn.text for turn in turns}) for page in pages]
        tokens_on = [sum(self._count(texts)) for texts in texts_on]
        modes = [
            self._mode_of(len(turns) - 1 - positions[page.sources[-1]], tokens)
            for page, tokens in zip(pages, tokens_on, strict=True)
        ]
        stored = self._encode(pages, modes)
        parts = self._assemble(turns, reasons, pages, stored, tokens_on)
        drawn = [index for index, page in enumerate(stored) if page is not None]
        self._remember([pages[index] for index in drawn], ["\n".join(texts_on[index]) for index in drawn])
        report = self._report(turns, parts, time.perf_counter() - began)
        self._context = Context(tuple(parts), report, self.model, turns[0].shape)
        return self._context

    def _lay_out(self, turns: Sequence[Turn]) -> list[Page]:
        blocks: list[Block] = []
        for turn in turns:
            start = 0
            for label, text in turn.passages():
                blocks += transcript_blocks(text, label, turn.id, start)
                start += len(text)
        return lay_out(blocks, self.model.grid)

    @staticmethod
    def _texts_on(page: Page, sources: Mapping[str, str]) -> list[str]:
        """The stretches of source text on a page, one per turn."""
        return [
            sources[source][first.start : last.end]
            for source in page.sources
            for first, last in [_ends([span for span in page.spans if span.source == source])]
        ]

    def _count(self, texts: Sequence[str]) -> list[int]:
        """Text tokens of each; what the last call counted is not counted anew, what no call asks for any more is let go."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._counts]
        new = [text for text in unknown if text not in self._earlier_counts]
        counted = dict(zip(new, count_text_tokens(new), strict=True))
        self._counts |= {text: counted.get(text, self._earlier_counts.get(text, 0)) for text in unknown}
        return [self._counts[text] for text in texts]

    def _mode_of(self, age: int, text_tokens: int) -> Mode | None:
        """The schedule's mode; a cheaper one where the text would cost less than that; None where no mode pays."""
        wanted = self.schedule.mode_at(age)
        lengths = {mode: self._length(mode) for mode in self._ladder()}
        paying = [mode for mode in lengths if lengths[mode] <= lengths[wanted] and lengths[mode] < text_tokens]
        return max(paying, key=lambda mode: lengths[mode], default=None)

    def _ladder(self) -> list[Mode]:
        return [mode for _, mode in self.schedule.steps]

    @staticmethod
    def _length(mode: Mode) -> int:
        return mode.sequence_length((2, 2) if mode.tile_side else (0, 0))

    def _key(self, page: Page, mode: Mode) -> TokenKey:
        return TokenKey(page.digest, mode, self.model.fingerprint, RENDERER_VERSION)

    def _encode(self, pages: Sequence[Page], modes: Sequence[Mode | None]) -> list[StoredPage | None]:
        """Visual tokens of every page in its mode, from the store or made now; None where the mode is."""
        stored = [
            None if mode is None else self.store.get(self._key(page, mode))
            for page, mode in zip(pages, modes, strict=True)
        ]
        missing = [index for index, mode in enumerate(modes) if mode is not None and stored[index] is None]
        done = 0
        for mode in dict.fromkeys(mode for mode in modes if mode is not None):
            group = [index for index in missing if modes[index] == mode]
            for first in range(0, len(group), 4):
                batch = group[first : first + 4]
                made = encode_and_measure(self.model, [pages[index] for index in batch], mode)
                for index, page in zip(batch, made, strict=True):
                    self.store.put(self._key(pages[index], mode), page)
                    stored[index] = page
                done += len(batch)
                if self.on_progress is not None:
                    self.on_progress(done, len(missing))
        return stored

    def _assemble(
        self,
        turns: Sequence[Turn],
        reasons: Mapping[str, str],
        pages: Sequence[Page],
        stored: Sequence[StoredPage | None],
        text_tokens: Sequence[int],
    ) -> list[TextPart | PagePart]:
        """Parts in the order of the conversation: a page stands where its first turn does."""
        by_id = {turn.id: turn for turn in turns}
        positions = {turn.id: position for position, turn in enumerate(turns)}
        placed: list[tuple[tuple[int, int], TextPart | PagePart]] = [
            ((positions[turn.id], -1), TextPart(turn, reasons[turn.id])) for turn in turns if turn.id in reasons
        ]
        in_unit = {turns[position].id for unit in tool_units(turns) for position in unit}
        number = 0
        for order, (page, kept, tokens) in enumerate(zip(pages, stored, text_tokens, strict=True)):
            place = (positions[page.sources[0]], order)
            if kept is not None:
                number += 1
                placed.append((place, PagePart(number, page, kept.encoded, kept.fidelity, tokens)))
                continue
            for source in page.sources:
                first, last = _ends([span for span in page.spans if span.source == source])
                whole = (first.start, last.end) == (0, len(by_id[source].text))
                end = None if whole else last.end
                part = TextPart(by_id[source], "cheaper as text", first.start, end, detached=source in in_unit)
                placed.append(((positions[source], order), part))
        return [part for _, part in sorted(placed, key=lambda item: item[0])]

    def _remember(self, pages: Sequence[Page], texts: Sequence[str]) -> None:
        """Keeps the index in step with the pages there are."""
        keys = page_keys(pages)
        self._index.keep_only(set(keys))
        for key, text in zip(keys, texts, strict=True):
            if key not in self._index:
                self._index.add(key, text)

    def _report(self, turns: Sequence[Turn], parts: Sequence[TextPart | PagePart], seconds: float) -> Report:
        before = sum(self._count([turn.text for turn in turns]))
        pages = [
            PageReport(
                number=part.number,
                mode=part.encoded.mode.name,
                sequence_length=part.encoded.sequence_length,
                text_tokens=part.text_tokens,
                fidelity=part.fidelity,
                turns=list(part.page.sources),
            )
            for part in parts
            if isinstance(part, PagePart)
        ]
        texts = [
            TextReport(turn=part.turn.id, tokens=self._count([part.text])[0], reason=part.reason)
            for part in parts
            if isinstance(part, TextPart)
        ]
        after = sum(page.sequence_length for page in pages) + sum(text.tokens for text in texts)
        return Report(
            model=self.model.config.name,
            tokens_before=before,
            tokens_after=after,
            ratio=before / after if after else 1.0,
            seconds=seconds,
            pages=pages,
            texts=texts,
        )

    # Read, recall, ask

    @property
    def context(self) -> Context:
        """The context of the last `compress`. Raises OpticalMemoryError before the first."""
        if self._context is None:
            raise OpticalMemoryError("nothing is remembered yet: call compress(history) first")
        return self._context

    def read(self, page: int | PagePart) -> Reading:
        """What stands on a page (its number in the context, from 1), read from its visual tokens alone."""
        part = page if isinstance(page, PagePart) else self._page(page)
        return self.model.read([part.encoded], part.page.grid)[0]

    def recall(self, query: str, limit: int = 3) -> list[Recollection]:
        """The pages that matter to a query, best first, read at the sharpest mode of the schedule."""
        pages = self.context.pages
        parts = dict(zip(page_keys([part.page for part in pages]), pages, strict=True))
        hits = [(parts[key], score) for key, score in self._index.search(query, len(self._index))]
        sharpest = max(self._ladder(), key=self._length)
        recollections = []
        for part, score in hits[:limit]:
            encoded = self._sharpened(part, sharpest)
            reading = self.model.read([encoded], part.page.grid)[0]
            probabilities = reading.probabilities[part.page.source_cells]
            text = source_text(part.page, reading)
            recollections.append(Recollection(part.number, score, part.page.sources, encoded.mode, text, probabilities))
        return recollections

    def ask(self, question: str, max_new_tokens: int = ANSWER_TOKENS) -> str:
        """The decoder's answer over the spliced context.

        Last in it stands, read back as text, the passage that matters most. A context that is too long for the decoder loses
        the pages that matter least, then its oldest text.
        """
        passage = self.passage_for(question)
        decoder = self.model.config.decoder
        room = decoder.max_positions - max_new_tokens - len(question) - len(passage) - 3 if decoder is not None else 0
        return self.model.answer([*self._fitting(question, room), passage], question, max_new_tokens)

    def passage_for(self, question: str, length: int = PASSAGE_LENGTH) -> str:
        """At most `length` characters that hold the most of the question's words: of a turn that is still text, or of a page
        as its visual tokens read; a marker letter before them."""
        rarity = self._index.rarity(question)
        candidates = [
            (part.label, part.text)
            for part in reversed(self.context.parts)
            if isinstance(part, TextPart) and part.turn.role != "system"
        ]
        candidates += [("user", recollection.text) for recollection in self.recall(question, limit=2)]
        best, passage = -1.0, ""
        for label, text in candidates:
            found, window = best_window(text, rarity, length)
            if found > best:
                best, passage = found, chr(MARKS[label]) + window
        return passage

    def _fitting(self, question: str, room: int) -> list[str | EncodedPage]:
        """The context's parts without those that matter least to the question, until they take `room` positions at most."""
        keys = page_keys([part.page for part in self.context.pages])
        scores = dict(self._index.search(question, len(self._index)))
        worth = iter([scores.get(key, 0.0) for key in keys])
        parts = self.context.splice_parts()
        order = [
            (next(worth), position) if isinstance(part, PagePart) else (2.0, position)
            for position, part in enumerate(self.context.parts)
        ]
        kept: set[int] = set()
        for _, position in sorted(order, reverse=True):
            part = parts[position]
            length = len(part) if isinstance(part, str) else part.sequence_length
            if length <= room:
                room -= length
                kept.add(position)
        return [part for position, part in enumerate(parts) if position in kept]

    def _page(self, number: int) -> PagePart:
        pages = self.context.pages
        if not 1 <= number <= len(pages):
            raise OpticalMemoryError(f"there is no page {number}; the context has pages 1 to {len(pages)}")
        return pages[number - 1]

    def _sharpened(self, part: PagePart, mode: Mode) -> EncodedPage:
        if part.encoded.mode == mode:
            return part.encoded
        key = self._key(part.page, mode)
        stored = self.store.get(key)
        if stored is None:
            stored = encode_and_measure(self.model, [part.page], mode)[0]
            self.store.put(key, stored)
        return stored.encoded


def page_keys(pages: Sequence[Page]) -> list[Hashable]:
    """A key for each page of a context: its digest, and a count that tells pages apart that look alike."""
    seen: Counter[str] = Counter()
    keys: list[Hashable] = []
    for page in pages:
        keys.append((page.digest, seen[page.digest]))
        seen[page.digest] += 1
    return keys


def encode_and_measure(model: PageModel, pages: Sequence[Page], mode: Mode) -> list[StoredPage]:
    """Visual tokens of pages, each with the fidelity that the model's own reader finds."""
    encoded = model.encode(pages, mode)
    stored = []
    for page, made in zip(pages, encoded, strict=True):
        reading = model.read([made], page.grid)[0]
        stored.append(StoredPage(made, fidelity(page, reading)))
    return stored


def _ends(spans: Sequence[Span]) -> tuple[Span, Span]:
    return min(spans, key=lambda span: span.start), max(spans, key=lambda span: span.end)
