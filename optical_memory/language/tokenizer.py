"""Text to token ids: DeepSeek's BPE, by which every ratio is counted, and the bundled decoder's characters."""

import gzip
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer as FastTokenizer

from optical_memory.config import NUM_SPECIAL_TOKENS

DEEPSEEK_BPE = Path(__file__).parent / "deepseek_bpe.json.gz"
"""The 128,000 merges of DeepSeek's byte-level BPE (MIT, DeepSeek-AI), without its special tokens."""


class Tokenizer(Protocol):
    """What a model needs of a tokenizer.

    `question` gives what follows a context so that an answer comes next, `unknown` the characters that the decoder was not
    taught, `repeatable` the tokens that the guard against repetition lets pass.
    """

    repeatable: tuple[int, ...]

    def encode(self, text: str) -> list[int]: ...

    def decode(self, tokens: Sequence[int]) -> str: ...

    def places(self, text: str) -> list[tuple[int, int]]:
        """The characters of a text, from and to, that each of its tokens is of."""
        ...

    def question(self, text: str) -> list[int]: ...

    def unknown(self, text: str) -> str: ...


@cache
def deepseek_bpe() -> FastTokenizer:
    return FastTokenizer.from_str(gzip.decompress(DEEPSEEK_BPE.read_bytes()).decode("utf-8"))


def count_text_tokens(texts: Sequence[str]) -> list[int]:
    """Tokens of each text in DeepSeek's own vocabulary, without special tokens; lone surrogates count as question signposts."""
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    return [len(encoding.ids) for encoding in deepseek_bpe().encode_batch(clean, add_special_tokens=False)]


class CharacterTokenizer:
    """One token per character of an alphabet, after NUM_SPECIAL_TOKENS special ones.

    Reading character by character keeps the decoder honest: it cannot complete a word that it has not seen.
    """

    BOS, EOS, PAD, IMAGE, UNKNOWN, QUESTION, ANSWER, READ = range(NUM_SPECIAL_TOKENS)
    FIRST = NUM_SPECIAL_TOKENS
    """The token of the alphabet's first character."""

    def __init__(self, alphabet: str) -> None:
        self.alphabet = alphabet
        self.repeatable: tuple[int, ...] = ()
        self._ids = {character: index + NUM_SPECIAL_TOKENS for index, character in enumerate(alphabet)}

    def encode(self, text: str) -> list[int]:
        """Characters outside the alphabet become UNKNOWN."""
        return [self._ids.get(character, self.UNKNOWN) for character in text]

    def places(self, text: str) -> list[tuple[int, int]]:
        return [(place, place + 1) for place in range(len(text))]

    def question(self, text: str) -> list[int]:
        return [self.QUESTION, *self.encode(text), self.ANSWER]

    def unknown(self, text: str) -> str:
        """Each once, in order; markers count as unknown."""
        known = {character for character in self.alphabet if not 0xE000 <= ord(character) <= 0xF8FF}
        return "".join(dict.fromkeys(character for character in text if character not in known))

    def decode(self, tokens: Sequence[int]) -> str:
        """Special tokens and signposts are left out, UNKNOWN is U+FFFD."""
        characters = []
        for token in tokens:
            if NUM_SPECIAL_TOKENS <= token < NUM_SPECIAL_TOKENS + len(self.alphabet):
                characters.append(self.alphabet[token - NUM_SPECIAL_TOKENS])
            elif token == self.UNKNOWN:
                characters.append("\ufffd")
        return "".join(characters)
