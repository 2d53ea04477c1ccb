"""Processes killed while they write or forget: what they leave is whole (the work is in killing.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def killed(folder: Path, kind: str, seed: int) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.memory.killing", str(folder), kind, str(seed)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


@pytest.mark.slow
def test_a_conversation_killed_at_any_point_goes_on_as_if_it_never_was(tmp_path: Path) -> None:
    assert killed(tmp_path, "writers", seed=5)["kills"] >= 16


@pytest.mark.slow
def test_forgetting_killed_at_any_point_is_finished_or_never_begun(tmp_path: Path) -> None:
    counts = killed(tmp_path, "forgetters", seed=5)
    assert counts["kills"] >= 1
    assert counts["forgotten"] + counts["untouched"] == 16
