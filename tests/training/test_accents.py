"""Accents between plain letters: on which letters, how many, and that nothing else moves."""

import unicodedata

import numpy as np

from optical_memory.config import ALPHABET
from optical_memory.training.accents import accented, forms_of
from optical_memory.training.alphabet import Alphabet

LATIN = Alphabet.of(ALPHABET)
TEXT = LATIN.encode("Příliš žluťoučký: The quick brown fox, number 42, jumps over the lazy dog. " * 60)[:4096]


def forms(plain: str) -> set[str]:
    return {LATIN.characters[index] for index in forms_of(LATIN)[int(LATIN.index[ord(plain)])].classes}


def test_forms_are_of_their_letter_and_case() -> None:
    assert forms("t") >= set("țţťŧṭ") and forms("o") >= set("öőøò") and forms("I") >= set("ÍİĮ") and "ı" in forms("i")
    turned = forms_of(Alphabet.of("eEəƏ"))
    assert [form.classes.tolist() for form in turned.values()] == [[2], [3]]
    assert "ö" not in forms("O") and "ß" not in forms("s")
    assert forms_of(Alphabet.of("abc ABC")) == {}


def test_some_letters_get_accents_and_nothing_else_moves() -> None:
    for seed in range(20):
        page = accented(TEXT, forms_of(LATIN), np.random.default_rng(seed))
        changed = np.flatnonzero(page != TEXT)
        assert 0 < len(changed) < 0.5 * len(TEXT)
        for old, new in zip(TEXT[changed], page[changed], strict=True):
            plain, letter = LATIN.characters[old], LATIN.characters[new]
            named = unicodedata.name(letter).startswith(unicodedata.name(plain) + " WITH")
            assert plain.isascii() and (named or (plain, letter) in (("i", "ı"), ("e", "ə")))


def test_a_page_has_few_forms_of_a_letter_and_pages_have_others() -> None:
    pages = [accented(TEXT, forms_of(LATIN), np.random.default_rng(seed)) for seed in range(40)]
    used = [{LATIN.characters[index] for index in page} & forms("e") for page in pages]
    assert max(map(len, used)) <= 3
    assert len(set().union(*used)) == len(forms("e"))


def test_the_forms_of_many_languages_come_oftenest() -> None:
    shares = {}
    for forms in forms_of(LATIN).values():
        assert abs(forms.shares.sum() - 1) < 1e-9
        shares |= dict(zip((LATIN.characters[index] for index in forms.classes), forms.shares, strict=True))
    assert shares["á"] == shares["à"] > shares["ă"] > 0 and shares["ţ"] > shares["ṭ"] > 0
    pages = [accented(LATIN.encode("a" * 64), forms_of(LATIN), np.random.default_rng(seed)) for seed in range(200)]
    on_pages = [sum(LATIN.index[ord(form)] in page for page in pages) for form in "áă"]
    assert on_pages[0] > on_pages[1] > 0
