"""What fading keeps is counted character by character: against a model that spoils a known share of each page."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from optical_memory.evaluation.fading import (
    AGE_ALONE,
    CUT,
    DEFAULT,
    LEDGER,
    SALIENT,
    SCHEDULES,
    evaluate_fading,
    tight_contexts,
)
from optical_memory.evaluation.histories import Conversation, conversations_in
from optical_memory.evaluation.planting import Marked, age_bins, exact, legible_in, plant
from optical_memory.memory.context import TextPart
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.store import TokenStore
from optical_memory.memory.turn import parse_history
from optical_memory.model import Model
from optical_memory.modes import TINY
from tests.evaluation.conversations import write_meetings
from tests.memory.fake import FakeModel, conversation, memory_of


def test_planted_and_natural_strings_stand_where_they_are_said_to() -> None:
    planted = plant(conversation(60, 800), np.random.default_rng(1))
    texts = {turn.id: turn.text for turn in planted.turns}
    for mark in (*planted.planted, *planted.natural):
        assert texts[mark.turn][mark.start :].startswith(mark.text)
    working = {mark.turn for mark in planted.planted}
    assert len(planted.planted) == 4 * len(working)
    assert 0.1 < len(working) / 60 < 0.45


def test_legible_is_what_is_read_right() -> None:
    history = conversation(20, 3000)
    memory = memory_of(FakeModel(spoilt={"Tiny": 0.25}), schedule=ForgettingSchedule(((0, TINY),)), keep_last=2)
    context = memory.compress(history)
    turns = parse_history(history)
    legible = legible_in(turns, context.parts)
    assert all(legible[turn.id].all() for turn in turns[-2:])
    drawn = np.concatenate([legible[turn.id] for turn in turns[:-2]])
    assert drawn.mean() == pytest.approx(0.75, abs=0.02)
    wrong = np.flatnonzero(~legible["turn-0"])[0]
    marks = [Marked("turn-0", int(wrong), "x"), Marked("turn-19", 5, "xyz")]
    assert exact(marks, legible).tolist() == [False, True]


def test_what_is_not_in_the_context_is_not_legible() -> None:
    turns = parse_history(conversation(3, 100))
    legible = legible_in(turns, [TextPart(turns[1], "kept", 10, 60)])
    assert [int(legible[turn.id].sum()) for turn in turns] == [0, 50, 0]


def test_ages_fall_into_bins() -> None:
    turns = parse_history(conversation(200, 10))
    assert age_bins(turns, ["turn-199", "turn-191", "turn-168", "turn-71", "turn-0"]).tolist() == [0, 1, 1, 3, 3]


def test_every_system_is_told_and_adds_up(tmp_path: Path) -> None:
    model = cast(Model, FakeModel(spoilt={"Tiny": 0.01, "Small": 0.02}))
    conversations = [
        *conversations_in(write_meetings(tmp_path)),
        Conversation("QMSum", "long", tuple(conversation(90, 900))),
    ]
    figures = {(figure.system, figure.metric): figure for figure in evaluate_fading(model, conversations)}
    systems = {system for system, _ in figures}
    assert systems == {*SCHEDULES, CUT, SALIENT, AGE_ALONE, LEDGER}
    value = {key: figure.value for key, figure in figures.items()}
    assert value["none", "tokens"] == value["all Large", "tokens"] > value["all Tiny", "tokens"]
    assert value["all Large", "characters legible"] == 1.0
    assert 0.985 < value["all Tiny", "characters legible"] < 1.0
    assert value[CUT, "tokens"] <= value[DEFAULT, "tokens"]
    assert value[CUT, "characters legible"] < value[DEFAULT, "characters legible"]
    assert value[SALIENT, "tokens"] <= value["all Tiny", "tokens"]
    assert value[LEDGER, "tokens over the pages' text"] <= 0.11
    bins = [figure for (system, metric), figure in figures.items() if system == DEFAULT and "legible," in metric]
    total = figures[DEFAULT, "characters legible"]
    assert sum(figure.n for figure in bins) == total.n
    assert sum(figure.n * figure.value for figure in bins) == pytest.approx(total.n * total.value)


def test_salience_keeps_what_age_alone_lets_go() -> None:
    """Records in old turns of a long talk, and room for half of the pages."""
    planted = plant(conversation(160, 900), np.random.default_rng(3))
    model, store = cast(Model, FakeModel()), TokenStore()
    tiny = memory_of(FakeModel(), schedule=ForgettingSchedule(((0, TINY),)), store=store).compress(planted.turns)
    shares, tokens = {}, {}
    for name, context in tight_contexts(model, planted, store, tiny):
        shares[name] = exact(planted.planted, legible_in(planted.turns, context.parts)).mean()
        tokens[name] = context.report.tokens_after
    assert tokens[SALIENT] == tokens[AGE_ALONE] < tiny.report.tokens_after
    assert shares[SALIENT] >= shares[AGE_ALONE] + 0.2
