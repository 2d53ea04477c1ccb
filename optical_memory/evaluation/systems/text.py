"""Baselines that keep text: all of it, the newest, what BM25 retrieves, what tells the most. The same reader for all."""

import math
from collections import Counter

from optical_memory.errors import MissingExtraError
from optical_memory.evaluation.systems.protocol import Answer, History, look_up
from optical_memory.language.tokenizer import count_text_tokens, deepseek_bpe


def passages(history: History) -> list[str]:
    return [str(message["content"]) for message in history]


class FullText:
    """Every turn as text, whatever it costs: the ceiling."""

    name = "text in full"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        del budget  # the ceiling has none
        text = "".join(passages(history))
        return Answer(look_up(text, question)[0], count_text_tokens([text])[0])


class NewestText:
    """The newest text tokens that the budget holds."""

    name = "newest text"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        text = "".join(passages(history))
        encoding = deepseek_bpe().encode(text, add_special_tokens=False)
        kept = max(0, len(encoding.ids) - budget)
        text = text[encoding.offsets[kept][0] :] if budget > 0 and encoding.ids else ""
        return Answer(look_up(text, question)[0], min(budget, len(encoding.ids)))


class RetrievedText:
    """The turns that BM25 ranks best for the question, as many as the budget holds, in their order."""

    name = "BM25 text"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        try:
            from rank_bm25 import BM25Okapi
        except ImportError as error:
            raise MissingExtraError("this baseline needs rank-bm25: pip install 'optical-memory[evaluate]'") from error
        texts = passages(history)
        scores = BM25Okapi([text.lower().split() for text in texts]).get_scores(question.lower().split())
        costs = count_text_tokens(texts)
        kept: set[int] = set()
        for index in sorted(range(len(texts)), key=lambda index: (-scores[index], index)):
            if sum(costs[place] for place in kept) + costs[index] <= budget:
                kept.add(index)
        text = "\n".join(texts[index] for index in sorted(kept))
        return Answer(look_up(text, question)[0], sum(costs[index] for index in kept))


class TellingText:
    """The tokens that tell the most, by their self-information in the history itself, in their order.

    Stands in for LLMLingua-2 (arXiv 2403.12968), whose model cannot be bundled: selective context (arXiv 2310.06201) with
    token frequencies in place of a language model.
    """

    name = "telling tokens"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        text = "".join(passages(history))
        encoding = deepseek_bpe().encode(text, add_special_tokens=False)
        counts = Counter(encoding.ids)
        total = len(encoding.ids)
        telling = [-math.log(counts[token] / total) for token in encoding.ids]
        ranked = sorted(range(total), key=lambda index: (-telling[index], index))[: max(0, budget)]
        kept = "".join(text[slice(*encoding.offsets[index])] for index in sorted(ranked))
        return Answer(look_up(kept, question)[0], len(ranked))
