"""Conversation files are told apart by what is in them."""

from pathlib import Path

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.histories import conversations_in, first_of_each
from optical_memory.memory.turn import parse_history
from tests.evaluation.conversations import write_chat, write_dialogue, write_meetings, write_trajectory


def test_every_kind_is_found_and_can_be_compressed(tmp_path: Path) -> None:
    for write in (write_dialogue, write_meetings, write_trajectory, write_chat):
        write(tmp_path)
    found = conversations_in(tmp_path)
    assert [one.kind for one in found] == ["chat", "LoCoMo", "QMSum", "QMSum", "SWE-agent"]
    assert all(parse_history(one.messages) for one in found)
    assert [one.name for one in first_of_each(found, 1)] == ["chat", "one", "meeting-0", "run"]


def test_a_dialogue_has_dates_names_pictures_and_the_evidence_that_is_there(tmp_path: Path) -> None:
    (dialogue,) = conversations_in(write_dialogue(tmp_path))
    turns = parse_history(dialogue.messages)
    assert turns[0].text.startswith("Ann: [1:00 pm on 1 May, 2023] ")
    assert turns[0].text.endswith("[picture: a dog on a beach]")
    assert turns[1].role == "assistant" and turns[1].id == "D1:2"
    assert dialogue.questions[0].evidence == ("D1:6",)
    assert all(question.evidence for question in dialogue.questions)


def test_results_of_a_trajectory_belong_to_their_calls(tmp_path: Path) -> None:
    (run,) = conversations_in(write_trajectory(tmp_path))
    turns = parse_history(run.messages)
    assert [turn.answers for turn in turns if turn.role == "tool"] == [f"c{step}" for step in range(8)]
    assert turns[0].role == "system" and turns[2].tool_calls


def test_a_folder_without_conversations_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match="no conversation"):
        conversations_in(tmp_path)
