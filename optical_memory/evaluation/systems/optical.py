"""Optical systems: old turns as visual tokens, answered from all pages, from recalled pages, or by the decoder over the splice."""

import numpy as np

from optical_memory.evaluation.systems.protocol import Answer, History, look_up
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


class OpticalPages:
    """Every page of the context that the budget holds, the newest first to stay, read back from its visual tokens."""

    def __init__(self, model: Model, schedule: ForgettingSchedule, name: str) -> None:
        self.model = model
        self.schedule = schedule
        self.name = name

    def answer(self, history: History, question: str, budget: int) -> Answer:
        memory = memory_of(self.model, self.schedule, history)
        text, probabilities, tokens = "", np.zeros(0, dtype=np.float32), 0
        for part in reversed(memory.context.pages):
            if tokens + part.encoded.sequence_length > budget:
                break
            tokens += part.encoded.sequence_length
            reading = memory.read(part)
            text = source_text(part.page, reading) + text
            probabilities = np.concatenate([reading.probabilities[part.page.source_cells], probabilities])
        return Answer(*_with_tokens(look_up(text, question, probabilities), tokens))


class OpticalRecall:
    """The pages that recall ranks best for the question, as many as the budget holds, read back in the mode they are kept in."""

    def __init__(self, model: Model, mode: Mode) -> None:
        self.model = model
        self.mode = mode
        self.name = f"optical recall, {mode}"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        memory = memory_of(self.model, one_mode(self.mode), history)
        limit = budget // self.mode.sequence_length()
        found = sorted(memory.recall(question, limit), key=lambda page: page.number)
        text = "".join(page.text for page in found)
        probabilities = np.concatenate([page.probabilities for page in found]) if found else None
        tokens = len(found) * self.mode.sequence_length()
        return Answer(*_with_tokens(look_up(text, question, probabilities), tokens))


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


def _with_tokens(found: tuple[str, float], tokens: int) -> tuple[str, int, float]:
    return found[0], tokens, found[1]
