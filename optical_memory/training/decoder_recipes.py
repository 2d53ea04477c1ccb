"""Recipes of stage 2, encoder and decoder: functions that return everything it needs to know, so that one command repeats a run."""

from dataclasses import dataclass, replace

from optical_memory.modes import SMALL, TINY, Mode
from optical_memory.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Phase:
    """From step `since` on: pages of `block` x `block` visual tokens, at most `pages` in a context."""

    since: int
    block: int
    pages: int


@dataclass(frozen=True, slots=True)
class DecoderRecipe(Recipe):
    """Stage 2: pages and contexts grow with the steps; text and pages interleave."""

    phases: tuple[Phase, ...]
    mode: Mode = TINY
    grid: tuple[int, int] = (64, 64)
    positions: int = 4096
    """Positions of the decoder in a lesson, about."""
    accumulate: int = 1
    """Lessons whose gradients make one step."""
    reading_share: float = 0.4
    """Share of the contexts that are one page to read aloud."""
    passage_share: float = 0.0
    """Share of the contexts that are one passage of text, as recall hands it over, of up to `passage` characters."""
    passage: int = 480
    background_share: float = 0.25
    """Share of the lessons in which these stand behind pages of other text."""
    page_share: float = 0.8
    """Share of the other contexts' stretches that are pages; the rest stays text."""
    pairs_share: float = 0.3
    """Share of the passages that are bare keys and values."""
    absent_share: float = 0.15
    """Of every fact asked for, how many more questions are for a fact that is not there."""
    near_share: float = 0.25
    """Of these questions, how many name an owner that is easily taken for one that is there."""
    alike_share: float = 0.0
    """Share of the passages whose facts are all of the same thing, told in the same words."""
    first_weight: float = 1.0
    """What an answer's first character counts beside each of the others: it says whether something was found, and where."""
    text_weight: float = 0.2
    readout_weight: float = 0.5

    @property
    def reads_pages(self) -> bool:
        """Whether anything is asked of pages: if not, the encoder stays as it is."""
        return self.passage_share < 1.0

    def phase_at(self, step: int) -> Phase:
        return next(phase for phase in reversed(self.phases) if step >= phase.since)


def reading(steps: int = 3000) -> DecoderRecipe:
    """For two cores: blocks of one and two tokens at Tiny, contexts of a few."""
    phases = (Phase(0, 1, 2), Phase(steps // 2, 1, 4), Phase(steps * 3 // 4, 2, 2))
    return DecoderRecipe(phases, steps=steps)


def contexts(steps: int = 12000) -> DecoderRecipe:
    """For a GPU: from one-token blocks to eight whole Small pages."""
    phases = (
        Phase(0, 1, 4),
        Phase(steps // 6, 2, 4),
        Phase(steps // 3, 4, 4),
        Phase(steps // 2, 10, 2),
        Phase(steps * 3 // 4, 10, 8),
    )
    return DecoderRecipe(phases, steps=steps, mode=SMALL, positions=32768, seed=2)


def answers(steps: int = 750) -> DecoderRecipe:
    """For two cores: answers from a passage of text, which recall finds and the readout reads."""
    phases = (Phase(0, 8, 2),)
    return DecoderRecipe(
        phases, steps=steps, passage_share=1.0, positions=3072, rate=3e-3, warm_up=20, cool_down=0.5, seed=3
    )


def more_answers(steps: int = 420) -> DecoderRecipe:
    """After that: twice as often asked for what is not there."""
    return replace(answers(steps), pairs_share=0.15, absent_share=0.3, rate=2e-3, seed=4)


def closer_answers(steps: int = 2250) -> DecoderRecipe:
    """After that: facts alike, and more questions for what is nearly there."""
    return replace(
        answers(steps),
        phases=(Phase(0, 8, 4),),
        background_share=0.15,
        pairs_share=0.1,
        absent_share=0.35,
        alike_share=0.5,
        first_weight=4.0,
        text_weight=0.1,
        rate=2e-3,
        cool_down=0.75,
        seed=5,
    )


def surer_answers(steps: int = 900) -> DecoderRecipe:
    """After that: two questions for what is not there to three for what is, at a rate that falls from the first step."""
    return replace(
        closer_answers(steps), pairs_share=0.05, absent_share=0.67, near_share=0.35, rate=1e-3, cool_down=1.0, seed=6
    )


def near_misses(steps: int = 250) -> DecoderRecipe:
    """Also after that: as many questions for what is not there as for what is, most of them for what nearly is."""
    return replace(surer_answers(steps), absent_share=1.0, near_share=0.6, rate=4e-4, seed=7)


def longer_values(steps: int = 1000) -> DecoderRecipe:
    """After `surer_answers`, with values of several words."""
    return replace(surer_answers(steps), absent_share=0.8, near_share=0.45, rate=1.5e-3, warm_up=30, seed=8)


def told_in_passing(steps: int = 700) -> DecoderRecipe:
    """After that, with what owners do: the same at a lower rate, from lessons of other numbers."""
    return replace(longer_values(steps), rate=1.2e-3, seed=9)


def told_in_many_ways(steps: int = 500) -> DecoderRecipe:
    """After that: fewer questions for what is not there."""
    return replace(told_in_passing(steps), absent_share=0.6, seed=10)


def readier_answers(steps: int = 130) -> DecoderRecipe:
    """Last: fewer still, briefly and slowly, which moves the line between an answer and a refusal."""
    return replace(told_in_many_ways(steps), absent_share=0.35, near_share=0.6, rate=5e-4, warm_up=10, seed=11)


DECODER_RECIPES = {
    "answers": answers,
    "more_answers": more_answers,
    "closer_answers": closer_answers,
    "surer_answers": surer_answers,
    "near_misses": near_misses,
    "longer_values": longer_values,
    "told_in_passing": told_in_passing,
    "told_in_many_ways": told_in_many_ways,
    "readier_answers": readier_answers,
    "reading": reading,
    "contexts": contexts,
}
