"""Words of a text as search compares them: lower-cased, stemmed, without those that only hold sentences together."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer

WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")
"""An accent may stand behind its letter: to the pattern's classes it is none of a word's characters."""
_BY_CHARACTER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts without blanks between words: kana, Han, Hangul. Their neighbouring characters are taken in pairs."""
LONGEST_STEMMED = 20
"""Longer words are no English, and what holds a digit is a name: both stay as they are."""

FUNCTION_WORDS = frozenset(
    """a about after all am an and any are as at be been before being between both but by can could did do does doing during
    each for from had has have having he her hers him his how i if in into is it its just may me might mine more most must my
    no not of on only or other our ours out over own same shall she should so some such than that the their theirs them then
    there these they this those to too up us very was we were what when where which who whom whose why will with would you
    your yours""".split()
)


def words(text: str) -> Iterator[str]:
    """The words of a text that tell something, in their common form and in order."""
    for match in WORD.finditer(plain(text)):
        yield from forms(match.group())


def plain(text: str) -> str:
    """A text lower-cased, and its letters and accents composed: macOS types both apart, most texts have them as one."""
    return unicodedata.normalize("NFC", text.lower())


def forms(word: str) -> tuple[str, ...]:
    """What a plain word is compared by: its stem; pairs of characters where a script has no blanks; nothing for a
    function word."""
    if word in FUNCTION_WORDS:
        return ()
    if word.isascii():
        return (stem(word) if word.isalpha() and len(word) <= LONGEST_STEMMED else word,)
    if _BY_CHARACTER.search(word):
        return tuple(word[place : place + 2] for place in range(max(1, len(word) - 1)))
    return (word,)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Porter's second English stem. A stemmer holds the word at hand, so that each call has its own."""
    return str(snowballstemmer.stemmer("english").stemWord(word))
