"""The viewer: stable prefixes, failing open, limits, secrets, recall, and the same bytes in any process."""

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest

from optical_memory.errors import InvalidHistoryError, OpticalMemoryError
from optical_memory.memory.legend import BOXES
from optical_memory.readers import Limits, Reader, reader_named
from optical_memory.view import Viewer, Views, recall_tool
from optical_memory.view.viewer import num_bytes
from tests.memory.fake import conversation, prose
from tests.view.histories import SECRET, SHAPES, Event, pictures, write

READER = reader_named("gpt-5").trusted(8)


def view_of(history: Any, reader: Reader = READER, **options: Any) -> Any:
    return Viewer(reader, strict=True, **options).view(history)


def wire(messages: list[Any]) -> list[bytes]:
    return [json.dumps(message).encode() for message in messages]


@pytest.mark.parametrize("kind", ["chat", "tools"])
def test_over_two_hundred_turns_what_was_sent_stays(kind: str) -> None:
    """At least 95 % of the bytes of a view are the beginning of the next, but for the steps at which a batch is drawn."""
    loop = [Event("user"), *[Event("tools", 400)] * 99]
    history = conversation(200, 400) if kind == "chat" else write(loop, "openai")
    viewer = Viewer(READER, strict=True)
    before: list[bytes] = []
    steps, drawn = 0, 0
    for length in range(1, len(history) + 1):
        view = viewer.view(history[:length])
        after = wire(view.messages)
        same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
        kept = sum(map(len, before[:same])) / max(1, sum(map(len, before)))
        if len(view.report.batches) == drawn:
            assert kept >= 0.95 or not before
        else:
            steps += 1
            pages = sum(bool(pictures(json.loads(message))) for message in before)
            assert same >= pages  # no page that was sent is ever drawn anew
        drawn, before = len(view.report.batches), after
    assert 3 <= steps <= 20


@pytest.mark.parametrize(
    "stage",
    ["parse_history", "plan", "Drawings.pages", "shape_of", "TokenCounts.of", "num_bytes", "rewrite_report"],
)
def test_whatever_stage_fails_the_text_goes_out(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise MemoryError("out of it")

    monkeypatch.setattr(f"optical_memory.view.viewer.{stage}", broken)
    history = conversation(24)
    view = Viewer(READER).view(history)
    assert view.messages == history and view.report.reason == "failed open, MemoryError"
    with pytest.raises(MemoryError):
        Viewer(READER, strict=True).view(history)


@pytest.mark.parametrize("history", [[], [7], "hello", None, {"role": "user"}, [{"role": "wizard"}], [{}], [[]]])
def test_what_is_no_history_comes_back_as_it_is(history: Any) -> None:
    view = Viewer(READER).view(history)
    assert view.messages == history and view.pages == () and view.report.reason


def test_strict_raises_errors_of_ours() -> None:
    with pytest.raises(InvalidHistoryError, match="wizard"):
        view_of([{"role": "wizard", "content": "x"}])


def test_the_same_history_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib, json; from tests.memory.fake import conversation; from optical_memory.view import Views;"
        "v = Views(trust_cell=8, strict=True).view(conversation(30), 'gpt-5');"
        "print(hashlib.sha256(json.dumps(v.messages).encode()).hexdigest(), len(v.pages))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    view = view_of(conversation(30))
    assert done.stdout.split() == [hashlib.sha256(json.dumps(view.messages).encode()).hexdigest(), str(len(view.pages))]
    assert len(view.pages) > 0


def test_no_model_is_needed() -> None:
    code = "import sys; import optical_memory.view, optical_memory.proxy.app; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("images", "pages"), [(0, 0), (1, 0), (2, 2), (3, 2), (5, 4)])
def test_the_oldest_batches_are_drawn_within_the_limit_of_pictures(images: int, pages: int) -> None:
    reader = READER.model_copy(update={"limits": Limits(images=images), "cached_to_mark": True})
    view = view_of(conversation(60), reader)
    assert len(view.pages) == pages
    assert any("pictures" in text.reason for text in view.report.texts)


def test_pictures_that_are_there_already_count() -> None:
    reader = READER.model_copy(update={"limits": Limits(images=21), "cached_to_mark": True})
    own = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
    assert len(view_of([*conversation(60), *own * 20], reader).pages) == 0
    assert len(view_of([*conversation(60), *own * 19], reader).pages) == 2
    assert len(view_of([*conversation(60), *own * 15], reader).pages) == 6


def test_pages_leave_room_for_the_rest_of_the_request_as_it_is_written() -> None:
    history = conversation(60)
    free = view_of(history, READER.model_copy(update={"cached_to_mark": True}))
    limits = Limits(request_bytes=len(json.dumps(free.messages)))
    tight = view_of(history, READER.model_copy(update={"cached_to_mark": True, "limits": limits}))
    assert len(tight.pages) < len(free.pages) and any("bytes" in text.reason for text in tight.report.texts)
    for value in (
        {"content": "abc"},
        {"content": "\u4e2d" * 500},
        {"content": ["\u00e9t\u00e9", {"a": "\u0444" * 99}]},
    ):
        assert 0.8 * len(json.dumps(value)) <= num_bytes(value) <= 1.3 * len(json.dumps(value))


def test_secrets_and_strange_characters_stay_text_with_the_reason() -> None:
    history = conversation(40)
    history[3] = {"role": "assistant", "content": SECRET}
    history[5] = {"role": "assistant", "content": "\U0001f680 up"}
    history[7] = {"role": "assistant", "content": "\U0001f680 \U0001f527\U0001f527 " + history[7]["content"]}
    view = view_of(history)
    reasons = {text.message: text.reason for text in view.report.texts}
    assert reasons[3] == "holds an API key" and "\\U0001f680" in reasons[5]
    assert 7 not in reasons and f"{BOXES} \U0001f680 \U0001f527\U0001f527" in str(view.messages)
    assert SECRET not in "".join(page.text for page in view.pages)


def test_letters_that_a_page_does_not_show_as_they_are_are_told_beside_it() -> None:
    history = conversation(40)
    history[5]["content"] = "\u017caba \ufb01n\x0c\u05e9\u05dc\u05d5\u05dd \u2028 \u045d " + history[5]["content"]
    told = f"{BOXES} \u017c \ufb01 U+000C \u05e9\u05dc\u05d5\u05dd U+2028 \u045d"
    assert told in json.dumps(view_of(history).messages, ensure_ascii=False)


@pytest.mark.parametrize("script", ["\u05e9\u05dc\u05d5\u05dd ", "\u0645\u0631\u062d\u0628\u0627 "])
@pytest.mark.parametrize("cell", [8, 16])
def test_what_runs_from_right_to_left_stays_text(script: str, cell: int) -> None:
    history = conversation(40)
    history[5]["content"] = script * 100
    view = view_of(history, reader_named("gpt-5").trusted(cell))
    reasons = {text.message: text.reason for text in view.report.texts}
    assert ascii(min(set(script) - {" "}))[1:-1] in reasons[5]


@pytest.mark.parametrize("twin", ["\0", "\ue041", "\u00b6", "\u203a", "\u2039", "\u00ac"])
def test_what_would_look_like_something_else_stays_text(twin: str) -> None:
    """A pilcrow is drawn for a line break, a private-use code as a marker's letter, nothing at all for a null."""
    history = conversation(40)
    history[5] = {"role": "assistant", "content": f"ten{twin}thousand"}
    view = view_of(history)
    reasons = {text.message: text.reason for text in view.report.texts}
    assert ascii(twin)[1:-1] in reasons[5] and view.report.num_pages > 0


def test_what_was_recalled_in_this_turn_is_not_drawn_again() -> None:
    call = {"id": "r", "type": "function", "function": {"name": "recall_memory", "arguments": '{"query": "x"}'}}
    recalled = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "r", "content": prose(3000, 99)},
    ]
    loop = write([Event("tools", 2500)] * 16, "openai")
    view = view_of([*conversation(12), {"role": "user", "content": "go"}, *recalled, *loop])
    assert len(view.pages) > 2
    assert prose(3000, 99)[:100] not in "".join(page.text for page in view.pages)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_recognised_and_given_back(shape: str) -> None:
    history = write([Event("reasoning", 2500), *[Event("tools", 2500)] * 16, Event("user"), Event("assistant")], shape)
    view = view_of(history)
    assert view.report.shape == shape
    assert sum(len(pictures(message)) for message in view.messages) == len(view.pages) > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_the_recall_tool_is_defined_in_every_shape(shape: str) -> None:
    text = json.dumps(recall_tool(shape))
    assert '"recall_memory"' in text and '"query"' in text


def test_recall_over_a_view_is_exact_and_honest() -> None:
    views = Views("gpt-5", trust_cell=8)
    assert views.recall("anything") == "Nothing of this conversation is on pages."
    history = conversation(30)
    history[4] = {"role": "user", "content": "the reactor code is ZX-81/42"}
    views.view(history)
    assert "ZX-81/42" in views.recall("reactor")
    assert "No page" in views.recall("xylophone")


def test_recall_parts_the_turns_of_a_page() -> None:
    """Or a number at the end of one and one at the beginning of the next would be a third."""
    history = conversation(30)
    history[4] = {"role": "user", "content": "the zebra is on port 80"}
    history[5] = {"role": "assistant", "content": "90 replicas suit Postgres"}
    views = Views("gpt-5", trust_cell=8)
    views.view(history)
    assert "on port 80\n90 replicas" in views.recall("zebra") and "Postgres\n" in views.recall("postgres")


def telling(words: str, first: str = "hello") -> list[dict[str, Any]]:
    history = [{"role": "user", "content": first}, *conversation(30)]
    history[4] = {"role": "user", "content": f"the zebra is {words}"}
    return history


@pytest.mark.parametrize("first", ["hello", "good morning"])
def test_recall_never_answers_one_conversation_from_another(first: str) -> None:
    views = Views("gpt-5", trust_cell=8)
    ours, theirs = telling("ours"), telling("theirs", first)
    views.view(ours[:-1])
    views.view(ours)
    assert "zebra is ours" in views.recall("zebra")
    views.view(theirs)
    with pytest.raises(OpticalMemoryError, match=r"more than one conversation.*pass its messages"):
        views.recall("zebra")
    assert "zebra is ours" in views.recall("zebra", ours) and "zebra is theirs" in views.recall("zebra", theirs)


def test_a_conversation_without_pages_is_not_answered_from_the_one_before() -> None:
    views = Views("gpt-5", trust_cell=8)
    views.view(telling("ours"))
    views.view([{"role": "user", "content": "make a title"}])
    with pytest.raises(OpticalMemoryError, match="more than one"):
        views.recall("zebra")
    assert views.recall("zebra", [{"role": "user", "content": "make a title"}]).startswith(
        "Nothing of this conversation"
    )
    assert "zebra is ours" in views.recall("zebra", telling("ours"))


def test_a_request_without_pages_hides_none_of_its_own_conversation() -> None:
    views = Views(trust_cell=8)
    views.view(telling("ours"), "gpt-5")
    views.view(telling("ours"), "gpt-4o-mini")
    assert "zebra is ours" in views.recall("zebra") and "zebra is ours" in views.recall("zebra", telling("ours"))
    assert views.latest is not None and not views.latest.pages


def test_scopes_are_conversations_of_their_own_and_what_is_no_history_is_served() -> None:
    views = Views("gpt-5", trust_cell=8)
    views.view(telling("ours"), scope="a")
    views.view(telling("ours"), scope="b")
    with pytest.raises(OpticalMemoryError, match="more than one"):
        views.recall("zebra")
    for history in ([7], "hello", None, [{"role": "wizard"}]):
        assert views.view(history).messages == history  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [{"keep_last": 0}, {"pages_in_batch": 0}, {"trust_cell": "8"}, {"keep_last": "4"}])
def test_an_option_that_is_no_count_is_told_before_a_request_is_made(option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(ValueError, match=f"{name} is a whole number, 1 or more; got {next(iter(option.values()))!r}"):
        Views("gpt-5", **option)
