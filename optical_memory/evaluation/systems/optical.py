"""Optical systems: old turns as visual tokens, answered from all pages, from recalled pages, or by the decoder over the splice."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optical_memory.evaluation.systems.protocol import Answer, History, look_up
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import TextPart
from optical_memory.memory.fidelity import source_text
from optical_memory.memory.optical_memory import OpticalMemory
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.model import Model
from optical_memory.modes import Mode


def memory_of(model: Model, schedule: ForgettingSchedule, history: History) -> OpticalMemory:
    """A memory in which every turn but the last may be drawn."""
    memory = OpticalMemory(model, schedule=schedule, keep_last=1)
    memory.compress(history)
    return memory


def one_mode(mode: Mode) -> ForgettingSchedule:
    return ForgettingSchedule(((0, mode),))


@dataclass(frozen=True, slots=True)
class Delivered:
    """Text as a system hands it to the reader, a probability for every character, and what it costs."""

    text: str = ""
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    tokens: int = 0

    def after(self, text: str, probabilities: NDArray[np.float32], tokens: int) -> "Delivered":
        """With `text` put in front."""
        return Delivered(text + self.text, np.concatenate([probabilities, self.probabilities]), self.tokens + tokens)

    def answer(self, question: str) -> Answer:
        text, certainty = look_up(self.text, question, self.probabilities)
        return Answer(text, self.tokens, certainty)


def newest_text(memory: OpticalMemory, budget: int) -> Delivered:
    """The turns that stay text, as far as the budget goes."""
    delivered = Delivered()
    for part in reversed(memory.context.parts):
        if isinstance(part, TextPart):
            cost = count_text_tokens([part.text])[0]
            if delivered.tokens + cost > budget:
                break
            delivered = delivered.after(part.text, np.ones(len(part.text), dtype=np.float32), cost)
    return delivered


class OpticalPages:
    """The turns that stay text, then every page that the budget holds, the newest first, read back from its visual tokens."""

    def __init__(self, model: Model, schedule: ForgettingSchedule, name: str) -> None:
        self.model = model
        self.schedule = schedule
        self.name = name

    def answer(self, history: History, question: str, budget: int) -> Answer:
        memory = memory_of(self.model, self.schedule, history)
        delivered = newest_text(memory, budget)
        for part in reversed(memory.context.pages):
            if delivered.tokens + part.encoded.sequence_length > budget:
                break
            reading = memory.read(part)
            probabilities = reading.probabilities[part.page.source_cells]
            delivered = delivered.after(source_text(part.page, reading), probabilities, part.encoded.sequence_length)
        return delivered.answer(question)


class OpticalRecall:
    """The turns that stay text, then the pages that recall ranks best for the question, read back in the mode they are kept in."""

    def __init__(self, model: Model, mode: Mode) -> None:
        self.model = model
        self.mode = mode
        self.name = f"optical recall, {mode}"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        memory = memory_of(self.model, one_mode(self.mode), history)
        delivered = newest_text(memory, budget)
        limit = (budget - delivered.tokens) // self.mode.sequence_length()
        for page in sorted(memory.recall(question, limit), key=lambda page: -(page.number or 0)):
            delivered = delivered.after(page.text, page.probabilities, self.mode.sequence_length())
        return delivered.answer(question)


class OpticalSplice:
    """The decoder over the spliced context; its certainty is not known, so that every answer counts as confident."""

    def __init__(self, model: Model, mode: Mode) -> None:
        self.model = model
        self.mode = mode
        self.name = f"optical splice, {mode}"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        memory = memory_of(self.model, one_mode(self.mode), history)
        pages = memory.context.pages[-(budget // self.mode.sequence_length()) :]
        parts = [part.encoded for part in pages]
        answer = self.model.answer(parts, question, max_new_tokens=48)
        return Answer(answer, sum(part.sequence_length for part in parts))
