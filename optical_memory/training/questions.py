"""Questions over text whose answer stands there, or does not: facts planted between lines of a corpus."""

import uuid
from dataclasses import dataclass

import numpy as np

from optical_memory.training.page_text import PageText

ABSENT = "not found"
"""What the decoder is trained to answer when the fact is not there."""

_THINGS = (
    "port code key token pin password number name color date time price version branch host user city room seat gate file "
    "path flag limit quota model plan owner tag id address phone level status size rate budget total score"
).split()
_OWNERS = (
    "server database router printer garage office kitchen garden alice bob carol dave erin frank grace heidi ivan judy api "
    "proxy cache queue worker backup staging production billing search login mail calendar archive camera door safe locker "
    "train hotel ticket invoice project report meeting release deploy cluster node"
).split()
_STATEMENTS = (
    "The {thing} of the {owner} is {value}.",
    "The {owner} {thing} is {value}.",
    "Remember: {owner} {thing} = {value}.",
    "We picked {value} as the {thing} of the {owner}.",
    "For the {owner} the {thing} is {value}.",
)
_QUESTIONS = (
    "What is the {thing} of the {owner}?",
    "What is the {owner} {thing}?",
    "Which {thing} does the {owner} have?",
    "Which {thing} did we pick for the {owner}?",
    "{owner} {thing}?",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Quiz:
    """A passage, and questions about it with their answers."""

    passage: str
    questions: tuple[tuple[str, str], ...]


def draw_quiz(
    text: PageText, length: int, num_facts: int, rng: np.random.Generator, absent_share: float = 0.15
) -> Quiz:
    """A passage of about `length` characters with `num_facts` facts planted between stretches of the corpus, all asked for.

    A share of the questions asks for a fact that is not there.
    """
    pairs: set[tuple[str, str]] = set()
    while len(pairs) < num_facts + 1:
        pairs.add((str(rng.choice(_OWNERS)), str(rng.choice(_THINGS))))
    ordered = sorted(pairs)
    rng.shuffle(ordered)
    facts = [(owner, thing, draw_value(rng)) for owner, thing in ordered]
    planted, missing = facts[:-1], facts[-1]
    statements = [_fill(str(rng.choice(_STATEMENTS)), fact) for fact in planted]
    filler = max(1, length - sum(len(statement) + 2 for statement in statements))
    cuts = np.sort(rng.integers(0, filler, len(statements)))
    prose = text.text_of(filler, rng)
    pieces = [prose[first:last] for first, last in zip([0, *cuts], [*cuts, len(prose)], strict=True)]
    passage = pieces[0] + "".join(f" {told} {piece}" for told, piece in zip(statements, pieces[1:], strict=True))
    asked = [(_fill(str(rng.choice(_QUESTIONS)), fact), fact[2]) for fact in planted]
    if rng.random() < absent_share * len(asked):
        asked.append((_fill(str(rng.choice(_QUESTIONS)), missing), ABSENT))
    rng.shuffle(asked)
    return Quiz(passage, tuple((question, answer) for question, answer in asked))


def draw_pairs(length: int, rng: np.random.Generator) -> Quiz:
    """Keys with values and nothing else, about `length` characters, each asked for: the plainest form of looking up."""
    pairs: dict[str, str] = {}
    while sum(len(key) + len(value) + 4 for key, value in pairs.items()) < length // 2:
        key = "".join(rng.choice(list(_LETTERS), int(rng.integers(1, 6))))
        pairs[key] = draw_value(rng)
    asked = list(pairs.items())
    rng.shuffle(asked)
    passage = "; ".join(f"{key}: {value}" for key, value in pairs.items())
    return Quiz(passage, tuple((key, value) for key, value in asked))


def draw_value(rng: np.random.Generator) -> str:
    """A word, a number, or an identifier."""
    kind = rng.random()
    if kind < 0.35:
        return "".join(rng.choice(list(_LETTERS), int(rng.integers(3, 10))))
    if kind < 0.75:
        return str(rng.integers(10 ** int(rng.integers(1, 8))))
    if kind < 0.85:
        return uuid.UUID(bytes=rng.bytes(16), version=4).hex[: int(rng.integers(6, 33))]
    return f"{''.join(rng.choice(list(_LETTERS), 4))}-{rng.integers(1000)}"


def _fill(template: str, fact: tuple[str, str, str]) -> str:
    owner, thing, value = fact
    return template.format(owner=owner, thing=thing, value=value)
