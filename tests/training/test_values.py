"""Values: words and numbers mostly, and some of every form that conversations hold."""

import re

import numpy as np
import pytest

from optical_memory.config import ALPHABET
from optical_memory.training.values import Values, spoken

FORMS = {
    "a number": (r"\d+", 0.15, 0.35),
    "several words": (r"[A-Za-z]+( [A-Za-z]+)+", 0.08, 0.2),
    "an amount with its unit": (r"\d+(\.\d+)? [a-zA-Z%]+( [a-z]+)?", 0.02, 0.1),
    "a sum of money": (r"[$€£]\d+(\.\d+)?", 0.005, 0.05),
    "a version": (r"v?\d+(\.\d+)+(-rc\d)?", 0.01, 0.08),
    "a branch": (r"[a-z]+/[a-z0-9.-]+", 0.01, 0.08),
    "a code": (r"[A-Z]{1,3}[- #]?\d+(-[A-Z]{2})?", 0.01, 0.1),
    "a time or a date": (
        r".*(\d:\d\d|\d-\d\d-\d\d|(day|ember|uary|March|April|May|June|July|August|October)( \d+)?).*",
        0.02,
        0.1,
    ),
    "an address": (r"(https://)?[a-z@.-]+\.[a-z]{2,8}(:\d+|/[a-z]+)?", 0.01, 0.08),
}


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    rng = np.random.default_rng(0)
    values = Values(lambda rng: str(rng.choice(["copper", "lantern", "orchid", "gateway"])))
    return [values.draw(rng) for _ in range(3000)]


@pytest.mark.parametrize(("form", "least", "most"), FORMS.values(), ids=FORMS)
def test_every_form_has_its_share(drawn: list[str], form: str, least: float, most: float) -> None:
    share = sum(bool(re.fullmatch(form, value)) for value in drawn) / len(drawn)
    assert least <= share <= most


def test_a_value_fits_an_answer_and_can_be_told_from_what_stands_beside_it(drawn: list[str]) -> None:
    assert all(value and len(value) <= 60 and value == value.strip() for value in drawn)
    assert not any(set(value) & set('\n;"|') for value in drawn)
    assert set("".join(drawn)) <= set(ALPHABET)


def test_the_generator_decides() -> None:
    def ten(seed: int) -> list[str]:
        rng, values = np.random.default_rng(seed), Values(spoken)
        return [values.draw(rng) for _ in range(10)]

    assert ten(1) == ten(1)
    assert ten(1) != ten(2)
