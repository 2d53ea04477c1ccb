"""Quests, haystacks and verdicts: facts about what is planted and how an answer is judged."""

from pathlib import Path

import numpy as np
import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.extraction import look_up
from optical_memory.evaluation.haystack import Haystack, cycle, draw_trial, read_folder
from optical_memory.evaluation.needles import ADJECTIVES, NOUNS, NUM_SIBLINGS, TASKS, VALUES, draw_quest, verdict
from optical_memory.language.tokenizer import count_text_tokens

TEXT = "The keeper wiped the glass at noon. He oiled the clockwork. Then he waited, and the boats came home. " * 30


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("task", TASKS)
def test_the_reader_answers_every_quest_from_the_whole_text(kind: str, task: str) -> None:
    trial = draw_trial(cycle(TEXT, 800), kind, task, 0.4, np.random.default_rng(5))
    delivered = "".join(turn["content"] for turn in trial.history)
    answer, certainty = look_up(delivered, trial.quest.question)
    assert verdict(answer, certainty, trial.quest) == "right"
    assert len(trial.quest.references) == {"absent": 0, "multi-value": NUM_SIBLINGS, "multi-query": NUM_SIBLINGS}.get(
        task, 1
    )


def test_a_single_needle_that_is_cut_away_is_refused() -> None:
    quest = draw_quest("uuid", "single", np.random.default_rng(0))
    assert verdict(*look_up(TEXT, quest.question), quest) == "refused"


def test_verdicts_tell_silent_errors_apart() -> None:
    quest = draw_quest("number", "single", np.random.default_rng(1))
    assert verdict(quest.references[0], 0.1, quest) == "right"
    assert verdict("1234", 0.9, quest) == "silently wrong"
    assert verdict("1234", 0.2, quest) == "wrong"
    absent = draw_quest("number", "absent", np.random.default_rng(1))
    assert verdict("not found", 1.0, absent) == "right"
    assert verdict("1234", 1.0, absent) == "silently wrong"


def test_certainty_is_that_of_the_least_sure_character_of_the_value() -> None:
    text = "One of the special magic numbers for calm-owl is: 1234567. One more."
    probabilities = np.ones(len(text), dtype=np.float32)
    probabilities[text.index("5")], probabilities[0] = 0.25, 0.01
    question = "What is the special magic number for calm-owl mentioned in the provided text?"
    assert look_up(text, question, probabilities) == ("1234567", pytest.approx(0.25))


@pytest.mark.parametrize("length", [50, 700, 3000])
def test_a_haystack_has_the_length_that_was_asked_for(length: int) -> None:
    haystack = cycle(TEXT, length)
    assert count_text_tokens([haystack.text])[0] == pytest.approx(length, rel=0.02, abs=4)


def test_needles_stand_behind_a_full_stop_at_their_depth_and_in_one_turn() -> None:
    haystack = cycle(TEXT, 2000)
    for depth in (0.0, 0.3, 1.0):
        trial = draw_trial(haystack, "code", "single", depth, np.random.default_rng(2))
        text = "".join(turn["content"] for turn in trial.history)
        place = text.index(trial.quest.statements[0])
        assert place == 1 or text[place - 2] == "." or trial.history[trial.places[0]]["content"].startswith(" One")
        assert abs(place / len(text) - depth) < 0.1
        assert sum(trial.quest.statements[0] in turn["content"] for turn in trial.history) == 1
        assert trial.quest.statements[0] in trial.history[trial.places[0]]["content"]


@pytest.mark.parametrize("task", TASKS)
def test_a_haystack_changes_only_where_needles_stand(task: str) -> None:
    haystack = cycle(TEXT, 2000)
    assert "".join(haystack.turns) == haystack.text
    trial = draw_trial(haystack, "path", task, 0.5, np.random.default_rng(3))
    contents = [turn["content"] for turn in trial.history]
    assert [len(content) for content in contents] == [len(turn) for turn in haystack.turns]
    changed = [place for place, turn in enumerate(haystack.turns) if contents[place] != turn]
    assert changed == sorted(trial.places) and len(changed) == len(trial.quest.statements)


def test_a_needle_that_stands_there_by_chance_is_drawn_again() -> None:
    first = draw_quest("word", "single", np.random.default_rng(7))
    haystack = cycle(f"Something about {first.keys[0]}. " + TEXT, 500)
    trial = draw_trial(haystack, "word", "single", 0.5, np.random.default_rng(7))
    assert trial.quest.keys != first.keys


def test_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match="holds no UTF-8 text"):
        read_folder(tmp_path)
    with pytest.raises(InvalidHistoryError, match="at least one text token"):
        cycle(TEXT, 0)
    with pytest.raises(InvalidHistoryError, match="what was given is empty"):
        cycle(" \n", 100)
    with pytest.raises(InvalidHistoryError, match="has room for 2 needles of the kind word; multi-key plants 4"):
        draw_trial(cycle(TEXT, 250), "word", "multi-key", 0.5, np.random.default_rng(0))
    every_key = " ".join(f"{adjective}-{noun}" for adjective in ADJECTIVES for noun in NOUNS)
    with pytest.raises(InvalidHistoryError, match="50 needles in a row stood in the haystack by chance"):
        draw_trial(Haystack(every_key, 30_000), "word", "single", 0.5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="got poem, single"):
        draw_quest("poem", "single", np.random.default_rng(0))
