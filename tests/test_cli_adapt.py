"""estimate, calibrate, proxy and serve as a user meets them."""

import json
from pathlib import Path

import pytest

from optical_memory.adapters import calibrate
from optical_memory.cli import adapt, main, parser
from optical_memory.readers import reader_named, save_reader

CONVERSATION = str(Path(__file__).parent.parent / "examples" / "conversation.json")


def estimate(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert main(["estimate", CONVERSATION, "--json", *options]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_estimate_of_a_reader_that_nobody_measured(capsys: pytest.CaptureFixture[str]) -> None:
    figures = estimate(capsys, "--reader", "gpt-5")
    assert figures["text_tokens"] > figures["view_tokens"] > 0  # type: ignore[operator]
    assert figures["local_ratio"] > figures["hosted_ratio"] > 1  # type: ignore[operator]
    assert figures["dollars_text"] > figures["dollars_view"] > figures["dollars_cached_view"] > 0  # type: ignore[operator]
    assert figures["pays"] is False and "calibrate" in str(figures["reason"])


def test_estimate_at_ones_word_and_by_ones_own_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert estimate(capsys, "--reader", "gpt-5", "--trust-cell", "8")["pays"] is True
    save_reader(tmp_path / "readers.json", reader_named("gpt-5").trusted(16))
    own = estimate(capsys, "--reader", "gpt-5", "--readers", str(tmp_path / "readers.json"))
    assert own["pays"] is True and own["hosted_ratio"] < 2  # type: ignore[operator]


def test_estimate_of_what_never_pays(capsys: pytest.CaptureFixture[str]) -> None:
    figures = estimate(capsys, "--reader", "gpt-4o-mini")
    assert figures["pays"] is False and figures["text_tokens"] == figures["view_tokens"]
    assert main(["estimate", CONVERSATION, "--reader", "brand-new"]) == 0
    assert "unknown" in capsys.readouterr().out


def test_estimate_without_json_shows_both_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", CONVERSATION, "--reader", "claude-sonnet-4-6"]) == 0
    out = capsys.readouterr().out
    assert "as cached text" in out and "hosted" in out and "by our own model" in out


@pytest.mark.parametrize("command", [["proxy", "--upstream", "http://127.0.0.1:9"], ["serve"]])
def test_servers_refuse_to_listen_to_others_without_a_token(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--host", "0.0.0.0"]) == 1
    assert "--token" in capsys.readouterr().err


def test_a_table_of_readers_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.json").write_text('[{"name": "x"}]')
    assert main(["estimate", CONVERSATION, "--reader", "x", "--readers", str(tmp_path / "r.json")]) == 1
    assert "r.json is not a table of readers" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["proxy", "--upstream", "http://127.0.0.1:9"], ["serve"]])
@pytest.mark.parametrize("port", ["0", "-1", "70000"])
def test_a_port_that_nobody_can_listen_on_is_wrong_usage(
    command: list[str], port: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapt, "_listen", lambda *_: pytest.fail("it began to listen"))
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--port", port])
    assert stopped.value.code == 2 and f"{port} is no port to listen on; expected 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("number", [1, 65535])
def test_the_first_and_the_last_port_may_be_asked_for(number: int) -> None:
    assert parser().parse_args(["serve", "--port", str(number)]).port == number


def test_an_upstream_that_is_none_is_told_before_the_proxy_says_that_it_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapt, "_listen", lambda *_: pytest.fail("it began to listen"))
    assert main(["proxy", "--upstream", "api.openai.com"]) == 1
    told = capsys.readouterr()
    assert "'api.openai.com' does not begin with http:// or https://" in told.err and told.out == ""


@pytest.mark.parametrize("place", ["absent/readers.json", "folder", "text.txt"])
def test_a_row_that_could_not_be_kept_is_told_before_a_request_is_made(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "calibrate", lambda *_: pytest.fail("a request was made"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("mine")
    assert main(["calibrate", "--reader", "x", "--url", "http://127.0.0.1:9", "--out", str(tmp_path / place)]) == 1
    told = capsys.readouterr().err
    assert str(tmp_path / place) in told and told.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "text.txt"]
