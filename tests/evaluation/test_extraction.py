"""The reader that all systems share: what it takes, what it refuses, how sure it is."""

import numpy as np
import pytest

from optical_memory.evaluation.extraction import answer_from, joined, look_up
from optical_memory.evaluation.systems.protocol import Passage


def test_passages_are_joined_turn_by_turn() -> None:
    passages = [Passage(3, "c"), Passage(1, "a"), Passage(1, "b", np.array([0.5], dtype=np.float32))]
    text, probabilities = joined(passages)
    assert text == "ab\nc\n"
    assert probabilities.tolist() == [1.0, 0.5, 1.0, 1.0, 1.0]
    assert joined([])[0] == ""


def test_the_sentence_with_the_telling_words_answers() -> None:
    text = "Ada: The cat is called Pepper. It sleeps.\nBen: I bought a kayak. It is red.\nAda: The weather is fine.\n"
    assert look_up(text, "What is the cat called?")[0].strip() == "Ada: The cat is called Pepper."
    assert look_up(text, "What did Ben buy, the kayak?")[0].strip() == "Ben: I bought a kayak."
    assert look_up(text, "Which submarine was painted yesterday?")[0] == "not found"
    assert look_up("", "What is the cat called?") == ("not found", 1.0)


def test_of_equal_sentences_the_latest_answers() -> None:
    text = "Mary went to the attic.\nNothing happened.\nMary went to the garden.\nNothing again.\n"
    assert look_up(text, "Where is Mary?")[0] == "Mary went to the garden."


def test_the_answer_is_as_certain_as_its_least_sure_character() -> None:
    probabilities = np.array([0.9, 0.2, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9], dtype=np.float32)
    answer = answer_from([Passage(0, "Pip ran."), Passage(1, "It rained.")], "Who was Pip?", 7)
    assert (answer.text, answer.certainty, answer.tokens) == ("Pip ran.", 1.0, 7)
    unsure = answer_from([Passage(0, "Pip ran.", probabilities), Passage(1, "It rained.")], "Who was Pip?", 7)
    assert unsure.certainty == pytest.approx(0.2)
