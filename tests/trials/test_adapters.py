"""Bundled examples through every adapter's real package and the proxy, judged by the bytes that arrive."""

import json
from pathlib import Path

import pytest

from optical_memory.cli import main
from optical_memory.trials.adapters import try_adapters
from optical_memory.trials.routes import ADAPTERS, THROUGH_PROXY
from tests.view.histories import Event, write

ROOT = Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore")
def test_every_way_in_keeps_pairs_and_changes_nothing_else(tmp_path: Path) -> None:
    loop = write(
        [Event("system"), Event("user"), *[Event("tools", 2500, 2)] * 24, Event("assistant"), Event("user")], "openai"
    )
    (tmp_path / "loop.json").write_text(json.dumps({"messages": loop}))
    (tmp_path / "example.json").write_bytes((ROOT / "examples" / "conversation.json").read_bytes())
    found = try_adapters(tmp_path, ["gpt-5"], per_conversation=1)
    assert [route.route for route in found.routes] == [*ADAPTERS, *THROUGH_PROXY]
    for route in found.routes:
        assert route.missing is None and route.num_faults == 0, route
        assert route.requests == 2 and route.with_pages > 0 and route.pairs > 0, route
        assert route.lag is None or route.lag.wakings > 0
    assert found.hosted[0].reader == "gpt-5" and found.hosted[0].pages > 0
    assert "0 faults" in str(found)


def test_the_command_names_a_folder_without_conversations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "adapters", "--data", str(tmp_path)]) == 1
    assert "no conversation in" in capsys.readouterr().err
