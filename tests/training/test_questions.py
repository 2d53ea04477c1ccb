"""Quizzes: answers stand in their passages, what is not there is asked for as often as wanted, and is not there."""

import numpy as np
import pytest

from optical_memory.config import ALPHABET
from optical_memory.language.quoting import REFUSAL
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.names import Names
from optical_memory.training.page_text import PageText
from optical_memory.training.questions import Examiner

WORDS = "lorem ipsum dolor sit amet consectetur "
CHARACTERS = Alphabet.of(ALPHABET)


@pytest.fixture
def text() -> PageText:
    return PageText(CHARACTERS.encode(WORDS * 100), CHARACTERS, 0.0)


@pytest.mark.parametrize(("absent_share", "alike_share"), [(0.15, 0.0), (0.45, 0.5)])
def test_answers_stand_in_their_passage_unless_absent(text: PageText, absent_share: float, alike_share: float) -> None:
    examiner = Examiner(text, absent_share, alike_share)
    rng = np.random.default_rng(1)
    absent = 0
    for _ in range(200):
        quiz = examiner.quiz(400, 4, rng)
        for _, answer in quiz.questions:
            absent += answer == REFUSAL
            assert answer == REFUSAL or answer in quiz.passage
    assert absent == pytest.approx(200 * 4 * absent_share, rel=0.15)


def test_a_passage_without_facts_is_asked_for_what_is_not_there(text: PageText) -> None:
    quiz = Examiner(text, 0.0, 0.0).quiz(100, 0, np.random.default_rng(0))
    assert [answer for _, answer in quiz.questions] == [REFUSAL]
    assert quiz.passage.strip() in WORDS * 10


def test_facts_alike_are_of_the_same_thing_of_other_owners(text: PageText) -> None:
    rng = np.random.default_rng(3)
    examiner = Examiner(text, 0.0, 1.0)
    for _ in range(20):
        facts = examiner._draw_facts(4, True, rng)
        assert len({thing for _, thing in facts}) == 1
        assert len({owner for owner, _ in facts}) == 4


@pytest.mark.parametrize(("are_alike", "least", "most"), [(False, 0, 2), (True, 10, 400)])
def test_some_facts_that_are_alike_have_names_made_from_one_another(
    text: PageText, are_alike: bool, least: int, most: int
) -> None:
    rng = np.random.default_rng(6)
    examiner = Examiner(text, 0.0, 1.0)
    facts = [fact for _ in range(100) for fact in examiner._draw_facts(4, are_alike, rng).items()]
    common = set(WORDS.split())  # these two names may share by chance
    shared = [set(owner.split("-")) & set(value.split("-")) - common for (owner, _), value in facts]
    assert least <= sum(map(bool, shared)) <= most


@pytest.mark.parametrize(("near_share", "least", "most"), [(0.0, 0.0, 0.08), (0.6, 0.5, 0.7), (1.0, 0.95, 1.0)])
def test_as_many_missing_owners_as_wanted_are_easily_taken_for_one_that_is_there(
    text: PageText, near_share: float, least: float, most: float
) -> None:
    examiner = Examiner(text, 0.0, 0.0, near_share)
    facts = {("copper-gate", "port"): "1"}
    rng = np.random.default_rng(8)
    missing = [examiner._draw_missing(facts, rng) for _ in range(300)]
    near = [
        owner
        for owner, _ in missing
        if owner != "copper-gate" and (set(owner.split("-")) & {"copper", "gate"} or len(owner) == len("copper-gate"))
    ]
    assert all(pair not in facts for pair in missing)
    assert least <= len(near) / len(missing) <= most


def test_every_key_is_asked_for_once(text: PageText) -> None:
    quiz = Examiner(text, 0.0, 0.0).pairs(200, np.random.default_rng(2))
    assert len(quiz.questions) > 3
    assert sorted(f"{key}: {value}" for key, value in quiz.questions) == sorted(quiz.passage.split("; "))


def test_a_near_name_differs_in_a_part_or_a_letter(text: PageText) -> None:
    names, rng = Names(text), np.random.default_rng(4)
    for _ in range(200):
        near = names.near("copper-gate", rng)
        halves = near.split("-")
        letters = sum(one != other for one, other in zip(near, "copper-gate", strict=False))
        assert "copper" in halves or "gate" in halves or (len(near) == len("copper-gate") and letters <= 1)


def test_a_near_name_of_two_words_keeps_what_joins_them(text: PageText) -> None:
    names, rng = Names(text), np.random.default_rng(9)
    near = [names.near("build server", rng).split(" ") for _ in range(100)]
    halves = [parts for parts in near if len(parts) == 2 and ("build" in parts) != ("server" in parts)]
    assert len(halves) > 50


def test_words_of_the_corpus_become_names(text: PageText) -> None:
    names, rng = Names(text), np.random.default_rng(5)
    owners = [names.owner(rng) for _ in range(200)]
    both = [owner for owner in owners if all(half in WORDS.split() for half in owner.split("-")) and "-" in owner]
    assert 20 < len(both) < 80
