"""Answers that are quotations: a stretch of a text, from the beginning of a word to the end of one, or a refusal."""

import re

import torch
from torch import Tensor

from optical_memory.language.tokenizer import CharacterTokenizer

REFUSAL = "not found"
"""What the bundled decoder is taught to answer when a fact is not there."""

_WORD = re.compile(r"\w+(?:[-/@+~#]+\w+|\.[\da-z_]\w*|,\d{3}(?!\d)|:\d\d(?!\d)|://\w+)*")
"""What is not quoted by halves: 8,400 and 17:42, 2.11.4, atlas-3.internal, max_retries, a/b, https://a.b/c."""
_WORD_BEGINS = re.compile(r"(?<![^\W_])(?=[^\W_])|(?<!\S)(?=\S)|(?<=[\"'(\[{|=:>])(?=[^\s])")
"""Before a letter or digit behind anything else; before anything behind a space or what opens a value."""


class Quoting:
    """Bans what would leave the text: a decoder that was taught to copy keeps to what it copies, and stops where a word does.

    A guard as `generate` takes it, for a tokenizer of characters. `eos`: the end token.
    """

    def __init__(self, text: str, tokenizer: CharacterTokenizer, eos: int) -> None:
        text = text.rstrip()  # behind the last word nothing could follow a space
        self._tokens = tokenizer.encode(text)
        self._refusal = [*tokenizer.encode(REFUSAL), eos]
        self._eos = eos
        self._begins = [match.start() for match in _WORD_BEGINS.finditer(text)]
        inside = {place for word in _WORD.finditer(text) for place in range(word.start() + 1, word.end())}
        self._ends = {end for end in range(1, len(text) + 1) if end not in inside and not text[end - 1].isspace()}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(1, T) tokens said so far, (1, vocabulary) scores -> the scores with all others at minus infinity."""
        allowed = self.allowed(input_ids[0].tolist())
        kept = torch.full_like(scores, -torch.inf)
        kept[:, allowed] = scores[:, allowed]
        return kept

    def allowed(self, said: list[int]) -> list[int]:
        """What may follow these tokens."""
        follows = set()
        for begin in self._begins:
            end = begin + len(said)
            if self._tokens[begin:end] == said:
                follows.update(self._tokens[end : end + 1])
                if end in self._ends and said:
                    follows.add(self._eos)
        if self._refusal[: len(said)] == said:
            follows.add(self._refusal[len(said)])
        return sorted(follows)
