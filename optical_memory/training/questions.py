"""Questions over text whose answer stands there, or does not: facts planted between lines of a corpus."""

import uuid
from collections.abc import Mapping
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
_KINDS = "main backup old new secret special public private first second daily spare".split()
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
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Quiz:
    """A passage, and questions about it with their answers."""

    passage: str
    questions: tuple[tuple[str, str], ...]


def draw_quiz(text: PageText, length: int, num_facts: int, rng: np.random.Generator, absent_share: float) -> Quiz:
    """A passage of about `length` characters with `num_facts` facts planted between stretches of the corpus, all asked for.

    A share of the questions asks for a fact that is not there, most often of an owner or a thing that is.
    """
    pairs: dict[tuple[str, str], str] = {}
    while len(pairs) < num_facts:
        pairs[_draw_owner(rng), _draw_thing(rng)] = draw_value(rng)
    facts = [(owner, thing, value) for (owner, thing), value in pairs.items()]
    statements = [_state(*fact, rng) for fact in facts]
    filler = max(1, length - sum(len(statement) + 2 for statement in statements))
    cuts = np.sort(rng.integers(0, filler, len(statements)))
    prose = text.text_of(filler, rng)
    pieces = [prose[first:last] for first, last in zip([0, *cuts], [*cuts, len(prose)], strict=True)]
    passage = pieces[0] + "".join(f" {told} {piece}" for told, piece in zip(statements, pieces[1:], strict=True))
    asked = [(_question(owner, thing, rng), value) for owner, thing, value in facts]
    if rng.random() < absent_share * len(asked):
        asked.append((_question(*_draw_missing(pairs, rng), rng), ABSENT))
    rng.shuffle(asked)
    return Quiz(passage, tuple((question, answer) for question, answer in asked))


def _draw_missing(pairs: Mapping[tuple[str, str], str], rng: np.random.Generator) -> tuple[str, str]:
    """An owner and a thing that are not together in `pairs`: of one that is, another thing, half of its name, or nothing."""
    known = list(pairs)
    owner, thing = known[int(rng.integers(len(known)))]
    kind = rng.random()
    while (owner, thing) in pairs:
        if kind < 0.35:
            thing = _draw_thing(rng)
        elif kind < 0.7 and "-" in owner:
            first, _, last = owner.partition("-")
            other = _draw_owner(rng).replace("-", "")
            owner = f"{first}-{other}" if rng.random() < 0.5 else f"{other}-{last}"
        else:
            owner = _draw_owner(rng)
    return owner, thing


def _state(owner: str, thing: str, value: str, rng: np.random.Generator) -> str:
    told = str(rng.choice(_STATEMENTS)).format(owner=owner, thing=thing, value=value, named=_named(owner, thing, rng))
    lead = str(rng.choice(_LEADS))
    if lead or told.startswith(value) or rng.random() < 0.3:
        return lead + told
    return told[0].upper() + told[1:]


def _question(owner: str, thing: str, rng: np.random.Generator) -> str:
    asked = str(rng.choice(_QUESTIONS)).format(
        owner=owner, thing=thing, named=_named(owner, thing, rng), where=rng.choice(_WHERES)
    )
    return asked[0].upper() + asked[1:] if rng.random() < 0.8 else asked


def _named(owner: str, thing: str, rng: np.random.Generator) -> str:
    return str(rng.choice(_NAMED)).format(owner=owner, thing=thing)


def _draw_owner(rng: np.random.Generator) -> str:
    """Known names, two of them in one, or names that nobody has met."""
    kind = rng.random()
    if kind < 0.25:
        return str(rng.choice(_OWNERS))
    if kind < 0.55:
        return "-".join(rng.choice(_OWNERS, 2))
    if kind < 0.85:
        return f"{_draw_name(rng)}{'-- _'[int(rng.integers(4))]}{_draw_name(rng)}"
    return _draw_name(rng).capitalize()


def _draw_thing(rng: np.random.Generator) -> str:
    thing = str(rng.choice(_THINGS))
    return f"{rng.choice(_KINDS)} {thing}" if rng.random() < 0.3 else thing


def _draw_name(rng: np.random.Generator) -> str:
    """A word that can be spoken."""
    return "".join(
        str(rng.choice(list(_VOWELS if place % 2 else _LETTERS))) for place in range(int(rng.integers(3, 9)))
    )


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
    if kind < 0.15:
        return _draw_name(rng)
    if kind < 0.4:
        return f"{_draw_name(rng)}-{_draw_name(rng)}"
    if kind < 0.75:
        return str(rng.integers(10 ** int(rng.integers(1, 9))))
    if kind < 0.85:
        return uuid.UUID(bytes=rng.bytes(16), version=4).hex[: int(rng.integers(6, 33))]
    if kind < 0.92:
        return f"/{_draw_name(rng)}/{_draw_name(rng)}.{''.join(rng.choice(list(_LETTERS), 3))}"
    return f"{''.join(rng.choice(list(_LETTERS), 4))}-{rng.integers(1000)}"
