"""How each page of a draft is kept: plan, encode what the plan needs, measure it, and plan again with what was measured."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optical_memory.device import is_out_of_memory
from optical_memory.memory.budget import Option
from optical_memory.memory.draft import Draft, DraftPage, TokenCounter
from optical_memory.memory.errata import Erratum, errata_of, note_of
from optical_memory.memory.fidelity import FidelityForecast, PageModel, encode_and_measure
from optical_memory.memory.schedule import ForgettingSchedule, PageFacts, length_of
from optical_memory.memory.store import StoredPage, TokenKey, TokenStore
from optical_memory.memory.strangers import strangers
from optical_memory.modes import Mode
from renderers import RENDERER_VERSION, Page

BATCH = 4
Progress = Callable[[int, int], None]
"""Called with (pages encoded, pages to encode)."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A page's place: its option, its visual tokens if it is drawn, why it is text if the plan did not want it so."""

    option: Option
    stored: StoredPage | None = None
    errata: tuple[Erratum, ...] = ()
    trouble: str | None = None


@dataclass(slots=True)
class Keeper:
    """Holds what planning learns from one call to the next: the forecast of fidelity.

    `lossless`: errata tell all that is read wrong, not only what the model was never taught.
    """

    model: PageModel
    store: TokenStore
    lossless: bool = False
    scope: str = ""
    forecast: FidelityForecast = field(default_factory=FidelityForecast)

    def key(self, page: Page, mode: Mode) -> TokenKey:
        return TokenKey(page.digest, mode, self.model.fingerprint, RENDERER_VERSION, self.scope)

    def made(self, page: Page, mode: Mode) -> StoredPage:
        """A page in a mode, from the store or made now."""
        key = self.key(page, mode)
        stored = self.store.get(key)
        if stored is None:
            stored = encode_and_measure(self.model, [page], mode)[0]
            self.store.put(key, stored)
        return stored

    def facts(
        self,
        draft: Draft,
        schedule: ForgettingSchedule,
        ages: Sequence[float],
        pinned: Iterable[str],
        count: TokenCounter,
        measured: Mapping[tuple[int, Mode], StoredPage | None] | None = None,
    ) -> list[PageFacts]:
        """What is known of each page: measured where it was, foreseen where not.

        Where there is a `measured`, what is not in it will be measured before it is kept: its errata count as none until
        then, so that no mode that might be the cheapest with its errata is passed over. Nor is one that might reach the
        schedule's `min_fidelity`.
        """
        held, known, rows = set(pinned), measured or {}, []
        for index, (draft_page, age) in enumerate(zip(draft.pages, ages, strict=True)):
            costs, fidelities = {}, {}
            for mode in schedule.ladder:
                stored = known.get((index, mode))
                if stored is None:
                    fidelity: float | None = self.forecast.hoped(mode, schedule.min_fidelity)
                    errata = round(self.forecast.errata_tokens(mode)) if measured is None else 0
                else:
                    told = self._told(draft_page.page, stored)
                    fidelity = _reads(draft_page.page, stored, told)
                    errata = self._errata_tokens(draft_page.page, told, count)
                costs[mode] = length_of(mode) + errata
                fidelities[mode] = 1.0 if self.lossless else self.forecast.of(mode) if fidelity is None else fidelity
            salience = schedule.salience_of("\n".join(draft_page.texts))
            is_pinned = not held.isdisjoint(draft_page.page.sources)
            rows.append(PageFacts(age, draft_page.text_tokens, salience, costs, fidelities, is_pinned))
        return rows

    def keep(
        self,
        draft: Draft,
        schedule: ForgettingSchedule,
        ages: Sequence[float],
        pinned: Iterable[str],
        count: TokenCounter,
        on_progress: Progress | None,
    ) -> list[Kept]:
        """Plans and encodes until every page that the plan draws has been measured as planned."""
        measured: dict[tuple[int, Mode], StoredPage | None] = {}
        while True:
            facts = self.facts(draft, schedule, ages, pinned, count, measured)
            options = schedule.plan(facts, draft.fixed_tokens, fewest_tokens=self.lossless)
            kept = self.encode(draft, options, measured, count, on_progress)
            if kept is not None:
                return kept

    def encode(
        self,
        draft: Draft,
        options: Sequence[Option],
        measured: dict[tuple[int, Mode], StoredPage | None],
        count: TokenCounter,
        on_progress: Progress | None = None,
    ) -> list[Kept] | None:
        """The pages of a plan, once all are in `measured`; None if some were not: they are there now, plan again."""
        wanted = [(index, option.mode) for index, option in enumerate(options) if option.mode is not None]
        unknown = [place for place in wanted if place not in measured]
        if not unknown:
            return [
                self._kept(draft.pages[index], option, measured.get((index, option.mode)) if option.mode else None)
                for index, option in enumerate(options)
            ]
        for index, mode in unknown:
            measured[index, mode] = self.store.get(self.key(draft.pages[index].page, mode))
        missing = [place for place in unknown if measured[place] is None]
        done = 0
        for mode in dict.fromkeys(mode for _, mode in missing):
            group = [index for index, own in missing if own == mode]
            for first in range(0, len(group), BATCH):
                batch = group[first : first + BATCH]
                self._make([draft.pages[index].page for index in batch], batch, mode, measured, count)
                done += len(batch)
                if on_progress is not None:
                    on_progress(done, len(missing))
        return None

    def _make(
        self,
        pages: Sequence[Page],
        places: Sequence[int],
        mode: Mode,
        measured: dict[tuple[int, Mode], StoredPage | None],
        count: TokenCounter,
    ) -> None:
        try:
            made = encode_and_measure(self.model, pages, mode)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                return
            raise
        for place, page, stored in zip(places, pages, made, strict=True):
            self.store.put(self.key(page, mode), stored)
            measured[place, mode] = stored
            told = self._told(page, stored)
            reads = _reads(page, stored, told)
            if reads is not None:
                self.forecast.learn(mode, reads, self._errata_tokens(page, told, count))

    def _kept(self, drafted: DraftPage, option: Option, stored: StoredPage | None) -> Kept:
        if option.mode is None:
            return Kept(option)
        if stored is None:
            return Kept(Option.as_text(drafted.text_tokens), trouble="the device is out of memory")
        return Kept(option, stored, errata_of(drafted.page.text, self._told(drafted.page, stored)))

    def _told(self, page: Page, stored: StoredPage) -> NDArray[np.int32]:
        """Places in the page's text of the characters that its errata tell: what is read wrong, or of that only what the model was
        never taught."""
        known = None if stored.fidelity is None else stored.wrong
        strange = strangers(self.model.unreadable, page, known)
        return np.union1d(stored.wrong, strange) if self.lossless else strange

    @staticmethod
    def _errata_tokens(page: Page, told: NDArray[np.int32], count: TokenCounter) -> int:
        return count([note_of(errata_of(page.text, told))])[0] if told.size else 0


def _reads(page: Page, stored: StoredPage, told: NDArray[np.int32]) -> float | None:
    """Share of a page's characters that are read right or `told`; None where nothing reads it."""
    if stored.fidelity is None:
        return None
    return 1.0 - (len(stored.wrong) - len(told)) / page.num_characters if page.num_characters else 1.0
