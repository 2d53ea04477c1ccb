"""Conversations are found in any folder of JSON, and what is no conversation is passed over."""

import json
from pathlib import Path
from typing import Any

import pytest

from optical_memory.errors import InvalidHistoryError
from optical_memory.trials.conversations import read_conversations
from optical_memory.trials.pairs import faults
from optical_memory.trials.shapes import as_anthropic, as_responses
from tests.memory.fake import conversation
from tests.view.histories import Event, write


def save(folder: Path, name: str, value: Any) -> None:
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def test_every_kind_of_file_is_read_and_the_rest_passed_over(tmp_path: Path) -> None:
    talk = {f"session_{n}": [{"speaker": s, "text": f"{n} {s}"} for s in ("Ann", "Bob")] for n in (10, 2, 1)}
    logged = [{"role": "user", "content": "a", "agent": "main", "thought": None}] * 4
    save(tmp_path, "a.json", {"messages": conversation(6)})
    save(tmp_path, "b.traj", {"history": logged, "trajectory": [{"query": logged}] * 3})
    save(tmp_path, "c.json", [{"conversation": talk, "qa": [1, 2]}, {"conversation": talk}])
    save(tmp_path, "d.jsonl", "\n".join(json.dumps({"messages": conversation(5)}) for _ in range(2)))
    for name, text in (
        ("short.json", conversation(2)),
        ("no.json", "{"),
        ("x.txt", "hello"),
        ("list.json", [1, [], {}]),
    ):
        save(tmp_path, name, text)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    found = read_conversations(tmp_path)
    assert [item.name for item in found] == ["a.json", "b.traj", "c.json #1", "c.json #2", "d.jsonl #1", "d.jsonl #2"]
    assert found[1].messages[0] == {"role": "user", "content": "a"} and len(found[1].messages) == 4
    assert [message["content"] for message in found[2].messages] == [
        f"{n} {s}" for n in (1, 2, 10) for s in ("Ann", "Bob")
    ]
    assert [message["role"] for message in found[2].messages[:2]] == ["user", "assistant"]


def test_results_name_their_calls_and_ids_are_used_once(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    step = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "r", "tool_call_ids": ["c"]},
    ]
    save(tmp_path, "a.json", [{"role": "user", "content": "go"}, *step, *step, *step])
    (found,) = read_conversations(tmp_path)
    assert [m["tool_call_id"] for m in found.messages if m["role"] == "tool"] == ["c", "c-2", "c-3"]
    assert faults({"messages": found.messages}) == []


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match="no conversation in"):
        read_conversations(tmp_path)


def test_the_other_shapes_keep_every_pair() -> None:
    messages = write(
        [Event("system"), Event("user"), Event("tools", 400, 3), Event("assistant"), Event("tools")], "openai"
    )
    items = as_responses(messages)
    system, blocks = as_anthropic(messages)
    assert faults({"input": items}) == faults({"messages": blocks}) == []
    assert sum(item["type"] == "function_call_output" for item in items) == 4
    assert system and [block["role"] for block in blocks] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "assistant",
        "user",
    ]
