"""Pages of a run's histories: each is encoded once and read once, however many questions and systems come to it."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optical_memory.errors import BudgetError
from optical_memory.evaluation.systems.protocol import History, Passage
from optical_memory.memory.context import PagePart
from optical_memory.memory.errata import amend
from optical_memory.memory.fidelity import source_text
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.store import TokenStore
from optical_memory.memory.turn import parse_history
from optical_memory.model import Model
from optical_memory.modes import Mode

UNREADABLE = "?"
"""Drawn in place of a character that the model does not read; it counts as lost."""
STORE_BYTES = 2 * 2**30
NUM_READINGS = 8192
NUM_MEMORIES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """A history as a memory keeps it. `tokens`: of the whole context; `passages`: all that a reader gets of it."""

    history: History
    memory: OpticalMemory | None
    tokens: int = 0
    passages: tuple[Passage, ...] = ()


class Shelf:
    """Memories of one model over one store. Haystacks of a length differ in a few pages only, so that most are there already."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._store = TokenStore(STORE_BYTES)
        self._readings: OrderedDict[tuple[str, Mode], tuple[str, NDArray[np.float32]]] = OrderedDict()
        self._remembered: OrderedDict[tuple[ForgettingSchedule, bool], Remembered] = OrderedDict()

    def remember(
        self, history: History, schedule: ForgettingSchedule, *, lossless: bool = False, read: bool = True
    ) -> Remembered:
        """The history compressed by a schedule; every turn may be drawn: the newest is the question. A budget too small for a page
        leaves nothing."""
        key = (schedule, lossless)
        last = self._remembered.get(key)
        if last is not None and last.history is history:
            return last
        memory = OpticalMemory(self.model, schedule=schedule, keep_last=0, lossless=lossless, store=self._store)
        drawn = self._readable(history)
        try:
            context = memory.compress(drawn)
        except BudgetError:
            remembered = Remembered(history, None)
        else:
            passages = self._passages(memory, drawn) if read else ()
            remembered = Remembered(history, memory, context.report.tokens_after, passages)
        self._remembered[key] = remembered
        while len(self._remembered) > NUM_MEMORIES:
            self._remembered.popitem(last=False)
        return remembered

    def read(self, memory: OpticalMemory, part: PagePart, turns: dict[str, int]) -> list[Passage]:
        """What stands on a page, turn by turn, as its visual tokens and errata tell."""
        key = (part.page.digest, part.encoded.mode)
        if key not in self._readings:
            reading = memory.read(part)
            self._readings[key] = (source_text(part.page, reading), reading.probabilities[part.page.source_cells])
            while len(self._readings) > NUM_READINGS:
                self._readings.popitem(last=False)
        text, probabilities = self._readings[key]
        if part.errata:
            text, probabilities = amend(text, part.errata), np.ones_like(probabilities)
        passages, position = [], 0
        for span in part.page.spans:
            end = position + span.end - span.start
            passages.append(Passage(turns[span.source], text[position:end], probabilities[position:end]))
            position = end
        return passages

    def _passages(self, memory: OpticalMemory, drawn: History) -> tuple[Passage, ...]:
        turns = turn_places(drawn)
        passages: list[Passage] = []
        for part in memory.context.parts:
            if isinstance(part, PagePart):
                passages += self.read(memory, part, turns)
            else:
                passages.append(Passage(turns[part.turn.id], part.text))
        return tuple(passages)

    def _readable(self, history: History) -> History:
        """The history with a mark in place of what the model does not read, so that no turn has to stay text for it."""
        strange = self.model.unreadable("".join(str(message["content"]) for message in history))
        table = str.maketrans(dict.fromkeys(strange, UNREADABLE))
        return [{**message, "content": str(message["content"]).translate(table)} for message in history]


def turn_places(history: History) -> dict[str, int]:
    """Each turn's place in the history, by its id in a memory."""
    return {turn.id: place for place, turn in enumerate(parse_history(history))}
