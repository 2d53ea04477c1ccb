"""Recall: is the evidence of a question on the pages that come first? `optical-memory evaluate recall --data DIR`.

No model is needed: pages are laid out and their source is indexed, as the memory does.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from optical_memory.config import default
from optical_memory.errors import MissingExtraError
from optical_memory.evaluation.histories import Conversation, Question
from optical_memory.evaluation.metrics import mean_interval
from optical_memory.evaluation.report import Figure
from optical_memory.memory.dense import DenseIndex
from optical_memory.memory.draft import blocks_of
from optical_memory.memory.embedder import HashedEmbedder
from optical_memory.memory.lexical import LexicalIndex
from optical_memory.memory.recall import PageIndex
from optical_memory.memory.turn import parse_history
from optical_memory.memory.words import WORD
from renderers import Grid, Page, lay_out

TYPOGRAPHY = default().typography
GRID = Grid(TYPOGRAPHY.columns, TYPOGRAPHY.rows)
"""Of the bundled model's pages."""
LIMIT = 5
Search = Callable[[str], Sequence[int]]
"""A query to the numbers of pages, best first."""
CUES, CUED_TURNS, LEAST_CUED = 6, 20, 12
"""Where a conversation has no questions: so many words of a turn, in order, are the query for that turn; so many turns a
conversation, of so many words at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Paged:
    """A conversation on pages; `home` says which page holds most of a turn."""

    pages: tuple[Page, ...]
    home: dict[str, int]
    questions: tuple[Question, ...]


def evaluate_recall(
    conversations: Sequence[Conversation], num_pages: int = 10_000, seed: int = 0, limit: int = LIMIT
) -> list[Figure]:
    """Evidence recall among `limit` pages, for what the memory does and its parts, beside plain BM25 and chance; over all
    conversations, and over every second one (the others served to choose). Then the time of a query over `num_pages`."""
    rng = np.random.default_rng(seed)
    paged = [_paged(conversation, rng) for conversation in conversations]
    figures = []
    for name, build in SYSTEMS.items():
        shares = [list(_shares(own, build(_texts(own.pages)), limit)) for own in paged]
        figures.append(_figure("all", name, limit, [share for own in shares for share in own]))
        if len(shares) > 1:
            figures.append(_figure("held out", name, limit, [share for own in shares[1::2] for share in own]))
    chance = [min(1.0, limit / len(own.pages)) for own in paged for _ in own.questions]
    figures.append(_figure("all", "pages at random", limit, chance))
    return [*figures, *query_times(paged, num_pages, rng)] if num_pages else figures


def query_times(
    paged: Sequence[Paged], num_pages: int, rng: np.random.Generator, num_queries: int = 200
) -> list[Figure]:
    """Milliseconds of a query over pages that are cut from the conversations at random places."""
    corpus = "\n".join(text for own in paged for text in _texts(own.pages))
    index = PageIndex()
    for number, start in enumerate(rng.integers(0, max(1, len(corpus) - 4096), num_pages)):
        index.add(number, corpus[start : start + 4096])
    queries = [question.text for own in paged for question in own.questions]
    taken = []
    for number in rng.integers(0, len(queries), num_queries):
        began = time.perf_counter()
        index.search(queries[number], LIMIT)
        taken.append(1000 * (time.perf_counter() - began))
    middle, high = np.quantile(taken, [0.5, 0.95])
    return [
        Figure(
            task="recall", system="fused", mode="", sequence_length=None,
            metric=f"milliseconds a query, {num_pages:,} pages (median, min, 95 %)",
            value=float(middle), low=min(taken), high=float(high), n=num_queries,
        )
    ]  # fmt: skip


def _figure(which: str, system: str, limit: int, shares: Sequence[float]) -> Figure:
    value, low, high = mean_interval(shares)
    return Figure(
        task=f"recall, {which}",
        system=system,
        mode="",
        sequence_length=None,
        metric=f"evidence recall@{limit}",
        value=value,
        low=low,
        high=high,
        n=len(shares),
    )


def _shares(paged: Paged, search: Search, limit: int) -> Iterator[float]:
    """For each question, the share of its evidence that stands on the pages found."""
    found = (set(search(question.text)[:limit]) for question in paged.questions)
    for question, pages in zip(paged.questions, found, strict=True):
        yield sum(paged.home[turn] in pages for turn in question.evidence) / len(question.evidence)


def _paged(conversation: Conversation, rng: np.random.Generator) -> Paged:
    turns = parse_history(conversation.messages)
    pages = lay_out(blocks_of(turns), GRID)
    homes: dict[str, Counter[int]] = {}
    for number, page in enumerate(pages):
        for span in page.spans:
            homes.setdefault(span.source, Counter())[number] += span.end - span.start
    home = {turn: held.most_common(1)[0][0] for turn, held in homes.items()}
    questions = conversation.questions or tuple(_cued({turn.id: turn.text for turn in turns if turn.id in home}, rng))
    return Paged(tuple(pages), home, questions)


def _cued(texts: dict[str, str], rng: np.random.Generator) -> Iterator[Question]:
    long = {turn: found for turn, text in texts.items() if len(found := WORD.findall(text)) >= LEAST_CUED}
    for turn in rng.permutation(list(long))[:CUED_TURNS]:
        places = sorted(rng.choice(len(long[turn]), CUES, replace=False))
        yield Question(" ".join(long[turn][place] for place in places), (str(turn),))


def _texts(pages: Sequence[Page]) -> list[str]:
    return [page.text for page in pages]


def _fused(texts: Sequence[str]) -> Search:
    index = PageIndex()
    for number, text in enumerate(texts):
        index.add(number, text)
    return lambda query: [int(str(key)) for key, _ in index.search(query, len(texts))]


def _words(texts: Sequence[str]) -> Search:
    index = LexicalIndex()
    for text in texts:
        index.add(text)
    return lambda query: [number for number, _ in index.search(query, len(texts))]


def _nearness(texts: Sequence[str]) -> Search:
    lexical = LexicalIndex()
    index = DenseIndex(HashedEmbedder(lexical.rarity))
    for text in texts:
        index.add(lexical.add(text), text)
    return lambda query: [number for number, _ in index.search(query, len(texts))]


def _plain_bm25(texts: Sequence[str]) -> Search:
    """Okapi BM25 with a library's defaults over plain lower-case words."""
    try:
        from rank_bm25 import BM25Okapi
    except ImportError as error:
        raise MissingExtraError("this baseline needs rank-bm25: pip install 'optical-memory[evaluate]'") from error
    index = BM25Okapi([WORD.findall(text.lower()) for text in texts])
    return lambda query: [
        int(number) for number in np.argsort(-index.get_scores(WORD.findall(query.lower())), kind="stable")
    ]


SYSTEMS: dict[str, Callable[[Sequence[str]], Search]] = {
    "fused": _fused,
    "words alone": _words,
    "nearness alone": _nearness,
    "BM25 (rank_bm25)": _plain_bm25,
}
