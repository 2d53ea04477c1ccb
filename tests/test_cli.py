"""The command line as a user meets it: real model, real files, one JSON document, errors in one line."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from optical_memory.cli import conversation, main

CONVERSATION = Path(__file__).parent.parent / "examples" / "conversation.json"


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json", "--device", "cpu"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def short_conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first half of the example: a few pages."""
    path = tmp_path_factory.mktemp("conversation") / "half.json"
    path.write_text(json.dumps(json.loads(CONVERSATION.read_text())["messages"][:70]))
    return path


def test_a_sparser_grid_takes_more_tokens(short_conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = run_json(capsys, "compress", str(short_conversation))
    sparse = run_json(capsys, "compress", str(short_conversation), "--grid", "64x64")
    assert len(own["pages"]) < len(sparse["pages"])
    assert own["tokens_after"] < sparse["tokens_after"]
    assert min(page["fidelity"] for page in own["pages"]) > 0.98


def test_a_grid_that_cannot_be_read_gets_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(CONVERSATION), "--grid", "70x70"]) == 1
    assert "does not read pages of 70 x 70 cells; it reads 64 x 64, 80 x 80, 128 x 64" in capsys.readouterr().err


@pytest.mark.parametrize("wanted", ["wide", "128", "0x64"])
def test_what_is_no_grid_is_wrong_usage(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["plan", str(CONVERSATION), "--grid", wanted])
    assert f"{wanted!r} is no grid; expected columns and rows, as 128x64" in capsys.readouterr().err


def test_compress_writes_pages_and_reports(
    short_conversation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run_json(capsys, "compress", str(short_conversation), "--out", str(tmp_path / "pages"))
    assert report["tokens_before"] > 2 * report["tokens_after"] > 0
    assert report["ratio"] == pytest.approx(report["tokens_before"] / report["tokens_after"])
    assert report["seconds"] > 0
    files = sorted((tmp_path / "pages").glob("*.png"))
    assert len(files) == len(report["pages"]) > 1
    sides = {"Tiny": 512, "Small": 640, "Base": 1024, "Large": 1280}
    for file, page in zip(files, report["pages"], strict=True):
        assert {"mode", "sequence_length", "fidelity", "turns"} <= page.keys()
        with Image.open(file) as picture:
            assert picture.size == (sides[page["mode"]],) * 2
        assert page["fidelity"] > 0.98
    assert json.loads((tmp_path / "pages" / "messages.json").read_text())[0]["role"] == "system"


def test_report_is_a_table_without_json(short_conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", str(short_conversation)]) == 0
    captured = capsys.readouterr()
    assert "tokens ->" in captured.out and "page 1" in captured.out


def test_read_gives_the_text_of_a_page(short_conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (page,) = run_json(capsys, "read", str(short_conversation), "--page", "1")
    assert "Nora here, from the web team." in page["text"]
    assert len(page["probabilities"]) == len(page["text"])
    assert main(["read", str(short_conversation), "--page", "99"]) == 1
    assert "there is no page 99" in capsys.readouterr().err


def test_recall_finds_a_planted_fact(short_conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    messages = json.loads(short_conversation.read_text())
    fact = "The port of the api is 8472."
    assert any(fact in (message["content"] or "") for message in messages)
    found = run_json(capsys, "recall", str(short_conversation), "the port of the api", "--limit", "2")
    assert any(fact in page["text"] for page in found)


def test_recall_prints_turns_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turns = ["the service is on port 80", "90 replicas are fine", *[f"message {number}" for number in range(8)]]
    history = [
        {"role": ("user", "assistant")[n % 2], "content": turn * (1 if n < 2 else 20)} for n, turn in enumerate(turns)
    ]
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(history))
    assert main(["recall", str(path), "port of the service", "--limit", "1"]) == 0
    assert "on port 80\n90 replicas" in capsys.readouterr().out


def test_ask_answers_over_the_spliced_context(short_conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_json(capsys, "ask", str(short_conversation), "What is the port of the api?")
    assert answer["question"] == "What is the port of the api?"
    assert isinstance(answer["answer"], str)


def test_models_shows_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    model = json.loads(capsys.readouterr().out)
    assert model["config"]["name"] == "default"
    assert model["bytes"] <= 40_000_000


def test_plain_text_and_json_lines_work_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("\n\n".join(f"Paragraph {number} says something of its own." for number in range(60)))
    assert len(run_json(capsys, "compress", str(text))["pages"]) == 1
    lines = tmp_path / "chat.jsonl"
    lines.write_text(
        "\n".join(json.dumps({"role": "user", "content": f"message {number} " * 9}) for number in range(40))
    )
    assert len(run_json(capsys, "compress", str(lines))["pages"]) >= 1


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("broken.json", '[{"role": "user", "content": ', "is not JSON: Expecting value at line 1, column 30"),
        ("empty.json", "[]", "the history is empty"),
        ("role.json", '[{"role": "wizard", "content": "x"}]', "message 0 has role 'wizard'"),
        ("object.json", '{"model": "x"}', "holds no list of messages"),
        (
            "lines.jsonl",
            '{"role": "user", "content": "x"}\n{oops',
            "is not JSON: Expecting property name enclosed in double quotes at line 2, column 2",
        ),
    ],
)
def test_bad_files_get_one_line_that_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, expected: str
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["compress", str(tmp_path / name)]) == 1
    captured = capsys.readouterr()
    assert expected in captured.err and captured.err.count("\n") == 1
    assert captured.out == ""


def test_negative_count_is_wrong_usage(short_conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compress", str(short_conversation), "--keep-last", "-1"])
    assert stopped.value.code == 2
    assert "-1 is negative" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named_before_the_work(
    short_conversation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "_memory_of", lambda _: pytest.fail("the work was begun"))
    (tmp_path / "file").write_text("in the way")
    assert main(["compress", str(short_conversation), "--out", str(tmp_path / "file" / "pages")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("optical-memory: ") and str(tmp_path / "file") in told and told.count("\n") == 1
    assert main(["compress", str(short_conversation), "--ledger", "0.1"]) == 1
    assert "give --out" in capsys.readouterr().err


def test_a_limit_of_nothing_is_wrong_usage(short_conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["recall", str(short_conversation), "port", "--limit", "0"])
    assert stopped.value.code == 2 and "1 or more" in capsys.readouterr().err


def test_missing_file_model_and_device_are_named(
    short_conversation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compress", str(tmp_path / "absent.json")]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert main(["compress", str(short_conversation), "--model", str(tmp_path / "no.safetensors")]) == 1
    assert "no checkpoint at" in capsys.readouterr().err
    assert main(["compress", str(short_conversation), "--device", "abacus"]) == 1
    assert "is not a device" in capsys.readouterr().err


def test_terminal_that_lacks_a_character_gets_a_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text(
        "\n\n".join(f"We met at the café again, number {number}." for number in range(60)), encoding="utf-8"
    )
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["read", str(notes)]) == 0
    terminal.flush()
    assert b"We met at the caf? again, number 7." in raw.getvalue()
