"""The reader that every system has: finds an answer in text without a language model.

So systems differ in what they kept, not in how it is understood. It knows the needles' statements, and else takes the sentence
that shares the most telling words with the question; it cannot reason, add up or put into other words.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from optical_memory.evaluation.metrics import stem
from optical_memory.evaluation.systems.protocol import Answer, Passage
from optical_memory.language.quoting import REFUSAL

_ASKED = re.compile(r"for (?P<keys>.+?) mentioned in the provided text")
_SEPARATOR = re.compile(r", and |, ")
_SENTENCE = re.compile(r"[^.!?\n]*[^\s.!?][^.!?\n]*(?:\.(?=\S)[^.!?\n]*)*[.!?]*")
_WORD = re.compile(r"\w+")
FUNCTION_WORDS = frozenset(
    "a an and are as at be been by can could did do does for from had has have he her him his how i in is it its many me my "
    "of on or our she some that the their them there they this to was we were what when where which who whom whose why will "
    "with would you your".split()
)
"""Words of a question that tell nothing of what it is about."""
LEAST_SHARE = 0.34
"""Of a question's weight that a turn must hold, or the reader refuses."""


def answer_from(passages: Sequence[Passage], question: str, tokens: int) -> Answer:
    """The reader's answer from what reached it."""
    text, probabilities = joined(passages)
    answer, certainty = look_up(text, question, probabilities)
    return Answer(answer, tokens, certainty, tuple(passages))


def joined(passages: Sequence[Passage]) -> tuple[str, NDArray[np.float32]]:
    """Passages in the order of their turns, a line each turn, with a probability for every character."""
    texts: list[str] = []
    certain: list[NDArray[np.float32]] = []
    for _, group in groupby(sorted(passages, key=lambda passage: passage.turn), key=lambda passage: passage.turn):
        for passage in group:
            texts.append(passage.text)
            own = passage.probabilities
            certain.append(np.ones(len(passage.text), dtype=np.float32) if own is None else own)
        texts.append("\n")
        certain.append(np.ones(1, dtype=np.float32))
    return "".join(texts), np.concatenate(certain) if certain else np.zeros(0, dtype=np.float32)


def look_up(delivered: str, question: str, probabilities: NDArray[np.floating] | None = None) -> tuple[str, float]:
    """(answer, certainty) from `delivered`, "not found" where nothing there answers.

    `probabilities` (characters,) of `delivered`, if it was read from a page: the certainty is the least sure character of
    what is answered.
    """
    asked = _ASKED.search(question)
    found = _told(delivered, _SEPARATOR.split(asked["keys"])) if asked else _best_sentence(delivered, question)
    values = [delivered[first:last] for first, last in found]
    if not values:
        return REFUSAL, 1.0
    certainty = 1.0
    if probabilities is not None:
        certainty = min(float(probabilities[first:last].min()) for first, last in found)
    return ", ".join(dict.fromkeys(values)), certainty


def _told(text: str, keys: Sequence[str]) -> list[tuple[int, int]]:
    """Where the values stand behind each key's statement."""
    return [
        found.span("value")
        for key in keys
        for found in re.finditer(rf"for {re.escape(key)} is: (?P<value>.+?)\.(?=\s|$|One of)", text)
    ]


def _best_sentence(text: str, question: str) -> list[tuple[int, int]]:
    """Where the sentence stands that holds the most of the question's words, each weighed by how few turns hold it.

    A sentence's turn counts half, since its speaker and its subject may stand there; of equals the latest wins.
    """
    lines = [(match.start(), words_of(match.group())) for match in re.finditer(r"[^\n]+", text)]
    counts = Counter(word for _, words in lines for word in words)
    weights = {word: math.log((1 + len(lines)) / (0.5 + counts[word])) for word in _told_by(question)}
    weights = {word: weight for word, weight in weights.items() if weight > 0}
    least = LEAST_SHARE * sum(weights.values())
    scored = [(sum(weights.get(word, 0.0) for word in words), start) for start, words in lines]
    best, found = 0.0, (0, 0)
    for held, start in scored:
        if held <= 0 or held < least:
            continue
        end = text.find("\n", start)
        for match in _SENTENCE.finditer(text, start, len(text) if end < 0 else end):
            score = held / 2 + sum(weights.get(word, 0.0) for word in words_of(match.group()))
            if score >= best:
                best, found = score, match.span()
    return [found] if best > 0 else []


def _told_by(question: str) -> frozenset[str]:
    words = [word for word in _WORD.findall(question.lower()) if word not in FUNCTION_WORDS]
    return frozenset(map(stem, words)) or words_of(question)


@lru_cache(maxsize=20_000)
def words_of(text: str) -> frozenset[str]:
    """Stems of a text's words."""
    return frozenset(stem(word) for word in _WORD.findall(text.lower()))
