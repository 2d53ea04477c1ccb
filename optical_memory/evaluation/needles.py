"""Needles: facts planted in a haystack, and questions about them (RULER's form, arXiv 2404.06654; Kamradt's depths).

A needle has a key, drawn as words, and values of one kind. Its statement and its question are the benchmark's sentences.
"""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optical_memory.evaluation.metrics import string_match_all
from optical_memory.language.quoting import REFUSAL

ADJECTIVES = (
    "amber ancient brave bright broken calm careful clever coastal copper crooked curious distant dusty eager early faded "
    "fearless frozen gentle golden grateful hidden hollow humble idle jolly keen lonely loud lucky mellow misty modest narrow "
    "nimble northern odd pale patient plain polished proud quick quiet rapid restless rough rusty scarlet sharp shy silent "
    "silver simple slender slow small solemn southern steady still stormy sturdy subtle sudden tame tidy tired vivid wandering"
).split()
NOUNS = (
    "acorn anchor anvil apron badger barrel basket beacon bramble bridge bucket candle canyon castle cellar chimney cliff comet "
    "compass cottage cradle dagger desert drum falcon ferry fiddle forest fountain garden glacier hammer harbor harvest hedge "
    "island kettle ladder lantern lighthouse locket lodge marble market meadow mirror mitten needle oak orchard otter paddle "
    "pebble pigeon pillow plough pond quarry quilt raven ribbon river saddle sailor satchel shepherd shovel spoon squirrel "
    "stable stream tavern thimble thunder tower tunnel valley violin wagon walnut willow window"
).split()


def _word(rng: np.random.Generator) -> str:
    return f"{rng.choice(ADJECTIVES)}-{rng.choice(NOUNS)}"


def _code(rng: np.random.Generator) -> str:
    return f"{rng.choice(NOUNS)}_{rng.choice(NOUNS)} = load('{rng.bytes(3).hex()}', limit={rng.integers(100, 10000)})"


def _path(rng: np.random.Generator) -> str:
    return f"/srv/{rng.choice(NOUNS)}/{rng.bytes(4).hex()}/{rng.choice(NOUNS)}-{rng.integers(1000)}.log"


VALUES: dict[str, Callable[[np.random.Generator], str]] = {
    "word": _word,
    "number": lambda rng: str(rng.integers(1_000_000, 10_000_000)),
    "uuid": lambda rng: str(uuid.UUID(bytes=rng.bytes(16), version=4)),
    "hash": lambda rng: rng.bytes(20).hex(),
    "token": lambda rng: base64.urlsafe_b64encode(rng.bytes(18)).decode("ascii"),
    "path": _path,
    "code": _code,
}
"""What a needle's value may be, and how one is drawn."""
TASKS = ("single", "multi-key", "multi-value", "multi-query", "absent")
NUM_SIBLINGS = 4
"""Needles (or values, or keys asked for) of the tasks that have several."""


@dataclass(frozen=True, slots=True)
class Quest:
    """What is planted, what is asked, and the references that an answer must hold; none where the right answer is a refusal."""

    kind: str
    task: str
    statements: tuple[str, ...]
    keys: tuple[str, ...]
    question: str
    references: tuple[str, ...]


def draw_quest(kind: str, task: str, rng: np.random.Generator) -> Quest:
    """One task of one kind. Raises ValueError for a kind or a task that is not known."""
    if kind not in VALUES or task not in TASKS:
        raise ValueError(
            f"needles are of the kinds {', '.join(VALUES)} and the tasks {', '.join(TASKS)}; got {kind}, {task}"
        )
    num_keys = 1 if task in ("single", "multi-value") else NUM_SIBLINGS
    num_values = NUM_SIBLINGS if task == "multi-value" else 1
    keys = _distinct(num_keys + (task == "absent"), _word, rng)
    facts = [(key, value) for key in keys[:num_keys] for value in _distinct(num_values, VALUES[kind], rng)]
    asked = keys if task == "multi-query" else [keys[-1]] if task == "absent" else [keys[0]]
    return Quest(
        kind,
        task,
        tuple(statement(kind, key, value) for key, value in facts),
        tuple(keys),
        question(kind, asked, num_values),
        tuple(value for key, value in facts if key in asked),
    )


def statement(kind: str, key: str, value: str) -> str:
    return f"One of the special magic {kind}s for {key} is: {value}."


def question(kind: str, keys: list[str], num_values: int = 1) -> str:
    if len(keys) == 1 and num_values == 1:
        return f"What is the special magic {kind} for {keys[0]} mentioned in the provided text?"
    named = keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])}, and {keys[-1]}"
    return f"What are all the special magic {kind}s for {named} mentioned in the provided text?"


def _distinct(count: int, draw: Callable[[np.random.Generator], str], rng: np.random.Generator) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[draw(rng)] = None
    return list(found)


def verdict(answer: str, certainty: float, quest: Quest, sure: float = 0.5) -> str:
    """`right`, `refused`, `wrong` (and the answer said so: certainty below `sure`), or `silently wrong`."""
    refused = not answer.strip() or REFUSAL in answer.lower()
    found = string_match_all(answer, quest.references) == 1.0
    if (refused and not quest.references) or (found and not refused):
        return "right"
    if refused:
        return "refused"
    return "silently wrong" if certainty >= sure else "wrong"
