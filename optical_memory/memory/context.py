"""What a reader gets: text and pages in order, handed over as messages with pictures, as input embeddings, or as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optical_memory.encoded import EncodedPage
from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.fidelity import source_text
from optical_memory.memory.legend import LEGEND
from optical_memory.memory.report import Report
from optical_memory.memory.turn import Turn
from optical_memory.memory.wire import shape_named
from optical_memory.memory.wire.picture import Picture
from renderers import Page, to_png
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
    fidelity: float
    text_tokens: int


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

    def messages(self, shape: str | None = None) -> list[dict[str, Any]]:
        """Messages for a hosted vision model, in the shape that the history came in: turns that stay text as they came, pages
        as PNGs in user messages.

        Raises OpticalMemoryError if another shape is asked for.
        """
        if shape not in (None, self.shape):
            raise OpticalMemoryError(f"this history came in the shape {self.shape!r} and goes in it, not in {shape!r}")
        wire = shape_named(self.shape)
        messages: list[dict[str, Any]] = []
        explained = False
        for run in self._runs():
            if isinstance(run, TextPart):
                messages.append(run.as_message())
                continue
            content: list[str | Picture] = [] if explained else [LEGEND]
            explained = True
            for part in run:
                content += [f"Page {part.number}, {_turns_on(part.page)}:", Picture.of(self.png(part))]
            messages.append(wire.shown(content))
        return messages

    def png(self, part: PagePart) -> bytes:
        """A page of this context as a PNG at its mode's side."""
        return to_png(self._model.picture(part.page, part.encoded.mode.side), self._model.colours)

    def splice_parts(self) -> list[str | EncodedPage]:
        """The parts as the decoder takes them: a marker letter before each text, encoded pages between."""
        return [
            part.encoded if isinstance(part, PagePart) else chr(MARKS[part.label]) + part.text for part in self.parts
        ]

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
                heading = f"[page {part.number}, {_turns_on(part.page)}, {part.fidelity:.2%} legible]"
                lines.append(f"{heading} {source_text(part.page, reading)}")
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
