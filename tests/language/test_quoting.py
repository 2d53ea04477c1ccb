"""Quotations: whole words of a text, or the refusal."""

import pytest
import torch

from optical_memory.config import ALPHABET
from optical_memory.language.quoting import REFUSAL, Quoting
from optical_memory.language.tokenizer import CharacterTokenizer

TOKENIZER = CharacterTokenizer(ALPHABET)
EOS = TOKENIZER.EOS
TEXT = 'The rent is 8,400 euros (since 17:42): see https://koru.example/a-b. "max_size": "v2.11.4", #1f6feb. Notes of B-214, 214.'


def allowed(said: str, text: str = TEXT) -> tuple[str, bool]:
    """The characters that may follow, and whether the end may."""
    follows = Quoting(text, TOKENIZER, EOS).allowed(TOKENIZER.encode(said))
    return "".join(sorted(TOKENIZER.decode(follows))), EOS in follows


@pytest.mark.parametrize(
    "whole",
    [
        "8,400",
        "8,400 euros",
        "17:42",
        "https://koru.example/a-b",
        "max_size",
        "v2.11.4",
        "#1f6feb",
        "1f6feb",
        "B-214",
        "214",
    ],
)
def test_a_word_may_be_said_and_ended(whole: str) -> None:
    quoting = Quoting(TEXT, TOKENIZER, EOS)
    tokens = TOKENIZER.encode(whole)
    for place, token in enumerate(tokens):
        assert token in quoting.allowed(tokens[:place])
    assert EOS in quoting.allowed(tokens)


@pytest.mark.parametrize(
    "part", ["8", "8,", "8,4", "17", "17:", "koru", "koru.", "max", "max_", "v2", "v2.11", "B", "B-", "eur", "8,400 "]
)
def test_a_part_of_a_word_is_not_the_end(part: str) -> None:
    following, may_end = allowed(part)
    assert following
    assert not may_end


@pytest.mark.parametrize("stranger", ["ent", "ax_size", "euro s", "rent was", "zebra"])
def test_what_is_not_in_the_text_cannot_be_said(stranger: str) -> None:
    quoting = Quoting(TEXT, TOKENIZER, EOS)
    tokens = TOKENIZER.encode(stranger)
    assert any(token not in quoting.allowed(tokens[:place]) for place, token in enumerate(tokens))


def test_nothing_is_no_answer_and_the_refusal_is_one() -> None:
    assert not allowed("")[1]
    assert "n" in allowed("")[0]
    for place in range(1, len(REFUSAL)):
        assert REFUSAL[place] in allowed(REFUSAL[:place])[0]
    assert allowed(REFUSAL) == ("", True)


def test_an_empty_text_leaves_the_refusal_alone() -> None:
    assert allowed("", "") == ("n", False)


@pytest.mark.parametrize("text", ["one two  ", "one two.\n", "ends in (", "a-"])
def test_there_is_always_a_way_on(text: str) -> None:
    quoting = Quoting(text, TOKENIZER, EOS)
    ways: list[list[int]] = [[]]
    longest = 0
    while ways:
        said = ways.pop()
        following = quoting.allowed(said)
        assert following
        longest = max(longest, len(said))
        ways += [[*said, token] for token in following if token != EOS]
    assert longest >= len(text.strip())


def test_a_number_that_stands_alone_elsewhere_may_end() -> None:
    assert allowed("21")[1] is False
    assert allowed("214") == (",.", True)


def test_scores_of_all_others_are_minus_infinity() -> None:
    scores = torch.arange(len(ALPHABET) + TOKENIZER.FIRST, dtype=torch.float32)[None]
    guarded = Quoting("ab", TOKENIZER, EOS)(torch.tensor([TOKENIZER.encode("a")]), scores)
    (place,) = TOKENIZER.encode("b")
    assert guarded[0].isfinite().nonzero().flatten().tolist() == [place]
    assert guarded[0, place] == scores[0, place]
