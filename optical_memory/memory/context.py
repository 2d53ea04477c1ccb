"""What a reader gets: text and pages in order, handed over as messages with pictures, as input embeddings, or as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optical_memory.encoded import EncodedPage
from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.errata import Erratum, amend, note_of
from optical_memory.memory.fidelity import source_text, span_fidelities
from optical_memory.memory.ledger import Ledger
from optical_memory.memory.legend import BOXES, LEGEND, LETTER_FOR_LETTER
from optical_memory.memory.report import Report
from optical_memory.memory.store import NOTHING_WRONG
from optical_memory.memory.strangers import listed
from optical_memory.memory.stretches import by_turns
from optical_memory.memory.turn import Turn
from optical_memory.memory.wire import shape_named
from optical_memory.memory.wire.picture import Picture
from renderers import Page, Span, to_png
from renderers.transcript import MARKS

if TYPE_CHECKING:
    from torch import Tensor

    from optical_memory.model import Model


@dataclass(frozen=True, slots=True)
class TextPart:
    """A turn that stays text, or its characters `start:end` where the rest stands on a page.

    `detached`: the other turns of its tool unit are drawn, so that it can only be told, not sent as a tool message.
    """

    turn: Turn
    reason: str
    start: int = 0
    end: int | None = None
    detached: bool = False

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end is None

    @property
    def text(self) -> str:
        return self.turn.text[self.start : self.end]

    @property
    def label(self) -> str:
        return self.turn.passages()[0][0]

    def splice_parts(self) -> list[str | EncodedPage]:
        """The text after its marker letter."""
        return [chr(MARKS[self.label]) + self.text]

    def as_message(self) -> dict[str, Any]:
        if self.whole and not self.detached:
            return self.turn.as_message()
        heading = f"[{self.turn.role}, turn {self.turn.id}{', continued' if self.start else ''}]"
        return shape_named(self.turn.shape).told(f"{heading} {self.text}")


@dataclass(frozen=True, slots=True, eq=False)
class PagePart:
    """A page as it stands in the context: `number` counts from 1 in reading order."""

    number: int
    page: Page
    encoded: EncodedPage
    fidelity: float | None
    """None where the model has no reader to measure it."""
    text_tokens: int
    wrong: NDArray[np.int32] = field(default_factory=lambda: NOTHING_WRONG)
    """Places in the page's text of the characters that are read wrong."""
    errata: tuple[Erratum, ...] = ()
    order: int = 0
    """Place among all pages of the history, in the context or not."""

    def splice_parts(self) -> list[str | EncodedPage]:
        """The page, and its errata where it has any."""
        return [self.encoded, self.note] if self.errata else [self.encoded]

    @property
    def note(self) -> str:
        """The errata as text; empty without any."""
        return note_of(self.errata)

    @property
    def spans(self) -> list[tuple[Span, float]]:
        """Each span of the page with the share of its characters that are read right."""
        return span_fidelities(self.page, self.wrong)


@dataclass(frozen=True, slots=True, eq=False)
class OutPage:
    """A page that has left the context; recall draws it again. `order` as in PagePart."""

    page: Page
    text_tokens: int
    order: int


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Ordered text and page parts; the only thing adapters see."""

    parts: tuple[TextPart | PagePart, ...]
    report: Report
    _model: "Model" = field(repr=False)
    shape: str = "openai"
    """The wire shape that the history came in."""

    @property
    def pages(self) -> list[PagePart]:
        return [part for part in self.parts if isinstance(part, PagePart)]

    def messages(self, shape: str | None = None, ledger: Ledger | None = None) -> list[dict[str, Any]]:
        """Messages for a hosted vision model, in the shape that the history came in: turns that stay text as they came, pages
        as PNGs in user messages, each followed by the characters that its face cannot draw. With a `ledger` the strings that
        nobody can guess stand as text after their page.

        Raises OpticalMemoryError if another shape is asked for.
        """
        if shape not in (None, self.shape):
            raise OpticalMemoryError(f"this history came in the shape {self.shape!r} and goes in it, not in {shape!r}")
        wire = shape_named(self.shape)
        messages: list[dict[str, Any]] = []
        explained = False
        notes = ledger.notes(part.page for part in self.pages) if ledger is not None else [""] * len(self.pages)
        for run in self._runs():
            if isinstance(run, TextPart):
                messages.append(run.as_message())
                continue
            content: list[str | Picture] = [] if explained else [LEGEND]
            explained = True
            for part in run:
                content += [f"Page {part.number}, {_turns_on(part.page)}:", Picture.of(self.png(part))]
                boxes = self._model.undrawn(part.page.text, part.encoded.mode.side)
                if boxes:
                    content.append(f"Page {part.number}, {BOXES} {listed(part.page.text, boxes)}")
                if notes[part.number - 1]:
                    content.append(f"Page {part.number}, {LETTER_FOR_LETTER}\n{notes[part.number - 1]}")
            messages.append(wire.shown(content))
        return messages

    def png(self, part: PagePart) -> bytes:
        """A page of this context as a PNG at its mode's side."""
        return to_png(self._model.picture(part.page, part.encoded.mode.side), self._model.colours)

    def splice_parts(self) -> list[str | EncodedPage]:
        """The parts as the decoder takes them: a marker letter before each text, encoded pages between."""
        return [piece for part in self.parts for piece in part.splice_parts()]

    def inputs_embeds(self) -> "Tensor":
        """(T, D) input embeddings for the decoder: T is the number of text tokens of its vocabulary plus the pages' rows."""
        return self._model.splice(self.splice_parts())

    def text(self) -> str:
        """The whole context as text; pages are read back from their visual tokens and marked with their fidelity."""
        lines = []
        for part in self.parts:
            if isinstance(part, TextPart):
                lines.append(f"[{part.turn.role} {part.turn.id}] {part.text}")
            else:
                reading = self._model.read([part.encoded], part.page.grid)[0]
                legible = "not measured" if part.fidelity is None else f"{part.fidelity:.2%} legible"
                heading = f"[page {part.number}, {_turns_on(part.page)}, {legible}]"
                read = amend(source_text(part.page, reading), part.errata)
                lines.append(f"{heading} {by_turns(read, part.page.spans)}")
        return "\n".join(lines)

    def _runs(self) -> Iterator[TextPart | Sequence[PagePart]]:
        """Text parts one by one, neighbouring pages together."""
        pages: list[PagePart] = []
        for part in self.parts:
            if isinstance(part, PagePart):
                pages.append(part)
                continue
            if pages:
                yield pages
                pages = []
            yield part
        if pages:
            yield pages


def _turns_on(page: Page) -> str:
    sources = page.sources
    return sources[0] if len(sources) == 1 else f"{sources[0]} to {sources[-1]}"
