"""Text for those who have no corpus: tokens of the bundled vocabulary, frequent ones often."""

import numpy as np
from numpy.typing import NDArray

from optical_memory.language.tokenizer import deepseek_bpe
from optical_memory.training.alphabet import Alphabet

_FLATTENED = 200
"""Ranks by which Zipf's law is flattened at its head (Mandelbrot), where a vocabulary of byte pairs holds single bytes."""


def vocabulary_text(alphabet: Alphabet, num_tokens: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Class numbers of a text without a sense, in which letters, digits and signs are about as frequent as in English and code.

    Byte pairs are numbered in the order in which they were merged, the most frequent first: token r comes in proportion to
    1 / (r + 200).
    """
    vocabulary = deepseek_bpe()
    first, last = np.log(_FLATTENED), np.log(_FLATTENED + vocabulary.get_vocab_size(with_added_tokens=False))
    tokens = np.exp(rng.uniform(first, last, num_tokens)).astype(np.int64) - _FLATTENED
    return alphabet.encode(vocabulary.decode(tokens.tolist()))
