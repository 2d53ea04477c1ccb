"""Text in other letters: which letters, which words, and that nothing else moves."""

import numpy as np

from optical_memory.config import ALPHABET
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.page_text import PageText
from optical_memory.training.scripts import rewrite, scripts_of

LATIN = Alphabet.of(ALPHABET)
TEXT = LATIN.encode("The quick brown fox, number 42, jumps over the lazy dog. " * 72)[:4096]


def characters(page: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> str:
    return "".join(LATIN.characters[index] for index in page)


def test_the_alphabet_has_three_scripts_and_plain_latin_none() -> None:
    accented, greek, cyrillic = scripts_of(LATIN)
    assert "ß" in characters(accented.small) and "Ω" in characters(greek.capital) and "ж" in characters(cyrillic.small)
    assert scripts_of(Alphabet.of("abc ABC")) == []


def test_letters_change_one_for_one_and_stops_digits_and_cases_stay() -> None:
    for seed, script in enumerate(scripts_of(LATIN)):
        rng = np.random.default_rng(seed)
        page = rewrite(TEXT, script, LATIN, rng)
        before, after = characters(TEXT), characters(page)
        for old, new in zip(before, after, strict=True):
            if old != new:
                assert old.isascii() and old.isalpha() and old.isupper() == (new in characters(script.capital))
        changed = [old != new for old, new in zip(before, after, strict=True) if old.isalpha()]
        assert 0.2 < np.mean(changed) <= 1.0
        used = set(after) - set(before)
        assert len(used) > 0.6 * len(script.small), "stray letters bring in those that no table has"


def test_pages_take_their_share() -> None:
    plain = {"mixed_share": 0.0, "sparse_share": 0.0, "typeset_share": 0.0}
    for share, least, most in ((0.0, 0, 0), (0.5, 18, 42), (1.0, 60, 60)):
        text = PageText(TEXT, LATIN, 0.0, **plain, scripts_share=share)
        pages = [characters(text.draw(4096, np.random.default_rng(seed))) for seed in range(60)]
        strange = sum(any(0x7F < ord(character) < 0xE000 for character in page) for page in pages)
        assert least <= strange <= most
