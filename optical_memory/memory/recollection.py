"""A page that matters to a query, as it comes back: where it stands, what it says, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optical_memory.encoded import EncodedPage
from optical_memory.errors import CheckpointError
from optical_memory.memory.context import OutPage, PagePart
from optical_memory.memory.fidelity import PageModel
from optical_memory.memory.strangers import strangers
from optical_memory.memory.stretches import by_turns
from optical_memory.modes import Mode
from renderers import Span
from renderers.page import decode_codes


@dataclass(frozen=True, slots=True)
class Recollection:
    """A page that matters to a query: sharpened, with the text read back and how sure the reader is of it.

    `number` is None where the page has left the context. `spans` say which characters of which turn stand on it.
    `probabilities` (characters,) goes with `text`; `certainty` is their mean. `read`: True where the text was read from the
    visual tokens; a model without a reader, or a device without room, gives
    the source itself, with certainty 1.
    """

    number: int | None
    score: float
    turns: tuple[str, ...]
    mode: Mode
    text: str
    probabilities: NDArray[np.float32]
    spans: tuple[Span, ...]
    read: bool = True

    @property
    def certainty(self) -> float:
        return float(self.probabilities.mean()) if self.probabilities.size else 1.0

    @property
    def by_turns(self) -> str:
        """`text` with a newline wherever a turn ends and another begins."""
        return by_turns(self.text, self.spans)


def recollect(
    model: PageModel, part: PagePart | OutPage, encoded: EncodedPage, score: float, wrong: NDArray[np.int32]
) -> Recollection:
    """Reads a page from the visual tokens given. What stands at the places `wrong` of its text is told, as characters are that the
    model was never taught."""
    page = part.page
    try:
        reading = model.read([encoded], page.grid)[0]
    except CheckpointError:
        return from_source(part, encoded.mode, score)
    probabilities = reading.probabilities[page.source_cells]
    codes = reading.codes[page.source_cells]
    told = np.union1d(wrong, strangers(model.unreadable, page))
    codes[told] = page.codes[page.source_cells][told]
    probabilities[told] = 1.0
    text = decode_codes(codes)
    return Recollection(_number(part), score, page.sources, encoded.mode, text, probabilities, page.spans)


def from_source(part: PagePart | OutPage, mode: Mode, score: float) -> Recollection:
    """A page that nothing can read now: its source."""
    page = part.page
    sure = np.ones(page.num_characters, dtype=np.float32)
    return Recollection(_number(part), score, page.sources, mode, page.text, sure, page.spans, read=False)


def _number(part: PagePart | OutPage) -> int | None:
    return part.number if isinstance(part, PagePart) else None
