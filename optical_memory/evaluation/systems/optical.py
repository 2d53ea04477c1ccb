"""Optical systems: old turns as visual tokens, answered from all pages, from recalled pages, or by the decoder over the splice."""

from dataclasses import dataclass

from optical_memory.evaluation.extraction import answer_from
from optical_memory.evaluation.systems.protocol import Answer, History, Passage
from optical_memory.evaluation.systems.shelf import Shelf, turn_places
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.context import TextPart
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.modes import Mode

ANSWER_TOKENS = 48
RECALLED = 16
"""Pages that recall hands to the reader at most."""


def one_mode(mode: Mode) -> ForgettingSchedule:
    """Every page in one mode; under a budget a page is kept for how much text it holds and how new it is, not for what it says."""
    return ForgettingSchedule(((0, mode),), salience=None)


@dataclass(frozen=True, slots=True, eq=False)
class OpticalPages:
    """The context that a schedule makes within the budget, its pages read back from their visual tokens.

    `lossless` keeps errata beside them, as text that counts.
    """

    shelf: Shelf
    schedule: ForgettingSchedule
    name: str
    lossless: bool = False

    def answer(self, history: History, question: str, budget: int) -> Answer:
        kept = self.shelf.remember(history, self.schedule.within(budget), lossless=self.lossless)
        return answer_from(kept.passages, question, kept.tokens)


@dataclass(frozen=True, slots=True, eq=False)
class OpticalRecall:
    """Every page in one mode in the store; in the context those that recall ranks best."""

    shelf: Shelf
    mode: Mode

    @property
    def name(self) -> str:
        return f"optical recall, {self.mode}"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        kept = self.shelf.remember(history, one_mode(self.mode), read=False)
        assert kept.memory is not None, "only a budget can leave nothing"
        turns, context = turn_places(history), kept.memory.context
        texts = [part for part in context.parts if isinstance(part, TextPart)]
        tokens = sum(text.tokens for text in context.report.texts)
        if tokens > budget:
            return answer_from((), question, 0)
        passages = [Passage(turns[part.turn.id], part.text) for part in texts]
        limit = min(RECALLED, (budget - tokens) // self.mode.sequence_length())
        for found in kept.memory.recall(question, limit):
            assert found.number is not None, "no page leaves a context without a budget"
            passages += self.shelf.read(kept.memory, context.pages[found.number - 1], turns)
            tokens += self.mode.sequence_length()
        return answer_from(passages, question, tokens)


@dataclass(frozen=True, slots=True, eq=False)
class OpticalSplice:
    """The decoder, handed what `OpticalMemory.ask` hands it: the spliced context, where it reads pages, and last the passage that
    holds the most of the question; that may be of a page which the budget left out, and counts. Its certainty is not known, so
    that every answer counts as confident."""

    shelf: Shelf
    mode: Mode

    @property
    def name(self) -> str:
        return f"optical splice, {self.mode}"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        whole = self.shelf.remember(history, one_mode(self.mode), read=False)
        assert whole.memory is not None, "only a budget can leave nothing"
        passage = whole.memory.passage_for(question)
        (tokens,) = count_text_tokens([passage[1:]])
        kept = self.shelf.remember(history, one_mode(self.mode).within(budget - tokens)) if tokens < budget else None
        if kept is None or kept.memory is None:
            return answer_from((), question, 0)
        told = Passage(len(history), passage[1:])
        answer = kept.memory.ask(question, ANSWER_TOKENS)
        return Answer(answer, kept.tokens + tokens, passages=(*kept.passages, told))
