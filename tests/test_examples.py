"""Every example runs, in its quick form, as its first lines say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(*arguments: str, text: str = "") -> str:
    command = [sys.executable, "-W", "error::UserWarning", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=EXAMPLES.parent, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compress_conversation() -> None:
    out = run("examples/compress_conversation.py")
    assert "tokens ->" in out and "The token of the archive is 4f9a1c77" in out


def test_agent_loop() -> None:
    out = run("examples/agent_loop.py", "--turns", "60", "--budget", "1500")
    before, after = (int(value.replace(",", "")) for value in out.splitlines()[-1].split()[1:3])
    assert before > 3 * after and after <= 1500


def test_chat_app() -> None:
    out = run("examples/chat_app.py", text="Hello there!\nWhat can you do?\n")
    assert out.count("bot> ") == 2 and "What can you do?" in out


def test_draw_modes(tmp_path: Path) -> None:
    run("examples/draw_modes.py", str(tmp_path / "modes.png"))
    assert (tmp_path / "modes.png").read_bytes() == (EXAMPLES / "modes.png").read_bytes()


def test_add_a_system() -> None:
    out = run("examples/add_a_system.py")
    assert out.count("both ends") == 2


def test_add_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("The harbour slept. A lamp burned in the office until the ferry came back. " * 20)
    out = run("examples/add_a_corpus.py", str(tmp_path))
    assert [line.split("  ")[1].strip() for line in out.splitlines()[1:]] == [
        "optical pages, Tiny", "newest text", "BM25 text",
    ]  # fmt: skip


def test_needle_heatmap(tmp_path: Path) -> None:
    out = run("examples/needle_heatmap.py", "--lengths", "1000", "--out", str(tmp_path / "needles.html"))
    assert out.startswith("20 questions")
    assert (tmp_path / "needles.html").read_text().count("<svg") == 4 + 3


@pytest.mark.parametrize("path", sorted((EXAMPLES / "adapters").glob("*_*.py")), ids=lambda path: path.stem)
def test_adapters(path: Path) -> None:
    command = [sys.executable, "-W", "ignore", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES.parent, timeout=240)
    assert done.returncode == 0, done.stderr
    pages = [int(number) for number in re.findall(r"(\d+) pages", done.stdout)]
    assert pages and min(pages) > 0, done.stdout
    assert "False" not in done.stdout
