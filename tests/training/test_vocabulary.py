"""Text from the vocabulary: letters about as frequent as in English, and decided by its generator."""

from collections import Counter

import numpy as np

from optical_memory.config import ALPHABET
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.vocabulary import vocabulary_text

LATIN = Alphabet.of(ALPHABET)


def test_what_is_frequent_in_english_and_code_is_frequent() -> None:
    text = vocabulary_text(LATIN, 20_000, np.random.default_rng(0))
    counts = Counter(LATIN.characters[index] for index in text)
    assert {character for character, _ in counts.most_common(10)} == set(" eiartnosl")
    assert counts["u"] > 10 * counts["υ"] and counts['"'] > counts["”"] and counts["0"] > counts["Θ"]
    assert set(map(chr, range(0x21, 0x7F))) < set(counts)


def test_it_is_decided_by_its_generator() -> None:
    first, again, other = (vocabulary_text(LATIN, 500, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:100], other[:100])
