"""How legible a page still is: what the reader makes of its visual tokens, against the source; and what a fade would leave."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optical_memory.encoded import EncodedPage, Reading
from optical_memory.errors import CheckpointError, SpliceError
from optical_memory.memory.store import StoredPage
from optical_memory.modes import Mode
from renderers import Grid, Page, Span
from renderers.page import decode_codes


class PageModel(Protocol):
    """All that the memory needs of a model. Tests put a fake here that answers in microseconds."""

    grid: Grid
    fingerprint: str

    def encode(self, pages: Sequence[Page], mode: Mode) -> list[EncodedPage]: ...

    def read(self, encoded: Sequence[EncodedPage], grid: Grid) -> list[Reading]: ...

    def misread(self, page: EncodedPage, text: str) -> NDArray[np.int32]: ...

    def unreadable(self, text: str) -> str: ...

    def reads(self, mode: Mode) -> bool: ...


def fidelity(page: Page, reading: Reading) -> float:
    """Share of the page's source characters that are read back right, 0..1; markers and empty cells do not count."""
    wrong = wrong_characters(page, reading)
    return 1.0 - len(wrong) / page.num_characters if page.num_characters else 1.0


def wrong_characters(page: Page, reading: Reading) -> NDArray[np.int32]:
    """Places in the page's text of the characters that are read wrong, rising."""
    source = page.source_cells
    return np.flatnonzero(reading.codes[source] != page.codes[source]).astype(np.int32)


def span_fidelities(page: Page, wrong: NDArray[np.int32]) -> list[tuple[Span, float]]:
    """Each span of a page with the share of its characters that are read right."""
    rows, position = [], 0
    for span in page.spans:
        end = position + span.end - span.start
        missed = int(np.searchsorted(wrong, end) - np.searchsorted(wrong, position))
        rows.append((span, 1.0 - missed / (end - position)))
        position = end
    return rows


def source_text(page: Page, reading: Reading) -> str:
    """The text read back from the cells that hold source characters: as long as the page's own text."""
    return decode_codes(reading.codes[page.source_cells])


def encode_and_measure(model: PageModel, pages: Sequence[Page], mode: Mode) -> list[StoredPage]:
    """Visual tokens of pages, each with what the model's own reader gets wrong: its readout, else its decoder in one
    teacher-forced pass; not measured where it has neither."""
    return [_measured(model, page, made) for page, made in zip(pages, model.encode(pages, mode), strict=True)]


def _measured(model: PageModel, page: Page, made: EncodedPage) -> StoredPage:
    try:
        wrong = wrong_characters(page, model.read([made], page.grid)[0])
    except CheckpointError:
        try:
            wrong = model.misread(made, page.text)
        except (CheckpointError, SpliceError):
            return StoredPage(made, None)
    return StoredPage(made, 1.0 - len(wrong) / page.num_characters if page.num_characters else 1.0, wrong)


PRIOR_WEIGHT = 0.1


@dataclass(slots=True)
class FidelityForecast:
    """What a page will read like in a mode: the mean over the pages measured in it, beside a prior that weighs like a tenth
    of one.

    Modes that were never measured are taken to read like the nearest sharper one that was, else the nearest blunter: not
    knowing a mode speaks neither for nor against it. Before any is measured they read like the prior.
    """

    prior: float = 0.99
    _sums: dict[Mode, tuple[float, float, int]] = field(default_factory=lambda: defaultdict(lambda: (0.0, 0.0, 0)))
    _best: dict[Mode, float] = field(default_factory=dict)

    def learn(self, mode: Mode, measured: float, errata_tokens: int = 0) -> None:
        total, tokens, count = self._sums[mode]
        self._sums[mode] = (total + measured, tokens + errata_tokens, count + 1)
        self._best[mode] = max(measured, self._best.get(mode, 0.0))

    def knows(self, mode: Mode) -> bool:
        return mode in self._sums

    def of(self, mode: Mode) -> float:
        if self.knows(mode):
            total, _, count = self._sums[mode]
            return (total + PRIOR_WEIGHT * self.prior) / (count + PRIOR_WEIGHT)
        if not self._sums:
            return self.prior
        return self.of(min(self._sums, key=lambda known: (known.side < mode.side, abs(known.side - mode.side))))

    def hoped(self, mode: Mode, bound: float) -> float:
        """What is foreseen, and no less than a `bound` that the page may reach: none was measured in this mode, or one was that
        does."""
        foreseen = self.of(mode)
        return max(foreseen, bound) if self._best.get(mode, 1.0) >= bound else foreseen

    def errata_tokens(self, mode: Mode) -> float:
        """Text tokens of a page's errata; none foreseen where none were measured."""
        _, tokens, count = self._sums[mode] if self.knows(mode) else (0.0, 0.0, 0)
        return tokens / count if count else 0.0
