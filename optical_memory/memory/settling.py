"""How a history settles: fades come in batches, and from one to the next pages stay as they are and new turns are text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optical_memory.memory.assembly import plan_of
from optical_memory.memory.draft import Draft, TokenCounter, draft_of
from optical_memory.memory.keeping import Keeper, Kept, Progress
from optical_memory.memory.record import Record, records_of
from optical_memory.memory.report import Plan
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.selection import protected_from
from optical_memory.memory.store import StoredPage
from optical_memory.memory.turn import Turn
from optical_memory.modes import Mode
from renderers import RENDERER_VERSION


@dataclass(frozen=True, slots=True)
class Settler:
    """What pages are kept by: `keep_last` turns stay text, fades come `fade_every` turns apart."""

    keeper: Keeper
    schedule: ForgettingSchedule
    keep_last: int
    fade_every: int

    def settle(
        self, before: Record, turns: Sequence[Turn], fades_are_due: bool, count: TokenCounter, step: Progress
    ) -> tuple[Record, Draft, list[Kept]]:
        """A history's pages, each kept as it was or as a new plan has it; `before` is what was settled last."""
        last, marks = self._known(before), before.marks.following(before.turns, turns)
        draft = None if fades_are_due else self._held(last, turns, count)
        if draft is not None:
            kept = self._as_before(draft, last, count, step)
            if kept is not None:
                return replace(last, turns=tuple(turns), marks=marks), draft, kept
        draft = draft_of(turns, self.keep_last, self.keeper.model, count, last.starts_in(turns))
        ages = draft.ages(self.schedule.unit, len(turns) - 1, marks.hits)
        kept = self.keeper.keep(draft, self.schedule, ages, marks.pins, count, step)
        border = protected_from(turns, self.keep_last)
        pages = records_of(draft, kept)
        return Record(tuple(turns), len(turns), border, self._layout, self._terms, pages, marks), draft, kept

    def plan(self, before: Record, turns: Sequence[Turn], fades_are_due: bool, count: TokenCounter) -> Plan:
        """What `settle` would do, by what is foreseen."""
        last, marks = self._known(before), before.marks.following(before.turns, turns)
        held = None if fades_are_due else self._held(last, turns, count)
        draft = held or draft_of(turns, self.keep_last, self.keeper.model, count, last.starts_in(turns))
        ages = draft.ages(self.schedule.unit, len(turns) - 1, marks.hits)
        facts = self.keeper.facts(draft, self.schedule, ages, marks.pins, count)
        if held is not None:
            return plan_of(draft, facts, last.options)
        options = self.schedule.plan(facts, draft.fixed_tokens, fewest_tokens=self.keeper.lossless)
        return plan_of(draft, facts, options)

    def _held(self, last: Record, turns: Sequence[Turn], count: TokenCounter) -> Draft | None:
        """The history as its pages stand, every newer turn text; None where fades are due or what stands may not stay."""
        if last.terms != self._terms or not last.holds(turns, self.fade_every):
            return None
        draft = draft_of(turns, len(turns) - last.border, self.keeper.model, count, last.starts())
        cost = draft.fixed_tokens + sum(option.cost for option in last.options)
        fits = self.schedule.budget is None or cost <= self.schedule.budget
        legible = all(option.fidelity >= self.schedule.min_fidelity for option in last.options)
        return draft if fits and legible and len(draft.pages) == len(last.options) else None

    def _as_before(self, draft: Draft, last: Record, count: TokenCounter, step: Progress) -> list[Kept] | None:
        """The pages as they were kept, once more; None where one of them can no longer be had."""
        measured: dict[tuple[int, Mode], StoredPage | None] = {}
        kept = self.keeper.encode(draft, last.options, measured, count, step)
        return kept or self.keeper.encode(draft, last.options, measured, count)

    def _known(self, before: Record) -> Record:
        """What was settled last; nothing where its pages were laid out for another grid."""
        return before if before.layout == self._layout else Record()

    @property
    def _layout(self) -> str:
        return f"{self.keeper.model.grid}, renderer {RENDERER_VERSION}"

    @property
    def _terms(self) -> str:
        """All that modes are chosen by, but for the bounds, which what stands is held against, and salience, which has no name."""
        steps = ", ".join(f"{age:g} {mode}" for age, mode in self.schedule.steps)
        kind = "lossless" if self.keeper.lossless else "as read"
        return f"{self.keeper.model.fingerprint}, {kind}, {steps} {self.schedule.unit}"
