"""Baselines that keep text: all of it, the newest, what BM25 retrieves, the words that tell the most. The same reader for all."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optical_memory.errors import MissingExtraError
from optical_memory.evaluation.extraction import answer_from
from optical_memory.evaluation.systems.protocol import Answer, History, Passage
from optical_memory.language.tokenizer import count_text_tokens, deepseek_bpe

NEWLINE_TOKENS = 1
"""What parts two turns that do not follow each other."""
_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\s*\S+")


class TurnCosts:
    """Text tokens of a history's turns; those that the last history held too are not counted again."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, history: History) -> list[int]:
        texts = [str(message["content"]) for message in history]
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        counted = self._known | dict(zip(new, count_text_tokens(new), strict=True))
        self._known = {text: counted[text] for text in texts}
        return [counted[text] for text in texts]


class FullText:
    """Every turn as text, whatever it costs: the ceiling."""

    name = "text in full"

    def __init__(self) -> None:
        self._costs = TurnCosts()

    def answer(self, history: History, question: str, budget: int) -> Answer:
        del budget  # the ceiling has none
        passages = [Passage(place, str(message["content"])) for place, message in enumerate(history)]
        return answer_from(passages, question, sum(self._costs(history)))


class NewestText:
    """The newest text tokens that the budget holds; of the oldest turn among them its end."""

    name = "newest text"

    def __init__(self) -> None:
        self._costs = TurnCosts()

    def answer(self, history: History, question: str, budget: int) -> Answer:
        passages, tokens = [], 0
        for place, cost in reversed(list(enumerate(self._costs(history)))):
            text = str(history[place]["content"])
            room = budget - tokens
            if cost > room:
                offsets = deepseek_bpe().encode(text, add_special_tokens=False).offsets
                if room > 0:
                    passages.append(Passage(place, text[offsets[-room][0] :]))
                    tokens += room
                break
            passages.append(Passage(place, text))
            tokens += cost
        return answer_from(passages, question, tokens)


class RetrievedText:
    """The turns that BM25 ranks best for the question, as many as the budget holds, in their order."""

    name = "BM25 text"

    def __init__(self) -> None:
        self._costs = TurnCosts()
        self._last: tuple[History, Any] | None = None

    def answer(self, history: History, question: str, budget: int) -> Answer:
        scores = self._index(history).get_scores(_WORD.findall(question.lower()))
        costs, tokens, passages = self._costs(history), 0, []
        for place in np.argsort(-scores, kind="stable"):
            if scores[place] > 0 and tokens + costs[place] + NEWLINE_TOKENS <= budget:
                passages.append(Passage(int(place), str(history[place]["content"])))
                tokens += costs[place] + NEWLINE_TOKENS
        return answer_from(passages, question, tokens)

    def _index(self, history: History) -> Any:
        """Kept for as long as questions go to the same history."""
        if self._last is None or self._last[0] is not history:
            try:
                from rank_bm25 import BM25Okapi
            except ImportError as error:
                raise MissingExtraError(
                    "this baseline needs rank-bm25: pip install 'optical-memory[evaluate]'"
                ) from error
            self._last = (history, BM25Okapi([_WORD.findall(str(message["content"]).lower()) for message in history]))
        return self._last[1]


class TellingText:
    """The words that tell the most, by their self-information in the history itself, in their order.

    Stands in for LLMLingua-2 (arXiv 2403.12968), whose model cannot be bundled: selective context (arXiv 2310.06201) with a
    bigram model of DeepSeek's tokens in place of a language model, fitted on the history but for the token at hand, half
    its weight on single tokens.
    A word's information is the mean over its tokens.
    """

    name = "telling words"

    def __init__(self) -> None:
        self._last: tuple[History, int, tuple[Passage, ...], int] | None = None

    def answer(self, history: History, question: str, budget: int) -> Answer:
        if self._last is None or self._last[0] is not history or self._last[1] != budget:
            self._last = (history, budget, *self._keep([str(message["content"]) for message in history], budget))
        return answer_from(self._last[2], question, self._last[3])

    def _keep(self, texts: Sequence[str], budget: int) -> tuple[tuple[Passage, ...], int]:
        """(passages, tokens): of every turn the words that were kept."""
        encodings = deepseek_bpe().encode_batch(list(texts), add_special_tokens=False)
        told = information([list(encoding.ids) for encoding in encodings])
        words: list[tuple[float, int, int, int, int]] = []  # (information, turn, first character, last, tokens)
        for turn, (text, encoding, own) in enumerate(zip(texts, encodings, told, strict=True)):
            starts = np.array([first for first, _ in encoding.offsets])
            for piece in _PIECE.finditer(text):
                first, last = np.searchsorted(starts, piece.span())
                if last > first:
                    words.append((float(own[first:last].mean()), turn, *piece.span(), int(last - first)))
        kept: dict[int, list[tuple[int, int]]] = {}
        tokens = 0
        for _, turn, first, last, cost in sorted(words, key=lambda word: -word[0]):
            if tokens + cost > budget:
                break
            kept.setdefault(turn, []).append((first, last))
            tokens += cost
        passages = [
            Passage(turn, "".join(texts[turn][first:last] for first, last in sorted(spans)))
            for turn, spans in sorted(kept.items())
        ]
        return tuple(passages), tokens


def information(sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float64]]:
    """-log p of every token: half by the token before it, half by how frequent it is, both counted in `sequences`.

    A token's own occurrence does not count, or what stands there once would be foretold by the one place where it stands.
    """
    single = Counter(token for tokens in sequences for token in tokens)
    pairs = Counter(pair for tokens in sequences for pair in pairwise(tokens))
    total = sum(single.values())
    found = []
    for tokens in sequences:
        alone = [(single[token] - 0.5) / total for token in tokens]
        after = [0.0, *((pairs[pair] - 1) / max(1, single[pair[0]] - 1) for pair in pairwise(tokens))]
        found.append(np.array([-math.log((one + other) / 2) for one, other in zip(alone, after, strict=False)]))
    return found
