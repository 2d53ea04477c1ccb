"""Spans and strings on the command line, with the real model: fidelity turn by turn, a ledger beside each picture."""

import json
from pathlib import Path
from typing import Any

import pytest

from optical_memory.cli import main
from optical_memory.memory.legend import LETTER_FOR_LETTER
from tests.memory.fake import prose

TOKEN = "9b1c77d0-42aa-4c1e-8f2e-0d7c5a1be001"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.json"
    history = [{"role": ("user", "assistant")[turn % 2], "content": prose(900, turn)} for turn in range(12)]
    history[2]["content"] += f" The archive token is {TOKEN}."
    path.write_text(json.dumps(history))
    return path


def test_spans_and_ledger_of_a_compressed_file(talk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pages"
    assert main(["compress", str(talk), "--device", "cpu", "--spans", "--ledger", "0.1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "turn-2 user, characters 0 to" in printed and "%" in printed
    messages = (out / "messages.json").read_text()
    assert LETTER_FOR_LETTER in messages and TOKEN in messages


def test_spans_as_json(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*arguments: str) -> Any:
        assert main([*arguments, "--json", "--device", "cpu"]) == 0
        return json.loads(capsys.readouterr().out)

    (page, *_) = printed("read", str(talk))
    assert page["spans"][0]["turn"] == "turn-0"
    assert all(0.9 < span["fidelity"] <= 1.0 for span in page["spans"])
    (hit,) = printed("recall", str(talk), "archive token", "--limit", "1")
    assert TOKEN in hit["text"]
    assert "turn-2" in {span["turn"] for span in hit["spans"]}
    assert hit["certainty"] > 0.95
