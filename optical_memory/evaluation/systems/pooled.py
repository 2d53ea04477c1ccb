"""Text embeddings pooled to as many vectors as a page has visual tokens: the autoencoder that critics ask for (arXiv 2512.03643).

A character's embedding is a fixed random direction; before the mean its signs are flipped by a pattern of its place in the
window, so that order is kept. Nothing is trained: a window is read back by matching, wrong guesses put right over a few rounds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from optical_memory.encoded import EncodedPage
from optical_memory.evaluation.extraction import answer_from
from optical_memory.evaluation.systems.optical import ANSWER_TOKENS
from optical_memory.evaluation.systems.protocol import Answer, History, Passage
from optical_memory.model import Model
from optical_memory.modes import Mode

WINDOW = 64
"""Characters a vector, whatever grid pages have: as many as 768 numbers tell apart. Of 64 it reads 98 % back, of 96 a sixth."""
ROUNDS = 4
SHARPNESS = 24.0
"""Of the softmax over matches: an exact match beside an unrelated direction is all but certain."""


@dataclass(frozen=True, slots=True)
class Pooling:
    """Characters to vectors (D,) and back, `window` characters a vector."""

    alphabet: tuple[str, ...]
    window: int
    width: int
    seed: int = 0

    @property
    def codes(self) -> tuple[Tensor, Tensor]:
        """(A, D) unit directions of the characters, (W, D) signs of the places."""
        rng = torch.Generator().manual_seed(self.seed)
        characters = torch.randn(len(self.alphabet), self.width, generator=rng)
        signs = torch.randint(0, 2, (self.window, self.width), generator=rng) * 2.0 - 1.0
        return torch.nn.functional.normalize(characters, dim=-1), signs

    def pool(self, text: str) -> Tensor:
        """(V, D) the mean of each window's embeddings, kept in bfloat16 as visual tokens are; the last window is filled up
        with blanks."""
        characters, signs = self.codes
        index = {character: place for place, character in enumerate(self.alphabet)}
        padded = text + " " * (-len(text) % self.window)
        blank = index.get(" ", 0)
        ids = torch.tensor([index.get(character, blank) for character in padded]).view(-1, self.window)
        return (characters[ids] * signs).mean(1).to(torch.bfloat16)

    def read(self, vectors: Tensor, length: int) -> tuple[str, np.ndarray]:
        """(text, probabilities) of the first `length` characters that (V, D) vectors hold."""
        characters, signs = self.codes
        mixed = vectors.float() * self.window  # (V, D)
        guess: Tensor | None = None
        scores = torch.zeros(0)
        for _ in range(ROUNDS):
            told = characters[guess] * signs if guess is not None else torch.zeros(len(mixed), self.window, self.width)
            rest = mixed[:, None] - told.sum(1, keepdim=True) + told  # what is left for each place
            scores = (rest * signs) @ characters.T  # (V, W, A)
            guess = scores.argmax(-1)
        best = (scores * SHARPNESS).softmax(-1).max(-1)
        flat = best.indices.flatten()[:length].tolist()
        return "".join(self.alphabet[place] for place in flat), best.values.flatten()[:length].numpy()


@dataclass(eq=False)
class PooledText:
    """The newest pages' worth of text as pooled embeddings, as many vectors a page as the mode has visual tokens."""

    model: Model
    mode: Mode
    _last: tuple[History, int, int, tuple[Passage, ...]] | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return f"pooled embeddings, {self.mode}"

    @property
    def _characters_a_page(self) -> int:
        return WINDOW * self.mode.visual_tokens()

    def stretches(self, history: History, budget: int) -> list[list[tuple[int, str]]]:
        """(turn, text) on each page that the budget holds, oldest page first; pages are filled from the newest turn back."""
        pages: list[list[tuple[int, str]]] = []
        room = 0
        for turn in range(len(history) - 1, -1, -1):
            text = str(history[turn]["content"])
            while text:
                if room == 0:
                    if (len(pages) + 1) * self.mode.sequence_length() > budget:
                        return pages[::-1]
                    pages.append([])
                    room = self._characters_a_page
                pages[-1].insert(0, (turn, text[-room:]))
                text, room = text[:-room], max(0, room - len(text))
        return pages[::-1]

    def pooling(self, texts: Sequence[str]) -> Pooling:
        """As good as it gets: an alphabet of just the characters that occur."""
        return Pooling(tuple(sorted({" ", *"".join(texts)})), WINDOW, self.model.config.encoder.width)

    def answer(self, history: History, question: str, budget: int) -> Answer:
        if self._last is None or self._last[0] is not history or self._last[1] != budget:
            pages = self.stretches(history, budget)
            tokens = len(pages) * self.mode.sequence_length()
            self._last = (history, budget, tokens, tuple(self._read_back(pages)))
        return answer_from(self._last[3], question, self._last[2])

    def _read_back(self, pages: Sequence[Sequence[tuple[int, str]]]) -> Iterator[Passage]:
        """Every page pooled, and what can be read back from its vectors."""
        pooling = self.pooling([text for page in pages for _, text in page])
        for page in pages:
            whole = "".join(text for _, text in page)
            read, probabilities = pooling.read(pooling.pool(whole), len(whole))
            position = 0
            for turn, text in page:
                end = position + len(text)
                yield Passage(turn, read[position:end], probabilities[position:end])
                position = end


@dataclass(eq=False)
class PooledSplice(PooledText):
    """The same, answered by the decoder: the mean of its own text embeddings where a page's visual tokens would be.

    The decoder was never trained on such vectors, so that this is a floor.
    """

    @property
    def name(self) -> str:
        return f"pooled splice, {self.mode}"

    @torch.inference_mode()
    def answer(self, history: History, question: str, budget: int) -> Answer:
        model = self.model
        room = model.decoder_config.max_positions - ANSWER_TOKENS - len(question) - 8
        pages = self.stretches(history, min(budget, room))
        if not pages:
            return answer_from((), question, 0)
        answer = model.answer([self._page(page) for page in pages], question, max_new_tokens=ANSWER_TOKENS)
        return Answer(answer, len(pages) * self.mode.sequence_length())

    def _page(self, page: Sequence[tuple[int, str]]) -> EncodedPage:
        text = "".join(part for _, part in page).ljust(self._characters_a_page)
        ids = torch.tensor(self.model.tokenizer.encode(text), device=self.model.device)
        rows = self.model.decoder.model.embed_tokens(ids).float()
        count = self.mode.visual_tokens()
        per = len(rows) // count
        return EncodedPage(rows[: per * count].unflatten(0, (count, per)).mean(1), self.mode, self.model.fingerprint)
