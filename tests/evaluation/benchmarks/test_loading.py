"""Each benchmark's form is read as it is meant: evidence at its turn, wrong golds left out, scores by hand."""

from pathlib import Path

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.benchmarks.babi import Babi, read_stories
from optical_memory.evaluation.benchmarks.benchmark import Question, evidence_recall
from optical_memory.evaluation.benchmarks.bfcl import BfclMemory
from optical_memory.evaluation.benchmarks.locomo import LoCoMo
from optical_memory.evaluation.benchmarks.qmsum import QmSum
from optical_memory.evaluation.systems.protocol import Passage
from tests.evaluation.benchmarks import forms

TEXT = "The keeper wiped the glass at noon. He oiled the clockwork. Then he waited, and the boats came home. " * 30


def test_locomo_leaves_wrong_golds_out_and_puts_citations_right(tmp_path: Path) -> None:
    (conversation,) = LoCoMo().load(forms.locomo(tmp_path))
    assert [turn["role"] for turn in conversation.history] == ["user", "assistant", "assistant"]
    assert conversation.history[0]["content"].startswith("[9:00 am on 3 March, 2021]\nAda: I adopted")
    assert conversation.history[1]["content"].endswith("[shares a kayak]")
    assert [question.text for question in conversation.questions] == [
        "What is Ada's cat called?", "Where did Ben's sister live?", "What did Ben buy?", "What did Ada paint?",
    ]  # fmt: skip
    assert [question.evidence[0].turn for question in conversation.questions] == [0, 2, 1, 1]


def test_locomo_scores_by_category(tmp_path: Path) -> None:
    cat, cities, _, adversarial = LoCoMo().load(forms.locomo(tmp_path))[0].questions
    score = LoCoMo().score
    assert score(cat, "The cat is Pepper.") == {"token F1": pytest.approx(2 * 1 / (3 + 1)), "answer contained": 1.0}
    assert score(cities, "Lisbon, Madrid")["token F1"] == pytest.approx(0.5), "each city's best match, averaged"
    assert score(adversarial, "No information available") == {"refused rightly": 1.0}
    assert score(adversarial, "a wall") == {"refused rightly": 0.0}


def test_babi_is_scattered_in_order_over_other_text(tmp_path: Path) -> None:
    found = Babi(TEXT, (400,), per_task=3).load(forms.babi(tmp_path))
    assert len(found) == 3
    for conversation in found:
        (question,) = conversation.questions
        assert question.labels == {"bathroom", "garden", "attic"}
        for evidence in question.evidence:
            assert evidence.text in conversation.history[evidence.turn]["content"]
    text = "".join(turn["content"] for c in found if c.questions[0].answers == ("garden",) for turn in c.history)
    assert text.index("Mary moved to the bathroom.") < text.index("John went") < text.index("Mary went to the garden.")
    assert [c.history for c in Babi(TEXT, (400,), 3).load(tmp_path)] == [c.history for c in found], "by its seed"


def test_babi_takes_only_the_label_that_the_question_did_not_hold() -> None:
    question = Question("Where is Mary?", ("garden",), (), "qa1", frozenset({"garden", "attic", "bathroom"}))
    score = Babi(TEXT).score
    assert score(question, "Mary went to the garden.") == {"right": 1.0}
    assert score(question, "In the garden or the attic.") == {"right": 0.0}
    asked = Question("Is Mary in the attic or the garden?", ("garden",), (), "qa1", question.labels)
    assert score(asked, "Not the attic: the bathroom.") == {"right": 0.0}
    several = Question("What is Mary carrying?", ("apple,milk",), (), "qa8", frozenset({"apple", "milk", "nothing"}))
    assert score(several, "the milk and the apple") == {"right": 1.0}
    assert score(several, "the milk") == {"right": 0.0}


def test_bfcl_finds_the_source_and_takes_any_answer(tmp_path: Path) -> None:
    (conversation,) = BfclMemory().load(forms.bfcl(tmp_path))
    name, age = conversation.questions
    assert name.evidence[0].turn == 0 and age.evidence == ()
    assert BfclMemory().score(age, "You are thirty-five!") == {"answer contained": 1.0}
    assert BfclMemory().score(age, "You are 3,500.") == {"answer contained": 0.0}


def test_qmsum_takes_both_ends_of_a_span(tmp_path: Path) -> None:
    (conversation,) = QmSum().load(forms.qmsum(tmp_path))
    specific, general = conversation.questions
    assert [evidence.turn for evidence in specific.evidence] == [0, 1] and general.evidence == ()
    assert QmSum().score(specific, "A blue boat")["token F1 (ROUGE-1)"] == 1.0


def test_evidence_counts_where_nearly_all_its_words_reach_the_reader(tmp_path: Path) -> None:
    (conversation,) = QmSum().load(forms.qmsum(tmp_path))
    question = conversation.questions[0]
    whole = [Passage(0, "Ann: Shall we choose "), Passage(0, "the blue boat?"), Passage(1, "Yes, the")]
    assert evidence_recall(question, whole) == 0.5
    assert evidence_recall(question, [Passage(2, "Ann: Shall we choose the blue boat?")]) == 0.0, "of another turn"
    assert evidence_recall(question, []) == 0.0


def test_files_of_another_form_are_named(tmp_path: Path) -> None:
    (tmp_path / "locomo.json").write_text("{")
    with pytest.raises(InvalidHistoryError, match=r"locomo.json is not JSON"):
        LoCoMo().load(tmp_path)
    (tmp_path / "locomo.json").write_text('[{"talk": []}]')
    with pytest.raises(InvalidHistoryError, match="'conversation' is missing"):
        LoCoMo().load(tmp_path)
    (tmp_path / "qa1_x_test.txt").write_text("Mary is here.\n")
    with pytest.raises(InvalidHistoryError, match="is not of bAbI's form"):
        read_stories(tmp_path / "qa1_x_test.txt")
    assert QmSum().load(tmp_path) == [] == BfclMemory().load(tmp_path)
