"""What fading keeps on real conversations: `optical-memory evaluate fading --data DIR`.

Tokens, characters legible and strings exact, by age, for the presets, for one mode throughout, and for cutting off old text
at the default's budget; salience beside age alone; fidelity foreseen beside measured. All is read by the model's readout.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from optical_memory.evaluation.histories import Conversation
from optical_memory.evaluation.metrics import share_bootstrap
from optical_memory.evaluation.planting import AGES, Legible, Planted, age_bins, exact, legible_in, plant
from optical_memory.evaluation.report import Figure, wilson
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import Context, TextPart
from optical_memory.memory.draft import blocks_of
from optical_memory.memory.ledger import Ledger, told_by
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import PRESETS, ForgettingSchedule
from optical_memory.memory.store import TokenStore
from optical_memory.memory.stretches import stretches
from optical_memory.memory.told import Told
from optical_memory.memory.turn import parse_history
from optical_memory.model import Model
from optical_memory.modes import BASE, LARGE, SMALL, TINY
from renderers import Page, lay_out

DEFAULT, CUT = "default", "newest text alone, default's tokens"
SCHEDULES: Mapping[str, ForgettingSchedule] = {
    **{name: make() for name, make in PRESETS.items()},
    **{f"all {mode}": ForgettingSchedule(((0, mode),)) for mode in (LARGE, BASE, SMALL, TINY)},
}
LEDGER = "ledger, at most 10 % of a page's text"
SALIENT, AGE_ALONE = "with salience", "age alone"
ROOM = 0.5
"""Share of the pages for which the tight budget has room, at Tiny."""
STEPS = 6
"""Prefixes of a conversation at which what is foreseen is compared with what is then measured."""


@dataclass(slots=True)
class Tally:
    """Sums over conversations for one system; lists by bin of age."""

    before: int = 0
    after: int = 0
    pages: int = 0
    right: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    characters: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    planted: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))
    natural: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def add(self, conversation: Planted, legible: Legible, before: int, after: int, pages: int = 0) -> None:
        self.before += before
        self.after += after
        self.pages += pages
        turns = conversation.turns
        for turn, own in zip(turns, age_bins(turns, [turn.id for turn in turns]), strict=True):
            self.right[int(own)].append(float(legible[turn.id].sum()))
            self.characters[int(own)].append(len(turn.text))
        for marks, tally in ((conversation.planted, self.planted), (conversation.natural, self.natural)):
            for own, found in zip(age_bins(turns, [mark.turn for mark in marks]), exact(marks, legible), strict=True):
                tally[int(own)].append(bool(found))


def evaluate_fading(model: Model, conversations: Sequence[Conversation], seed: int = 0) -> list[Figure]:
    """Figures by data set and system."""
    figures: list[Figure] = []
    for kind in dict.fromkeys(conversation.kind for conversation in conversations):
        own = [conversation for conversation in conversations if conversation.kind == kind]
        figures += _evaluate_kind(model, kind, own, seed)
    return figures


def _evaluate_kind(model: Model, kind: str, conversations: Sequence[Conversation], seed: int) -> list[Figure]:
    rng = np.random.default_rng(seed)
    tallies: dict[str, Tally] = defaultdict(Tally)
    misses: list[float] = []
    ledgers: list[NDArray[np.int64]] = []
    for conversation in tqdm(conversations, unit="conversation", desc=kind, delay=2):
        planted = plant(conversation.messages, rng)
        store = TokenStore()
        for name, context in _contexts(model, planted, store):
            legible = legible_in(planted.turns, context.parts)
            report = context.report
            on_pages = sum(page.sequence_length for page in report.pages)
            tallies[name].add(planted, legible, report.tokens_before, report.tokens_after, on_pages)
            if name == DEFAULT:
                _cut(tallies[CUT], planted, context)
        ledgers.append(_told_by_ledger(lay_out(blocks_of(parse_history(conversation.messages)), model.grid)))
        misses += foreseen_and_measured(model, planted, store)
    figures = [figure for name, tally in tallies.items() for figure in _figures(kind, name, tally)]
    figures += _ledger_figures(kind, sum(ledgers))
    if misses:
        low, high = np.quantile(misses, [0.1, 0.9])
        metric = "fidelity foreseen less measured, points (median, 10 %, 90 %)"
        figures.append(_row(kind, DEFAULT, metric, float(np.median(misses)), float(low), float(high), len(misses)))
    return figures


def _contexts(model: Model, planted: Planted, store: TokenStore) -> Iterator[tuple[str, Context]]:
    """Each system's context at the end of the conversation. Pages in one mode are encoded once for all."""
    for name, schedule in SCHEDULES.items():
        context = OpticalMemory(model, schedule=schedule, store=store).compress(planted.turns)
        yield name, context
    yield from tight_contexts(model, planted, store, context)


def tight_contexts(model: Model, planted: Planted, store: TokenStore, tiny: Context) -> Iterator[tuple[str, Context]]:
    """Salience beside age alone within one budget: of the pages of `tiny`, a context at Tiny, it holds ROOM."""
    pages = len(tiny.pages)
    if pages < 2:
        return
    text = tiny.report.tokens_after - pages * TINY.sequence_length()
    budget = text + round(ROOM * pages) * TINY.sequence_length()
    for name, schedule in (
        (SALIENT, ForgettingSchedule(budget=budget)),
        (AGE_ALONE, ForgettingSchedule(budget=budget, salience=None)),
    ):
        yield name, OpticalMemory(model, schedule=schedule, store=store).compress(planted.turns)


def _cut(tally: Tally, planted: Planted, context: Context) -> None:
    """The system's messages and the newest turns whose text takes no more tokens than a context does."""
    turns = planted.turns
    tokens = count_text_tokens([turn.text for turn in turns])
    room, kept = context.report.tokens_after, []
    for position in sorted(range(len(turns)), key=lambda place: (turns[place].role == "system", place), reverse=True):
        if tokens[position] > room:
            break
        room -= tokens[position]
        kept.append(TextPart(turns[position], "newest"))
    after = context.report.tokens_after - room
    tally.add(planted, legible_in(turns, kept), context.report.tokens_before, after)


def _told_by_ledger(pages: Sequence[Page]) -> NDArray[np.int64]:
    """(strings at risk, of these told so far, tokens of the notes, tokens of the pages' text); nothing is planted here."""
    ledger, told, sums = Ledger(), Told(), np.zeros(4, dtype=np.int64)
    for page, note in zip(pages, ledger.notes(pages), strict=True):
        for string in told_by(note):
            told.add(string)
        strings = ledger.strings_of(page)
        tokens, *of_turns = count_text_tokens([note, *stretches(page.text, page.spans)])
        sums += np.array([len(strings), sum(string in told for string in strings), tokens, sum(of_turns)])
    return sums


def _ledger_figures(kind: str, sums: Any) -> Iterator[Figure]:
    strings, told, tokens, text_tokens = map(int, sums)
    if strings:
        yield _row(kind, LEDGER, "strings at risk told", told / strings, *wilson(told, strings), strings)
        yield _row(kind, LEDGER, "tokens over the pages' text", *(3 * (tokens / text_tokens,)), text_tokens)


def foreseen_and_measured(model: Model, planted: Planted, store: TokenStore) -> list[float]:
    """For every page that is new in its mode as the conversation goes on: points between the plan's fidelity and the page's."""
    memory, seen, misses = OpticalMemory(model, store=store), set(), []
    for step in range(1, STEPS + 1):
        turns = planted.turns[: max(1, step * len(planted.turns) // STEPS)]
        rows = [row for row in memory.plan(turns).pages if row.keep not in ("text", "out")]
        pages = memory.compress(turns).pages
        if [row.keep for row in rows] != [part.encoded.mode.name for part in pages]:
            continue
        for row, part in zip(rows, pages, strict=True):
            key = (part.page.digest, part.encoded.mode)
            if key not in seen and step > 1 and part.fidelity is not None:
                misses.append(100 * abs(row.fidelity - part.fidelity))
            seen.add(key)
    return misses


def _figures(kind: str, name: str, tally: Tally) -> Iterator[Figure]:
    yield _row(kind, name, "tokens", tally.after, tally.after, tally.after, 1)
    yield _row(kind, name, "of these on pages", tally.pages, tally.pages, tally.pages, 1)
    yield _row(kind, name, "tokens before over after", *(3 * (tally.before / max(1, tally.after),)), 1)
    bins: list[tuple[str, tuple[int, ...]]] = [("", tuple(range(len(AGES))))]
    bins += [(f", {_name_of(own)}", (own,)) for own in range(len(AGES))]
    for where, own in bins:
        right = np.array([turn for place in own for turn in tally.right[place]])
        characters = np.array([turn for place in own for turn in tally.characters[place]])
        if characters.sum():
            bounds = share_bootstrap(right, characters, np.random.default_rng(0))
            share, count = float(right.sum() / characters.sum()), int(characters.sum())
            yield _row(kind, name, f"characters legible{where}", share, *bounds, count)
        for what, found in (("planted", tally.planted), ("natural", tally.natural)):
            hits = [hit for place in own for hit in found[place]]
            if hits:
                yield _row(
                    kind,
                    name,
                    f"{what} strings exact{where}",
                    float(np.mean(hits)),
                    *wilson(sum(hits), len(hits)),
                    len(hits),
                )


def _name_of(own: int) -> str:
    return f"{AGES[own]} to {AGES[own + 1] - 1} turns old" if own + 1 < len(AGES) else f"{AGES[own]} turns old or more"


def _row(kind: str, system: str, metric: str, value: float, low: float, high: float, n: int) -> Figure:
    return Figure(
        task=f"fading, {kind}", system=system, mode="", sequence_length=None,
        metric=metric, value=value, low=low, high=high, n=n,
    )  # fmt: skip
