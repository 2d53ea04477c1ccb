"""The contract with users: the names there are, what importing them costs, and the floors between modules."""

import json
import subprocess
import sys
import sysconfig
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import optical_memory
from optical_memory import errors

ROOT = Path(__file__).parent.parent
NAMES = {
    "Context",
    "ForgettingSchedule",
    "Mode",
    "OpticalMemory",
    "OpticalMemoryError",
    "Page",
    "Report",
    "Turn",
    "load_model",
}
HEAVY = ("torch", "transformers", "numpy", "faiss", "PIL", "freetype", "pydantic", "tokenizers", "safetensors")
COMMANDS = (
    "compress",
    "plan",
    "read",
    "recall",
    "ask",
    "models",
    "train",
    "evaluate",
    "estimate",
    "calibrate",
    "proxy",
    "serve",
    "forget",
    "report",
)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )


def loaded_by(statement: str) -> set[str]:
    """Which heavy modules a fresh interpreter holds after a statement."""
    done = python("-c", f"import sys, json\n{statement}\nprint(json.dumps([m for m in {HEAVY} if m in sys.modules]))")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@cache
def help_without_torch() -> dict[str, Any]:
    """Exit status and text of `--help` of every command, where importing torch fails."""
    done = python(
        "-c",
        "import contextlib, io, json, sys\n"
        "sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from optical_memory.cli import main\n"
        "answers = {}\n"
        f"for command in {('', *COMMANDS)!r}:\n"
        "    text = io.StringIO()\n"
        "    try:\n"
        "        with contextlib.redirect_stdout(text):\n"
        "            main([*command.split(), '--help'])\n"
        "    except SystemExit as end:\n"
        "        answers[command] = (end.code, text.getvalue())\n"
        "print(json.dumps(answers))",
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_the_public_names_are_the_designs() -> None:
    assert set(optical_memory.__all__) == NAMES
    assert list(optical_memory.__all__) == sorted(optical_memory.__all__, key=str)


def test_what_is_visible_is_what_is_public() -> None:
    assert {name for name in dir(optical_memory) if not name.startswith("_")} == NAMES
    assert optical_memory.__version__.count(".") == 2


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_can_be_had_and_says_what_it_is(name: str) -> None:
    value = getattr(optical_memory, name)
    assert value.__name__ == name
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'Manager'"):
        optical_memory.Manager  # noqa: B018


def test_importing_the_package_costs_nothing_heavy() -> None:
    assert loaded_by("import optical_memory") == set()


def test_plain_data_costs_no_torch() -> None:
    loaded = loaded_by("from optical_memory import ForgettingSchedule, Mode, OpticalMemoryError, Page, Report, Turn")
    assert loaded.isdisjoint({"torch", "transformers", "faiss"})


def test_the_memory_is_had_without_transformers() -> None:
    assert "transformers" not in loaded_by("from optical_memory import Context, OpticalMemory, load_model")


def test_every_error_is_one_of_ours() -> None:
    kinds = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(kind, optical_memory.OpticalMemoryError) for kind in kinds)
    assert errors.__doc__ is not None
    assert [kind.__name__ for kind in kinds if kind.__name__ not in errors.__doc__] == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_works_without_torch(command: str) -> None:
    status, text = help_without_torch()[command]
    assert status == 0
    assert text.startswith(f"usage: optical-memory {command}".rstrip())


def test_help_names_every_command() -> None:
    text = help_without_torch()[""][1]
    assert [command for command in COMMANDS if command not in text] == []


@pytest.mark.parametrize("command", ["compress", "read", "recall", "ask", "models"])
def test_every_command_on_a_conversation_can_answer_in_json(command: str) -> None:
    assert "--json" in help_without_torch()[command][1]


def test_modules_import_only_from_floors_below() -> None:
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache", "--no-logo"], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_says_what_it_is() -> None:
    packages = [ROOT / "optical_memory", ROOT / "renderers"]
    modules = [path for package in packages for path in package.rglob("*.py")]
    assert len(modules) > 20
    assert [str(path.relative_to(ROOT)) for path in modules if not path.read_text().lstrip().startswith('"""')] == []


@pytest.mark.parametrize("module", ["renderers", "renderers.fonts", "renderers.layout", "renderers.transcript"])
def test_the_renderer_knows_no_floor_above(module: str) -> None:
    assert not [name for name in vars(import_module(module)) if name.startswith("optical_memory")]
