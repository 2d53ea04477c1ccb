"""Answers to the character: what counts as right, and that the passage which recall hands over is told apart from the answer."""

import pytest

from optical_memory.evaluation.answers import KINDS, evaluate_answers
from optical_memory.evaluation.haystack import hiding_place
from optical_memory.evaluation.report import Figure
from optical_memory.model import Model
from optical_memory.modes import TINY

QUESTIONS = 2


def figures_of(model: Model) -> dict[tuple[str, str], Figure]:
    figures = evaluate_answers(model, hiding_place(None), QUESTIONS, 1, TINY)
    return {(figure.task.split(", ")[1], figure.metric): figure for figure in figures}


@pytest.mark.parametrize(("said", "there", "missing"), [("not found", 0.0, 1.0), ("", 0.0, 0.0)])
def test_a_refusal_is_right_where_there_is_nothing_and_only_there(
    bundled_model: Model, monkeypatch: pytest.MonkeyPatch, said: str, there: float, missing: float
) -> None:
    monkeypatch.setattr(Model, "answer", lambda *_: said)
    figures = figures_of(bundled_model)
    for kind in KINDS:
        assert figures["single", f"right, exact, {kind}"].value == there
        assert figures["absent", f"right, exact, {kind}"].value == missing
        assert figures["single", f"held by the passage, {kind}"].value == 1.0


@pytest.mark.parametrize(("tail", "share"), [("", 1.0), (" and more", 0.0)])
def test_the_value_alone_is_right(
    bundled_model: Model, monkeypatch: pytest.MonkeyPatch, tail: str, share: float
) -> None:
    def told(_model: Model, parts: list[str], _question: str, _room: int, *_rest: object) -> str:
        return parts[-1].split(" is: ")[-1].split(".")[0] + tail

    monkeypatch.setattr(Model, "answer", told)
    figures = figures_of(bundled_model)
    assert {figures["single", f"right, exact, {kind}"].value for kind in KINDS} == {share}
    assert all(figure.n == QUESTIONS for figure in figures.values())
