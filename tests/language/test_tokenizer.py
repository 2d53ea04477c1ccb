"""Token counts and the characters of the bundled decoder."""

from hypothesis import given
from hypothesis import strategies as st

from optical_memory.config import ALPHABET
from optical_memory.language.tokenizer import CharacterTokenizer, count_text_tokens, deepseek_bpe


def test_counts_are_those_of_deepseeks_vocabulary() -> None:
    # Ids as the published tokenizer gives them: "Hello, world!" is four tokens, digits go in threes.
    assert count_text_tokens(["Hello, world!", "1234567", ""]) == [4, 3, 0]
    assert deepseek_bpe().get_vocab_size() == 128_000


def test_text_comes_back_from_its_tokens() -> None:
    text = " spaces  and\nnewlines\t“quotes” 你好 "
    assert deepseek_bpe().decode(deepseek_bpe().encode(text, add_special_tokens=False).ids) == text


def test_lone_surrogates_can_be_counted() -> None:
    assert count_text_tokens(["\ud800 a"]) == count_text_tokens(["? a"])


@given(st.text(st.sampled_from(ALPHABET)))
def test_characters_come_back(text: str) -> None:
    tokenizer = CharacterTokenizer(ALPHABET)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_unknown_characters_are_marked_not_dropped() -> None:
    tokenizer = CharacterTokenizer(ALPHABET)
    assert tokenizer.decode(tokenizer.encode("a水b")) == "a\ufffdb"
