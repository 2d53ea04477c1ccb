"""Facts as they are told and asked for."""

import numpy as np
import pytest

from optical_memory.training.actions import ACTIONS, Action, draw_action
from optical_memory.training.phrasing import Phrase, ask, shortened

SEVERAL = "seven lanterns"


def _told(thing: object, value: str, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    things = (thing if thing is not None else draw_action("port", rng) for _ in range(500))
    return [Phrase.draw(rng).tell("archive", one, value, "8", rng) for one in things]  # type: ignore[arg-type]


@pytest.mark.parametrize("thing", ["hint", None], ids=["what it has", "what it does"])
def test_a_statement_holds_owner_and_value(thing: str | None) -> None:
    told = _told(thing, SEVERAL, 10)
    assert all("archive" in statement.lower() and SEVERAL in statement for statement in told)
    assert not any("{owner" in statement or "{value" in statement for statement in told)


@pytest.mark.parametrize("thing", ["hint", None], ids=["what it has", "what it does"])
def test_several_words_at_the_edge_of_a_statement_stand_on_a_line_of_their_own(thing: str | None) -> None:
    told = _told(thing, SEVERAL, 11)
    begins = [statement for statement in told if statement.strip().startswith(SEVERAL)]
    ends = [statement for statement in told if statement.strip().endswith(SEVERAL)]
    assert len(begins) > 2
    assert all(statement.startswith("\n") for statement in begins)
    assert all(statement.endswith("\n") for statement in ends)


@pytest.mark.parametrize(("value", "least", "most"), [("4831", 0.1, 0.25), (SEVERAL, 0.2, 0.5)])
def test_other_statements_stand_in_a_line_of_text(value: str, least: float, most: float) -> None:
    told = _told("hint", value, 12)
    assert least <= sum(statement.startswith("\n") for statement in told) / len(told) <= most


@pytest.mark.parametrize(
    "action", [draw_action("port", np.random.default_rng(seed)) for seed in range(60)], ids=range(60)
)
def test_an_action_made_from_verbs_can_be_told_and_asked_for(action: Action) -> None:
    assert action.told.count("{value}") == action.told.count("{owner}") == 1
    assert all(question.count("{owner}") == 1 and question.endswith("?") for question in action.asked)
    assert not any("{value}" in question or "{other}" in question for question in action.asked)


@pytest.mark.parametrize("action", ACTIONS, ids=[action.told for action in ACTIONS])
def test_a_question_for_an_action_names_its_owner_and_not_its_value(action: object) -> None:
    rng = np.random.default_rng(14)
    asked = [ask("build server", action, rng) for _ in range(20)]  # type: ignore[arg-type]
    assert all("build server" in question and "{" not in question for question in asked)
    assert len(set(asked)) > 3


def test_some_questions_leave_out_of_what_kind_a_thing_is() -> None:
    rng = np.random.default_rng(13)
    asked = [shortened("spare backup port", rng) for _ in range(500)]
    assert set(asked) == {"spare backup port", "port"}
    assert 0.08 < asked.count("port") / len(asked) < 0.25
    assert all(shortened(action, rng) is action for action in ACTIONS)


def test_no_article_stands_before_another() -> None:
    rng = np.random.default_rng(15)
    asked = [ask("my sister", action, rng) for action in ACTIONS]
    assert not any("the my" in question for question in asked)
