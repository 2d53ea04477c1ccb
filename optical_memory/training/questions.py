"""Questions over text whose answer stands there, or does not: facts planted between lines of a corpus."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optical_memory.training.names import Names, key
from optical_memory.training.page_text import PageText

ABSENT = "not found"
"""What the decoder is trained to answer when the fact is not there."""

_NAMED = (
    "the {thing} of the {owner}",
    "the {thing} of {owner}",
    "the {owner} {thing}",
    "the {thing} for {owner}",
    "{owner}'s {thing}",
    "the {thing} that {owner} uses",
    "one of the {thing}s for {owner}",
)
"""How a fact is named, in a statement and in a question."""
_STATEMENTS = (
    "{named} is {value}.",
    "{named} is: {value}.",
    "{named} was {value},",
    "{named} will be {value} from now on.",
    "{named}: {value}",
    "{named} = {value};",
    "{named} has been set to {value}.",
    "{value} is {named}.",
    "We picked {value} as {named}.",
    "Please use {value} for {named}.",
    '"{owner}": {{"{thing}": "{value}"}},',
    "{owner}: {thing} {value}.",
    "{owner}.{thing} = {value}",
    "{thing} ({owner}): {value}",
    "| {owner} | {thing} | {value} |",
    "{named}? It is {value}, as far as I know.",
    "{named} -> {value}",
)
_LEADS = ("", "", "", "Remember: ", "Note: ", "By the way, ", "As agreed, ", "For the record: ")
_QUESTIONS = (
    "What is {named}{where}?",
    "What was {named}{where}?",
    "What is {named}{where}?",
    "Which {thing} does {owner} have{where}?",
    "Which {thing} did we pick for {owner}?",
    "Tell me {named}{where}.",
    "Do you remember {named}?",
    "I need {named}.",
    "{named}?",
    "{owner} {thing}?",
    "Find {named}{where}.",
    "What did we set {named} to?",
)
_WHERES = (
    "",
    "",
    "",
    " in this text",
    " in the text above",
    " mentioned in the provided text",
    " as mentioned before",
    " now",
)

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
        form = _draw_form(rng) if are_alike else None
        statements = [_state(*fact, *(form or _draw_form(rng)), rng) for fact in facts]
        filler = max(1, length - sum(len(statement) + 2 for statement in statements))
        cuts = np.sort(rng.integers(0, filler, len(statements)))
        prose = self._text.text_of(filler, rng)
        pieces = [prose[first:last] for first, last in zip([0, *cuts], [*cuts, len(prose)], strict=True)]
        passage = pieces[0] + "".join(f" {told} {piece}" for told, piece in zip(statements, pieces[1:], strict=True))
        asked = [(_question(owner, thing, rng), value) for owner, thing, value in facts]
        for _ in range(int(self._absent_share * len(facts) + rng.random()) if facts else 1):
            asked.append((_question(*self._draw_missing(pairs, rng), rng), ABSENT))
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

    def _draw_facts(self, num_facts: int, are_alike: bool, rng: np.random.Generator) -> dict[tuple[str, str], str]:
        """Values by owner and thing. If they are alike: all of one thing, some owners made from the one before, and some values
        from their owner."""
        shared = self._names.thing(rng) if are_alike else None
        facts: dict[tuple[str, str], str] = {}
        while len(facts) < num_facts:
            owner, value = self._names.owner(rng), self._names.value(rng)
            if are_alike and facts and rng.random() < _SHARING:
                owner = self._names.near(next(reversed(facts))[0], rng)
            if are_alike and rng.random() < _SHARING:
                value = self._names.near(owner, rng)
            facts[owner, shared or self._names.thing(rng)] = value
        return facts

    def _draw_missing(self, facts: Mapping[tuple[str, str], str], rng: np.random.Generator) -> tuple[str, str]:
        """An owner and a thing that are not together in `facts`: of a fact that is, another thing, or another owner, or one that
        is easily taken for it."""
        if not facts:
            return self._names.owner(rng), self._names.thing(rng)
        known = list(facts)
        owner, thing = known[int(rng.integers(len(known)))]
        kind = rng.random()
        while (owner, thing) in facts:
            if kind < self._near_share:
                owner = self._names.near(owner, rng)
            elif kind < self._near_share + 0.25:
                thing = self._names.thing(rng)
            else:
                owner = self._names.owner(rng)
        return owner, thing


def _draw_form(rng: np.random.Generator) -> tuple[str, str, str]:
    """The words of a statement: what leads to it, the statement, how the fact is named in it."""
    return str(rng.choice(_LEADS)), str(rng.choice(_STATEMENTS)), str(rng.choice(_NAMED))


def _state(owner: str, thing: str, value: str, lead: str, form: str, named: str, rng: np.random.Generator) -> str:
    told = form.format(owner=owner, thing=thing, value=value, named=named.format(owner=owner, thing=thing))
    if lead or told.startswith(value) or rng.random() < 0.3:
        return lead + told
    return told[0].upper() + told[1:]


def _question(owner: str, thing: str, rng: np.random.Generator) -> str:
    named = str(rng.choice(_NAMED)).format(owner=owner, thing=thing)
    asked = str(rng.choice(_QUESTIONS)).format(owner=owner, thing=thing, named=named, where=rng.choice(_WHERES))
    return asked[0].upper() + asked[1:] if rng.random() < 0.8 else asked
