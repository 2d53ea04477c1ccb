"""The README's promises: its Python runs, its table is the arithmetic, its files exist, its commands are known."""

import json
import re
from pathlib import Path

import pytest

from optical_memory.cli import parser
from optical_memory.model import Model
from optical_memory.modes import NATIVE_MODES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_python_runs() -> None:
    (code,) = blocks("python")
    history = json.loads((ROOT / "examples" / "conversation.json").read_text(encoding="utf-8"))["messages"][:60]
    names = {"history": history}
    exec(code, names)
    assert str(names["reading"].text) and names["pages"] and len(names["rows"]) > 100  # type: ignore[attr-defined, arg-type]


def test_mode_table_is_the_arithmetic(bundled_model: Model) -> None:
    width = bundled_model.config.encoder.width
    for mode in NATIVE_MODES:
        row = re.findall(rf"^\| {mode.name} \|.*$", README, re.MULTILINE)[0]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:4] == [str(mode.side), str(mode.visual_tokens()), str(mode.sequence_length())]
        assert cells[6] == f"{mode.visual_tokens() * width * 2 // 1024} KiB"


def test_files_and_links_exist() -> None:
    for target in re.findall(r"\]\(([^)h][^)]*)\)", README):
        assert (ROOT / target).exists(), target
    make_targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert make_targets and all(f"\n{target}:" in makefile for target in make_targets)


@pytest.mark.parametrize("line", re.findall(r"^optical-memory (.*)$", README, re.MULTILINE))
def test_commands_are_understood(line: str) -> None:
    parser().parse_args(line.split(" #")[0].split())


def test_top_level_is_the_one_agreed_on() -> None:
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    wanted = {"pyproject.toml", "optical_memory", "renderers", "examples", "tests", "README.md", "Makefile", "LICENSE"}
    assert wanted <= names
    assert names - wanted <= {"pages", "build", "dist", "optical_memory.egg-info"}
