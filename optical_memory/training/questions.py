"""Questions over text whose answer stands there, or does not: facts planted between lines of a corpus."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optical_memory.language.quoting import REFUSAL
from optical_memory.training.actions import draw_action
from optical_memory.training.names import Names, key
from optical_memory.training.page_text import PageText
from optical_memory.training.phrasing import Phrase, Thing, ask, shortened

_ACTIONS = 0.5
"""How many facts are of what their owner does."""
_SHARING = 0.2
"""How often one name among facts that are alike is made from another."""


@dataclass(frozen=True, slots=True)
class Quiz:
    """A passage, and questions about it with their answers."""

    passage: str
    questions: tuple[tuple[str, str], ...]


class Examiner:
    """Draws quizzes over the text of a corpus. Decided by the generator each call is given."""

    def __init__(self, text: PageText, absent_share: float, alike_share: float, near_share: float = 0.25) -> None:
        """`absent_share`: of every fact that is there, how many more questions are for one that is not. `near_share`: how many of
        these name an owner that is easily taken for one that is there. `alike_share`: of the quizzes, in how many all facts are
        the same thing of other owners, told in the same words."""
        self._text = text
        self._names = Names(text)
        self._absent_share = absent_share
        self._alike_share = alike_share
        self._near_share = near_share

    def quiz(self, length: int, num_facts: int, rng: np.random.Generator) -> Quiz:
        """A passage of about `length` characters with `num_facts` facts planted between stretches of the corpus, all asked for.

        Without any the only question is for what is not there.
        """
        are_alike = bool(rng.random() < self._alike_share)
        pairs = self._draw_facts(num_facts, are_alike, rng)
        facts = [(owner, thing, value) for (owner, thing), value in pairs.items()]
        shared = Phrase.draw(rng) if are_alike else None
        statements = [(shared or Phrase.draw(rng)).tell(*fact, self._names.value(rng), rng) for fact in facts]
        filler = max(1, length - sum(len(statement) + 2 for statement in statements))
        cuts = np.sort(rng.integers(0, filler, len(statements)))
        prose = self._text.text_of(filler, rng)
        pieces = [prose[first:last] for first, last in zip([0, *cuts], [*cuts, len(prose)], strict=True)]
        passage = pieces[0] + "".join(f" {told} {piece}" for told, piece in zip(statements, pieces[1:], strict=True))
        asked = [(ask(owner, shortened(thing, rng), rng), value) for owner, thing, value in facts]
        for _ in range(int(self._absent_share * len(facts) + rng.random()) if facts else 1):
            asked.append((ask(*self._draw_missing(pairs, rng), rng), REFUSAL))
        rng.shuffle(asked)
        return Quiz(passage, tuple((question, answer) for question, answer in asked))

    def pairs(self, length: int, rng: np.random.Generator) -> Quiz:
        """Keys with values and nothing else, about `length` characters, each asked for: the plainest form of looking up."""
        pairs: dict[str, str] = {}
        while sum(len(name) + len(value) + 4 for name, value in pairs.items()) < length // 2:
            pairs[key(rng)] = self._names.value(rng)
        asked = list(pairs.items())
        rng.shuffle(asked)
        passage = "; ".join(f"{name}: {value}" for name, value in pairs.items())
        return Quiz(passage, tuple((name, value) for name, value in asked))

    def _draw_facts(self, num_facts: int, are_alike: bool, rng: np.random.Generator) -> dict[tuple[str, Thing], str]:
        """Values by owner and thing. If they are alike: all of one thing, some owners made from the one before, and some values
        from their owner."""
        shared = self._thing(rng) if are_alike else None
        facts: dict[tuple[str, Thing], str] = {}
        while len(facts) < num_facts:
            owner, value = self._names.owner(rng), self._names.value(rng)
            if are_alike and facts and rng.random() < _SHARING:
                owner = self._names.near(next(reversed(facts))[0], rng)
            if are_alike and rng.random() < _SHARING:
                value = self._names.near(owner, rng)
            facts[owner, shared or self._thing(rng)] = value
        return facts

    def _draw_missing(self, facts: Mapping[tuple[str, Thing], str], rng: np.random.Generator) -> tuple[str, Thing]:
        """An owner and a thing that are not together in `facts`: of a fact that is, another thing, or another owner, or one that
        is easily taken for it."""
        if not facts:
            return self._names.owner(rng), self._thing(rng)
        known = list(facts)
        owner, thing = known[int(rng.integers(len(known)))]
        kind = rng.random()
        while (owner, thing) in facts:
            if kind < self._near_share:
                owner = self._names.near(owner, rng)
            elif kind < self._near_share + 0.25:
                thing = self._thing(rng)
            else:
                owner = self._names.owner(rng)
        return owner, thing

    def _thing(self, rng: np.random.Generator) -> Thing:
        thing = self._names.thing(rng)
        return draw_action(thing.split()[-1], rng) if rng.random() < _ACTIONS else thing
