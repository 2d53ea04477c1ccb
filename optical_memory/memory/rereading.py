"""The pages of a memory, in its context and out of it, found for a query and read again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from optical_memory.device import is_out_of_memory
from optical_memory.memory.asking import Candidate
from optical_memory.memory.context import OutPage, PagePart
from optical_memory.memory.keeping import Keeper
from optical_memory.memory.recall import PageIndex, page_keys
from optical_memory.memory.recollection import Recollection, from_source, recollect
from optical_memory.memory.store import NOTHING_WRONG, StoredPage
from optical_memory.modes import Mode
from renderers import Page


@dataclass(frozen=True, slots=True)
class Rereader:
    """What `keeper` keeps of `parts`, pages in the order of the history, which the `index` finds. They are read at `mode`."""

    keeper: Keeper
    mode: Mode
    index: PageIndex
    parts: Sequence[PagePart | OutPage]

    def find(self, query: str, limit: int) -> list[tuple[int, Recollection]]:
        """The places among `parts` of the pages that matter to a query, best first, and what each reads."""
        places = {key: place for place, key in enumerate(page_keys([part.page for part in self.parts]))}
        found = [(places[key], score) for key, score in self.index.search(query, limit)]
        return [(place, self.read(place, score)) for place, score in found]

    def worth(self, question: str) -> dict[int, float]:
        """What each page scores for a question, by its order in the context; those that it does not reach are not in it."""
        scores = dict(self.index.search(question, len(self.index)))
        keys = page_keys([part.page for part in self.parts])
        return {part.order: scores[key] for part, key in zip(self.parts, keys, strict=True) if key in scores}

    def candidate(self, place: int, found: Recollection) -> Candidate:
        """A page that was found as what a passage may be cut from, on to the pages beside it."""
        return Candidate("user", found.by_turns, partial(self._beside, place, -1), partial(self._beside, place, 1))

    def read(self, place: int, score: float = 0.0) -> Recollection:
        """The page at `place`, put right where the memory is lossless; from its source where the device has no room for it."""
        part = self.parts[place]
        try:
            stored = self._stored(part)
            known = stored.wrong if self.keeper.lossless else NOTHING_WRONG
            return recollect(self.keeper.model, part, stored.encoded, score, known)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return from_source(part, self.mode, score)

    def _stored(self, part: PagePart | OutPage) -> StoredPage:
        if isinstance(part, PagePart) and part.encoded.mode == self.mode:
            return StoredPage(part.encoded, part.fidelity, part.wrong)
        return self.keeper.made(part.page, self.mode)

    def _beside(self, place: int, step: int) -> str:
        """What the page before (-1) or behind (1) the one at `place` reads, if a turn goes over the edge between them."""
        if not 0 <= place + step < len(self.parts):
            return ""
        first, second = (self.parts[at].page for at in sorted((place, place + step)))
        return self.read(place + step).by_turns if _goes_on(first, second) else ""


def _goes_on(first: Page, second: Page) -> bool:
    """Whether a turn goes on from one page to the other: not where a page between them stayed text."""
    left, right = first.spans[-1], second.spans[0]
    return (left.source, left.end) == (right.source, right.start)
