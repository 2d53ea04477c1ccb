"""Conversations in files: three formats, and errors that say where."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.files import load_history

HISTORY = [{"role": "user", "content": "grüß\ndich"}, {"role": "assistant", "content": "日本 \U0001f642"}]
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.just("user"), "content": st.text(st.characters(codec="utf-8"), max_size=20)}),
    min_size=1,
    max_size=4,
)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


def test_a_json_list(tmp_path: Path) -> None:
    assert load_history(written(tmp_path, "a.json", json.dumps(HISTORY))) == HISTORY


@pytest.mark.parametrize("key", ["messages", "history", "conversation", "turns"])
def test_a_json_object_that_holds_the_list(tmp_path: Path, key: str) -> None:
    assert load_history(written(tmp_path, "a.json", json.dumps({"model": "m", key: HISTORY}))) == HISTORY


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", [HISTORY, {"messages": HISTORY}], ids=["list", "object"])
def test_json_is_known_by_its_beginning(tmp_path: Path, value: Any, indent: int | None) -> None:
    assert load_history(written(tmp_path, "a.txt", "\n " + json.dumps(value, indent=indent))) == HISTORY


def test_json_lines_may_have_blank_ones_between(tmp_path: Path) -> None:
    text = "\n\n".join(json.dumps(message) for message in HISTORY) + "\n"
    assert load_history(written(tmp_path, "a.jsonl", text)) == HISTORY


@given(messages=MESSAGES, ascii_only=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_lines_come_back(tmp_path: Path, messages: list[dict[str, str]], ascii_only: bool) -> None:
    text = "\n".join(json.dumps(message, ensure_ascii=ascii_only) for message in messages)
    assert load_history(written(tmp_path, "a.jsonl", text)) == messages


@given(messages=MESSAGES, ascii_only=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_comes_back(tmp_path: Path, messages: list[dict[str, str]], ascii_only: bool) -> None:
    text = json.dumps(messages, ensure_ascii=ascii_only)
    assert load_history(written(tmp_path, "a.json", text)) == messages


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_separators_inside_a_json_line_do_not_end_it(tmp_path: Path, separator: str) -> None:
    message = {"role": "user", "content": f"one{separator}two"}
    path = written(tmp_path, "a.jsonl", json.dumps(message, ensure_ascii=False))
    assert load_history(path) == [message]


def test_plain_text_is_one_user_turn_a_paragraph(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "first\nline\n\n \nsecond\n\n")
    assert load_history(path) == [
        {"role": "user", "content": "first\nline"},
        {"role": "user", "content": "second"},
    ]


def test_an_empty_file_holds_no_messages(tmp_path: Path) -> None:
    assert load_history(written(tmp_path, "a.txt", " \n\n")) == []


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, name: str) -> None:
    text = "hi" if name == "a.txt" else json.dumps({"role": "user", "content": "hi"})
    text = f"[{text}]" if name == "a.json" else text
    assert load_history(written(tmp_path, name, "\ufeff" + text)) == [{"role": "user", "content": "hi"}]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match=r"none\.json cannot be read"):
        load_history(tmp_path / "none.json")


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match="cannot be read"):
        load_history(tmp_path)


def test_bytes_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc\xff")
    with pytest.raises(InvalidHistoryError, match="byte 3"):
        load_history(path)


def test_broken_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match="line 2, column 1"):
        load_history(written(tmp_path, "a.json", '[{"role": "user"},\n]'))


def test_a_broken_json_line_is_told_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match="line 3"):
        load_history(written(tmp_path, "a.jsonl", '{"role": "user"}\n\n{"role"\n'))


@pytest.mark.parametrize("value", [{"messages": "hello"}, {"other": []}, 7, "hello", None])
def test_json_without_a_list_of_messages_is_told(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InvalidHistoryError, match="no list of messages"):
        load_history(written(tmp_path, "a.json", json.dumps(value)))


@pytest.mark.parametrize("name", ["a.ndjson", "a.txt", "a.json", "a"])
@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_json_lines_are_known_by_their_first_line(tmp_path: Path, name: str, between: str) -> None:
    text = "\n" + between.join(json.dumps(message) for message in HISTORY) + "\n"
    assert load_history(written(tmp_path, name, text)) == HISTORY


@pytest.mark.parametrize("name", ["a.jsonl", "a.txt", "a.json"])
def test_one_message_is_a_history_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    assert load_history(written(tmp_path, name, json.dumps(HISTORY[0]) + "\n")) == HISTORY[:1]


@pytest.mark.parametrize("before", ["[ {", "[\t{", "[\n\n {", "[  \n{"])
def test_blanks_after_the_first_bracket_are_json_too(tmp_path: Path, before: str) -> None:
    text = json.dumps(HISTORY).replace("[{", before, 1)
    assert load_history(written(tmp_path, "a.txt", text)) == HISTORY
    text = json.dumps({"messages": HISTORY}).replace("{", "{ \n\t", 1)
    assert load_history(written(tmp_path, "a.txt", text)) == HISTORY


@pytest.mark.parametrize("text", ["[ ] buy bread", "[x] done", "[1] a note", "{name} wrote", "{ see below }"])
def test_text_may_begin_with_a_bracket(tmp_path: Path, text: str) -> None:
    assert load_history(written(tmp_path, "a.txt", text)) == [{"role": "user", "content": text}]


def test_a_line_among_json_lines_that_is_none_is_told_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(InvalidHistoryError, match="line 2, column 1"):
        load_history(written(tmp_path, "a.txt", '{"role": "user", "content": "hi"}\nand so on\n'))


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
@pytest.mark.parametrize("value", ["[" * 100_000 + "]" * 100_000, "9" * 5000], ids=["deep", "long number"])
def test_json_that_python_cannot_hold_is_told(tmp_path: Path, name: str, value: str) -> None:
    line = f'{{"role": "user", "content": {value}}}'
    text = line if name == "a.jsonl" else f"[{line}]"
    with pytest.raises(InvalidHistoryError, match="cannot be read from line 1"):
        load_history(written(tmp_path, name, text))
