"""Facts as people tell them in passing, each with a question for it and one like it whose answer nobody told (`facts.tsv`).

The words of a question are those of the fact, for the most part: what is tried is looking up, not reasoning.
"""

import csv
from importlib import resources
from typing import NamedTuple


class Fact(NamedTuple):
    """`was_looked_at`: what the bundled decoder answered was looked at while it was trained."""

    told: str
    question: str
    value: str
    missing: str
    was_looked_at: bool


def _read() -> tuple[Fact, ...]:
    with (resources.files("optical_memory.evaluation") / "facts.tsv").open(encoding="utf-8") as file:
        _, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(
        Fact(told, question, value, missing, looked == "yes") for told, question, value, missing, looked in rows
    )


FACTS = _read()
