"""Asking again over the same pages: the first token with the kept keys and values, and without.

`optical-memory evaluate speed --part reuse`. The loaded model's own decoder; the answers of both ways must be the same.
"""

from functools import partial
from itertools import count

import numpy as np

from optical_memory.encoded import EncodedPage
from optical_memory.errors import OpticalMemoryError
from optical_memory.evaluation.clock import Clock, exact, spread
from optical_memory.evaluation.reading import random_pages
from optical_memory.evaluation.report import Figure
from optical_memory.language.prefix import Prefix
from optical_memory.model import Model
from optical_memory.modes import TINY
from renderers.transcript import MARKS

NUM_PAGES = 100
NEW_TEXT = "what is the port of server {}? "
"""Eight times over, the turn that is new at each call."""


def evaluate_reuse(model: Model, rounds: int, num_pages: int = NUM_PAGES, seed: int = 0) -> list[Figure]:
    """Pages of random strings at Tiny, a turn that differs at every call, and a question: one token is generated."""
    pages = model.encode(random_pages(model, num_pages, np.random.default_rng(seed)), TINY)
    prefix = Prefix()
    _check_equal(model, pages, prefix)
    numbers = count(2)

    def ask(kept: Prefix | None) -> str:
        return _first_token(model, pages, next(numbers), kept)

    with_reuse, without = Clock(model.device, rounds).seconds(partial(ask, prefix), partial(ask, None))
    positions = 1 + sum(page.sequence_length for page in pages)
    metric = f"seconds to the first token, {num_pages} Tiny pages, {positions} positions kept"
    ratio = float(np.median(without) / np.median(with_reuse))
    return [
        spread("asking again", "with the kept prefix", TINY, metric, with_reuse),
        spread("asking again", "without", TINY, metric, without),
        exact("asking again", "without over with", TINY, "first-token ratio", ratio, rounds),
    ]


def _first_token(model: Model, pages: list[EncodedPage], number: int, prefix: Prefix | None) -> str:
    turn = chr(MARKS["user"]) + NEW_TEXT.format(number) * 8
    return model.answer([*pages, turn], "which port?", 1, prefix)


def _check_equal(model: Model, pages: list[EncodedPage], prefix: Prefix) -> None:
    """Fills the prefix; raises OpticalMemoryError if reuse changes an answer or reuses nothing."""
    _first_token(model, pages, 0, prefix)
    again = _first_token(model, pages, 1, prefix)
    if prefix.num_reused < sum(page.sequence_length for page in pages):
        raise OpticalMemoryError(f"only {prefix.num_reused} rows were reused, expected all of the pages'")
    if again != _first_token(model, pages, 1, None):
        raise OpticalMemoryError("the answer with the kept prefix differs from the one without")
