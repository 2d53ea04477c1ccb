"""Facts told in passing: the list is fair, and what is asked is what was told."""

import re

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.facts import FACTS, Fact
from optical_memory.evaluation.haystack import hiding_place
from optical_memory.evaluation.told import evaluate_facts
from optical_memory.model import Model
from optical_memory.modes import TINY


@pytest.mark.parametrize("fact", FACTS, ids=[fact.value for fact in FACTS])
def test_a_fact_can_be_looked_up_and_what_is_missing_cannot(fact: Fact) -> None:
    others = [other.told for other in FACTS if other is not fact]
    assert fact.value in fact.told
    assert fact.value not in fact.question
    assert not any(re.search(rf"\b{re.escape(fact.value)}\b", told) for told in others)
    assert len(_beginnings(fact.question) & _beginnings(fact.told)) >= 2
    assert not any(
        _beginnings(fact.missing) - {"what", "wher", "whic"} <= _beginnings(told) for told in (fact.told, *others)
    )


@pytest.mark.parametrize(
    ("tail", "exact", "among"), [("", 1.0, 1.0), (".", 1.0, 1.0), (" and more", 0.0, 1.0), ("\b", 0.0, 0.0)]
)
def test_the_value_counts_with_a_full_stop_at_the_most(
    bundled_model: Model, monkeypatch: pytest.MonkeyPatch, tail: str, exact: float, among: float
) -> None:
    values = {fact.question: fact.value for fact in FACTS}

    def told(_model: Model, _parts: list[str], question: str, _room: int, *_rest: object) -> str:
        value = values.get(question, "not found")
        return value[:-1] if tail == "\b" else value + tail

    monkeypatch.setattr(Model, "answer", told)
    figures = evaluate_facts(bundled_model, hiding_place(None), 1, TINY, facts=FACTS[:4])
    shares = {
        figure.metric.removesuffix(", all"): figure.value for figure in figures if figure.metric.endswith(", all")
    }
    assert shares == {
        "right, exact": exact,
        "right, among other words": among,
        "held by the passage": 1.0,
        "refused where nobody told": float(tail == ""),
    }


def test_what_was_looked_at_in_training_is_told_apart(bundled_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = (*FACTS[:2], *FACTS[-3:])
    values = {fact.question: fact.value for fact in facts if not fact.was_looked_at}
    monkeypatch.setattr(Model, "answer", lambda _model, _parts, question, *_: values.get(question, "not found"))
    figures = {
        figure.metric: figure for figure in evaluate_facts(bundled_model, hiding_place(None), 1, TINY, facts=facts)
    }
    told = {name: figures[f"right, exact, {name}"] for name in ("all", "looked at in training", "not looked at")}
    assert {name: (figure.value, figure.n) for name, figure in told.items()} == {
        "all": (0.6, 5),
        "looked at in training": (0.0, 2),
        "not looked at": (1.0, 3),
    }


def test_more_facts_than_turns_are_refused(bundled_model: Model) -> None:
    with pytest.raises(InvalidHistoryError, match="80 facts want one each"):
        evaluate_facts(bundled_model, hiding_place(None), 1, TINY)


def _beginnings(text: str) -> set[str]:
    """Of every word, what stays when it is inflected, mostly."""
    return {word[:4] for word in re.findall(r"\w+", text.lower())}
