"""What stage 2 is taught: contexts of pages and text, then a page to read aloud or questions to answer. Numbers only.

A page here is a square of visual tokens, one token to the whole of a mode's grid, laid out as a transcript is: one character to a
cell, a marker first. Text and pages interleave, so that the decoder meets a fact in either form.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.modes import TOKEN
from optical_memory.training.decoder_recipes import DecoderRecipe, Phase
from optical_memory.training.page_text import PageText
from optical_memory.training.questions import Examiner, Quiz
from renderers.transcript import MARKS

IGNORED = -100
MARK = chr(MARKS["user"])
_STATEMENT_LENGTHS = (48, 120)
"""Characters of a passage to each fact in it at the most: a table of them, or prose that holds a few."""
_MOST_FACTS = 10


@dataclass(frozen=True, slots=True)
class Lesson:
    """One batch.

    `classes` (V, cells): the pages' characters, in the order of their places in `tokens` (B, T), where every row of a page has a
    placeholder. `targets` (B, T): the token that follows, IGNORED where nothing is learnt; `is_answer` (B, T): what was asked for.
    `block`: visual tokens a side of every page.
    """

    classes: NDArray[np.int64]
    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    is_answer: NDArray[np.bool_]
    block: int


@dataclass(slots=True)
class _Sequence:
    """One context while it is written."""

    tokens: list[int]
    answers: list[tuple[int, int]]
    pages: list[NDArray[np.int32]]

    def ask(self, question: list[int], answer: list[int]) -> None:
        self.tokens += question
        self.answers.append((len(self.tokens), len(self.tokens) + len(answer)))
        self.tokens += answer


class Teacher:
    """Draws lessons for one alphabet; a lesson is decided by the recipe, the step and the generator it is given."""

    def __init__(self, text: PageText, tokenizer: CharacterTokenizer, recipe: DecoderRecipe) -> None:
        self.text = text
        self.tokenizer = tokenizer
        self.recipe = recipe
        self._examiner = Examiner(text, recipe.absent_share, recipe.alike_share, recipe.near_share)
        self._space = int(text.alphabet.index[0x20])
        self._marks = tokenizer.encode("".join(map(chr, MARKS.values())))
        self._mark = tokenizer.encode(MARK)[0]

    def cells_of(self, phase: Phase) -> tuple[int, int]:
        """Columns and rows of a page of `phase.block` visual tokens a side: whole cells only."""
        columns, rows = self.recipe.grid
        side = phase.block * TOKEN
        return side // (self.recipe.mode.side // columns), side // (self.recipe.mode.side // rows)

    def draw(self, step: int, rng: np.random.Generator) -> Lesson:
        """Contexts until the phase's positions are used up, at least one. Its passages are of about one length, hold as many facts,
        all of them behind other text or none: what pads the shorter rows is computed too."""
        phase = self.recipe.phase_at(step)
        length = int(self.recipe.passage * rng.uniform(0.2, 1.0))
        num_facts = self._num_facts(length, rng)
        is_behind = bool(rng.random() < self.recipe.background_share)
        sequences: list[_Sequence] = []
        room = self.recipe.positions
        while not sequences or room > 0:
            kind = rng.random()
            if kind < self.recipe.passage_share:
                sequence = self._passage(length, num_facts, phase if is_behind else None, rng)
            elif rng.random() < self.recipe.reading_share:
                sequence = self._reading(phase, rng)
            else:
                sequence = self._questions(phase, rng)
            sequences.append(sequence)
            room -= len(sequence.tokens)
        return self._batch(sequences, phase)

    def _reading(self, phase: Phase, rng: np.random.Generator) -> _Sequence:
        """One page, read aloud."""
        columns, rows = self.cells_of(phase)
        page = self.text.draw(columns * rows, rng)
        sequence = _Sequence([CharacterTokenizer.BOS], [], [])
        self._place(sequence, page, phase)
        spoken = (page + CharacterTokenizer.FIRST).tolist()
        sequence.ask([CharacterTokenizer.READ], [*spoken, CharacterTokenizer.EOS])
        return sequence

    def _passage(self, length: int, num_facts: int, behind: Phase | None, rng: np.random.Generator) -> _Sequence:
        """One passage of text, behind pages and text of something else if a phase is given, and questions about it."""
        sequence = _Sequence([CharacterTokenizer.BOS], [], [])
        if behind is not None:
            columns, rows = self.cells_of(behind)
            for _ in range(int(rng.integers(1, behind.pages + 1))):
                if rng.random() < self.recipe.page_share:
                    self._place(sequence, self.text.draw(columns * rows, rng), behind)
                else:
                    self._say(sequence, self.text.text_of(int(rng.integers(16, 256)), rng), rng)
        quiz = self._quiz(length, num_facts, rng)
        self._say(sequence, quiz.passage, rng)
        self._ask(sequence, quiz)
        return sequence

    def _say(self, sequence: _Sequence, text: str, rng: np.random.Generator) -> None:
        """A turn as text, after the marker of one role or another."""
        sequence.tokens += [int(rng.choice(self._marks)), *self.tokenizer.encode(text)]

    @staticmethod
    def _num_facts(length: int, rng: np.random.Generator) -> int:
        """Any number down to none; all are asked for, so that whole pages of a context do not hold more than a passage may."""
        return int(rng.integers(0, 2 + min(_MOST_FACTS, length // int(rng.choice(_STATEMENT_LENGTHS)))))

    def _quiz(self, length: int, num_facts: int, rng: np.random.Generator) -> Quiz:
        if rng.random() < self.recipe.pairs_share:
            return self._examiner.pairs(min(length, 256), rng)
        return self._examiner.quiz(length, num_facts, rng)

    def _ask(self, sequence: _Sequence, quiz: Quiz) -> None:
        for question, answer in quiz.questions:
            sequence.ask(self.tokenizer.question(question), [*self.tokenizer.encode(answer), CharacterTokenizer.EOS])

    def _questions(self, phase: Phase, rng: np.random.Generator) -> _Sequence:
        """Up to `phase.pages` stretches of one passage, each as a page or as text, and questions about it."""
        columns, rows = self.cells_of(phase)
        size = columns * rows - 1  # the marker takes a cell
        num_pages = int(rng.integers(1, phase.pages + 1))
        length = int(num_pages * size * rng.uniform(0.5, 1.0))
        quiz = self._quiz(length, self._num_facts(length, rng), rng)
        classes = self.text.alphabet.encode(quiz.passage)
        sequence = _Sequence([CharacterTokenizer.BOS], [], [])
        for first in range(0, len(classes), size):
            stretch = classes[first : first + size]
            if rng.random() < self.recipe.page_share:
                page = np.full(columns * rows, self._space, dtype=np.int32)
                page[0] = self._mark - CharacterTokenizer.FIRST
                page[1 : 1 + len(stretch)] = stretch
                self._place(sequence, page, phase)
            else:
                sequence.tokens += [self._mark, *(stretch + CharacterTokenizer.FIRST).tolist()]
        self._ask(sequence, quiz)
        return sequence

    @staticmethod
    def _place(sequence: _Sequence, page: NDArray[np.int32], phase: Phase) -> None:
        sequence.pages.append(page)
        sequence.tokens += [CharacterTokenizer.IMAGE] * (phase.block * (phase.block + 1) + 1)

    def _batch(self, sequences: list[_Sequence], phase: Phase) -> Lesson:
        width = max(len(sequence.tokens) for sequence in sequences)
        tokens = np.full((len(sequences), width), CharacterTokenizer.EOS, dtype=np.int64)
        targets = np.full((len(sequences), width), IGNORED, dtype=np.int64)
        is_answer = np.zeros((len(sequences), width), dtype=bool)
        for row, sequence in enumerate(sequences):
            tokens[row, : len(sequence.tokens)] = sequence.tokens
            targets[row, : len(sequence.tokens) - 1] = sequence.tokens[1:]
            for first, last in sequence.answers:
                is_answer[row, first - 1 : last - 1] = True
        targets[targets == CharacterTokenizer.IMAGE] = IGNORED
        columns, rows = self.cells_of(phase)
        pages = [page for sequence in sequences for page in sequence.pages]
        classes = np.stack(pages).astype(np.int64) if pages else np.zeros((0, columns * rows), dtype=np.int64)
        return Lesson(classes, tokens, targets, is_answer, phase.block)
