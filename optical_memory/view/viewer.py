"""The core of every adapter: messages in, the same messages out with old turns as pages, and the report that says why.

Nothing of the input is written to, and the same history gives the same bytes in any process: what is cached decides no byte.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.legend import BOXES, LEGEND
from optical_memory.memory.strangers import listed
from optical_memory.memory.turn import Turn, parse_history
from optical_memory.memory.wire import Shape, shape_named, shape_of
from optical_memory.memory.wire.picture import Picture
from optical_memory.modes import Mode
from optical_memory.readers import Reader, reader_named
from optical_memory.view.counts import TokenCounts
from optical_memory.view.drawing import GRID, Drawable, Drawings, DrawnPage, num_cells
from optical_memory.view.plan import plan
from optical_memory.view.report import BatchReport, TextReport, ViewReport, rewrite_report
from optical_memory.view.steps import Batch, Costs, Step

KEEP_LAST = 4
PAGES_IN_BATCH = 2
"""A batch takes old turns out of the prompt cache; smaller ones save earlier, larger ones disturb it less often."""
RESERVED_BYTES = 2**20
"""Of a request's limit, for what is in it beside the messages: tools, system, options."""
PICTURE_TYPES = ("image", "image_url", "input_image", "inlineData", "inline_data")


@dataclass(frozen=True, slots=True)
class View:
    """`messages` in the caller's shape: those that stay are the caller's own objects. `pages` are what was drawn, for recall."""

    messages: list[Any]
    report: ViewReport
    pages: tuple[DrawnPage, ...] = ()
    layout: tuple[int | dict[str, Any], ...] = ()
    """For callers whose messages are objects: the position of a message that stays, or a page message, in order."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """`number` of its batch in the plan."""

    number: int
    batch: Batch
    pages: tuple[DrawnPage, ...]
    message: dict[str, Any]
    report: BatchReport


class Viewer:
    """Draws views for one reader, a name of the table or a `Reader`.

    Whatever fails, the messages come back as they were with the reason in the report; `strict` raises instead. New pages come
    in steps that pay for what they take out of the prompt cache (`steps`); the report tells each step's price.
    """

    def __init__(
        self,
        reader: str | Reader,
        *,
        keep_last: int = KEEP_LAST,
        pages_in_batch: int = PAGES_IN_BATCH,
        drawings: Drawings | None = None,
        counts: TokenCounts | None = None,
        scope: str = "",
        strict: bool = False,
    ) -> None:
        check_counts(keep_last=keep_last, pages_in_batch=pages_in_batch)
        self.reader = reader if isinstance(reader, Reader) else reader_named(reader)
        self.keep_last = keep_last
        self.pages_in_batch = pages_in_batch
        self.drawings = drawings if drawings is not None else Drawings()
        self.counts = counts if counts is not None else TokenCounts()
        self.scope = scope
        self.strict = strict
        self.mode = self.reader.mode()
        self._drawable = Drawable(self.mode.side, self.reader.alphabet) if self.mode is not None else None

    def view(self, messages: Sequence[Any], shape: str | None = None) -> View:
        """The view of a history. `shape` is sniffed if not given."""
        began = time.perf_counter()
        try:
            return self._view(messages, shape, began)
        except Exception as error:
            if self.strict:
                raise
            reason = (
                f"{type(error).__name__}: {error}" if isinstance(error, OpticalMemoryError) else type(error).__name__
            )
            return self._unchanged(messages, shape or "unknown", f"failed open, {reason}", began)

    def _view(self, messages: Sequence[Any], shape: str | None, began: float) -> View:
        name = shape or shape_of(messages)
        wire = shape_named(name)
        if self.mode is None or self._drawable is None:
            return self._unchanged(messages, name, self.reader.why_not() or "the reader gets no pages", began)
        turns = parse_history(messages, name)
        tokens = [round(count * self.reader.text_factor) for count in self.counts.of([turn.text for turn in turns])]
        price = self.reader.price.tokens(self.mode.side, self.mode.side)
        costs = Costs(tokens, price, GRID.num_cells, self.reader.limits.images, self.reader.cache)
        cells_in_batch = self.pages_in_batch * GRID.num_cells
        made = plan(turns, self.keep_last, cells_in_batch, num_cells, self._drawable.lacking, costs)
        reasons = dict(made.reasons)
        drawn = list(self._draw(turns, tokens, made.batches, wire, reasons))
        return self._assembled(messages, turns, tokens, drawn, made.steps, reasons, name, began)

    def _draw(
        self,
        turns: Sequence[Turn],
        tokens: Sequence[int],
        batches: Sequence[Batch],
        wire: Shape,
        reasons: dict[int, str],
    ) -> Iterator[_Drawn]:
        """The batches that pay and that the request has room for; why the others do not is put into `reasons`."""
        assert self.mode is not None
        limits = self.reader.limits
        images = limits.images - sum(kind in PICTURE_TYPES for turn in turns for kind in turn.attachments)
        room = limits.request_bytes - RESERVED_BYTES - sum(num_bytes(turn.message) for turn in turns)
        number = 0
        for place, batch in enumerate(batches):
            pages = self.drawings.pages(turns[batch.start : batch.end], batch.start, self.mode.side, self.scope)
            heading = [] if number else [LEGEND]
            captions = [self._caption(number + 1 + place, page) for place, page in enumerate(pages)]
            report = self._batch_report(batch, tokens, len(pages), [*heading, *captions])
            size = sum(len(page.picture.base64) for page in pages)
            if report.page_tokens >= report.text_tokens:
                refusal = "cheaper as text for this reader"
            elif len(pages) > images:
                refusal, images = f"the request may hold {limits.images} pictures", 0  # nor may a later one
            elif size > room:
                refusal, images = f"the request may hold {limits.request_bytes:,} bytes", 0
            else:
                number, images, room = number + len(pages), images - len(pages), room - size
                content: list[str | Picture] = [*heading]
                for caption, page in zip(captions, pages, strict=True):
                    content += [caption, page.picture]
                yield _Drawn(place, batch, pages, wire.shown(content), report)
                continue
            reasons |= dict.fromkeys(range(batch.start, batch.end), refusal)

    def _caption(self, number: int, page: DrawnPage) -> str:
        assert self._drawable is not None
        boxes = self._drawable.lacking(page.text)
        return f"Page {number}, {page_range(page)}" + (f"; {BOXES} {listed(page.text, boxes)}" if boxes else ":")

    def _batch_report(self, batch: Batch, tokens: Sequence[int], num_pages: int, texts: Sequence[str]) -> BatchReport:
        mode: Mode | None = self.mode
        assert mode is not None
        overhead = round(sum(self.counts.of(texts)) * self.reader.text_factor)
        text_tokens = sum(tokens[batch.start : batch.end])
        page_tokens = overhead + num_pages * self.reader.price.tokens(mode.side, mode.side)
        return BatchReport(
            first=batch.start,
            last=batch.end - 1,
            pages=num_pages,
            text_tokens=text_tokens,
            page_tokens=page_tokens,
            local_tokens=overhead + num_pages * mode.sequence_length(),
        )

    def _assembled(
        self,
        messages: Sequence[Any],
        turns: Sequence[Turn],
        tokens: Sequence[int],
        drawn: Sequence[_Drawn],
        steps: Sequence[Step],
        reasons: Mapping[int, str],
        shape: str,
        began: float,
    ) -> View:
        layout: list[int | dict[str, Any]] = []
        position = 0
        for item in drawn:
            layout += range(position, item.batch.start)
            layout.append(item.message)
            position = item.batch.end
        layout += range(position, len(turns))
        reports = [item.report for item in drawn]
        rewrites = [
            rewrite_report(
                step, [item.report for item in drawn if step.first <= item.number < step.end], tokens, self.reader
            )
            for step in steps
        ]
        texts = [i for i in layout if isinstance(i, int)]
        text = sum(report.text_tokens for report in reports)
        page = sum(report.page_tokens for report in reports)
        local = sum(report.local_tokens for report in reports)
        own = {i: messages[i] if not isinstance(messages[i], Turn) else messages[i].as_message() for i in texts}
        report = ViewReport(
            reader=self.reader.name,
            evidence=self.reader.evidence,
            shape=shape,
            tokens_before=sum(tokens),
            tokens_after=sum(tokens[i] for i in texts) + page,
            hosted_ratio=text / page if page else 1.0,
            local_ratio=text / local if local else 1.0,
            batches=reports,
            rewrites=[rewrite for rewrite in rewrites if rewrite is not None],
            num_messages=len(turns),
            texts=[TextReport(message=i, tokens=tokens[i], reason=reasons.get(i, "reasoning")) for i in texts],
            reason=None if drawn else _why_nothing(reasons),
            seconds=time.perf_counter() - began,
        )
        view = [own[part] if isinstance(part, int) else part for part in layout]
        return View(view, report, tuple(page for item in drawn for page in item.pages), tuple(layout))

    def _unchanged(self, messages: Sequence[Any], shape: str, reason: str, began: float) -> View:
        """The messages as they came. Nothing is counted: what is not drawn need not be paid for in time."""
        report = ViewReport(
            reader=self.reader.name,
            evidence=self.reader.evidence,
            shape=shape,
            tokens_before=0,
            tokens_after=0,
            hosted_ratio=1.0,
            local_ratio=1.0,
            batches=[],
            rewrites=[],
            texts=[],
            reason=reason,
            seconds=time.perf_counter() - began,
        )
        if not isinstance(messages, (list, tuple)):  # not even a list: handed back as it is
            return View(messages, report)  # type: ignore[arg-type]
        own = [message.as_message() if isinstance(message, Turn) else message for message in messages]
        return View(own, report, (), tuple(range(len(own))))


def check_counts(**options: Any) -> None:
    """Raises ValueError for an option that is no number of turns, pages or pixels."""
    for name, value in options.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} is a whole number, 1 or more; got {value!r}")


def page_range(page: DrawnPage) -> str:
    return f"message {page.first}" if page.first == page.last else f"messages {page.first} to {page.last}"


def num_bytes(value: Any) -> int:
    """About how many bytes a message takes as JSON, where every character beyond ASCII is written as an escape."""
    if isinstance(value, str):
        plain = len(value) if value.isascii() else len(value.encode("ascii", "ignore"))
        return plain + 6 * (len(value) - plain) + 4
    if isinstance(value, Mapping):
        return sum(len(str(key)) + 4 + num_bytes(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return sum(num_bytes(item) for item in value)
    return 8


def _why_nothing(reasons: Mapping[int, str]) -> str:
    """The reason that most messages have."""
    told = list(reasons.values())
    return max(dict.fromkeys(told), key=told.count) if told else "there is nothing to draw"
