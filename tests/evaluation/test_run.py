"""What a run says of where it came from."""

import pytest

from optical_memory.evaluation import run


@pytest.mark.parametrize(
    ("head", "changed", "told"),
    [("a" * 40, "", "a" * 40), ("a" * 40, "M run.py", "a" * 40 + "+changes"), ("", "", "unknown")],
)
def test_a_changed_tree_is_not_its_commit(monkeypatch: pytest.MonkeyPatch, head: str, changed: str, told: str) -> None:
    said = {"rev-parse": head, "status": changed}
    monkeypatch.setattr(run, "_git", lambda *arguments: said[arguments[0]])
    assert run.commit() == told
