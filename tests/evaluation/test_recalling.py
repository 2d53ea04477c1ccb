"""Evidence recall: counted as it should be, and the memory's own index stands beside plain BM25 and chance."""

import json
from pathlib import Path

import numpy as np
import pytest

from optical_memory.cli import main
from optical_memory.evaluation.histories import Conversation, Question, conversations_in
from optical_memory.evaluation.recall import GRID, SYSTEMS, evaluate_recall
from tests.evaluation.conversations import write_chat, write_dialogue
from tests.memory.fake import conversation


def test_every_system_is_measured_over_all_and_over_the_held_out_half(tmp_path: Path) -> None:
    conversations = conversations_in(write_dialogue(tmp_path)) * 2
    figures = evaluate_recall(conversations, num_pages=50)
    shares = {(figure.task, figure.system): figure for figure in figures}
    assert {system for _, system in shares} == {*SYSTEMS, "pages at random"}
    num_questions = len(conversations[0].questions)
    assert shares["recall, all", "fused"].n == 2 * num_questions
    assert shares["recall, held out", "fused"].n == num_questions
    assert shares["recall, all", "fused"].value > shares["recall, all", "pages at random"].value + 0.2
    (timed,) = [figure for figure in figures if figure.metric.startswith("milliseconds")]
    assert "50 pages" in timed.metric and 0 < timed.low <= timed.value <= timed.high


def test_evidence_is_a_share_of_the_turns_named() -> None:
    """Ten pages, one turn each; the question names a turn that it describes and one that it does not."""
    messages = [dict(message, id=f"t{number}") for number, message in enumerate(conversation(10, GRID.num_cells - 1))]
    messages[3]["content"] = messages[3]["content"][:3000] + " xylophone marimba"
    asked = (Question("xylophone marimba", ("t3", "t8")),)
    figures = evaluate_recall([Conversation("chat", "one", tuple(messages), asked)], num_pages=0, limit=1)
    found = {figure.system: figure.value for figure in figures}
    assert [found[system] for system in SYSTEMS] == [0.5] * len(SYSTEMS)
    assert found["pages at random"] == pytest.approx(0.1, abs=0.01)


def test_a_conversation_without_questions_is_asked_for_its_own_turns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chat(tmp_path)
    assert main(["evaluate", "recall", "--data", str(tmp_path), "--pages", "0", "--limit", "2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert {figure["metric"] for figure in figures} == {"evidence recall@2"}
    assert {figure["n"] for figure in figures} == {20}
    assert np.mean([figure["value"] for figure in figures]) <= 1.0
