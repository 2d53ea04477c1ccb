"""What must hold for every history in every wire shape: 10,000 of them."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.turn import parse_history
from optical_memory.memory.wire import has_cache_mark
from optical_memory.readers import Cache, reader_named
from optical_memory.view import View, Viewer
from optical_memory.view.counts import TokenCounts
from optical_memory.view.drawing import Drawings, DrawnPage
from tests.view.histories import ROCKET, SECRET, SHAPES, Event, call_ids, pictures, scripts, texts, write

CASES = 10_000
KEEP_LAST = 2
READER = reader_named("gpt-5").trusted(8).model_copy(update={"terms": Cache(write=1.0, cached=1.0)})
"""Shown every batch as soon as it is closed, so that as much is drawn as ever can be."""
DRAWINGS, COUNTS = Drawings(), TokenCounts()


def view_of(messages: list[dict[str, Any]], shape: str) -> View:
    return Viewer(READER, keep_last=KEEP_LAST, pages_in_batch=1, drawings=DRAWINGS, counts=COUNTS, strict=True).view(
        messages, shape
    )


@pytest.mark.parametrize("shape", SHAPES)
@given(script=scripts)
@settings(
    max_examples=CASES // len(SHAPES),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)
def test_a_view_keeps_its_promises(shape: str, script: list[Event]) -> None:
    messages = write(script, shape)
    if not messages:
        return
    before = copy.deepcopy(messages)
    view = view_of(messages, shape)
    assert messages == before  # the input is not written to
    drawn = check_layout(view, messages)
    check_tool_units(view, messages, drawn)
    check_protected(messages, drawn, shape)
    check_pages(view, messages, drawn, shape)
    check_price(view, messages, shape)


def check_layout(view: View, messages: list[dict[str, Any]]) -> list[int]:
    """Every message is either kept, itself and in order, or in exactly one batch; -> the positions that are drawn."""
    kept = [part for part in view.layout if isinstance(part, int)]
    batches = [range(batch.first, batch.last + 1) for batch in view.report.batches]
    drawn = [position for batch in batches for position in batch]
    assert sorted([*kept, *drawn]) == list(range(len(messages)))
    assert kept == sorted(kept) and drawn == sorted(drawn)
    assert len(view.layout) == len(view.messages) == len(kept) + len(batches)
    starts = iter(batches)
    last = -1
    for part, message in zip(view.layout, view.messages, strict=True):
        if isinstance(part, int):
            assert message is messages[part]
            last = part
        else:
            assert message is part and message["role"] == "user"
            batch = next(starts)
            assert batch.start == last + 1
            last = batch.stop - 1
    return drawn


def check_tool_units(view: View, messages: list[dict[str, Any]], drawn: list[int]) -> None:
    calls, results = call_ids(view.messages)
    all_calls, all_results = call_ids(messages)
    paired = set(all_calls) & set(all_results)
    assert {call for call in calls if call in paired} == {result for result in results if result in paired}
    assert len(calls) == len(set(calls))
    assert [call for call in all_calls if call in set(calls)] == calls
    open_calls = set(all_calls) - paired
    assert open_calls <= set(calls)  # an open call is never drawn
    for position, message in enumerate(messages):
        if message.get("type") == "reasoning":  # then what was said and the first call, of the same response
            assert len({place in drawn for place in range(position, position + 3)}) == 1


def check_protected(messages: list[dict[str, Any]], drawn: list[int], shape: str) -> None:
    marked = max((i for i, message in enumerate(messages) if has_cache_mark(message)), default=-1)
    assert all(position > marked for position in drawn)
    assert all(position < len(messages) - KEEP_LAST for position in drawn)
    turns = parse_history(messages, shape)
    for role in ("user", "assistant"):
        spoken = [i for i, turn in enumerate(turns) if turn.role == role and turn.content]
        if role == "user":
            spoken = [i for i, turn in enumerate(turns) if turn.role == role and (turn.content or turn.attachments)]
        assert not spoken or spoken[-1] not in drawn
    for position in drawn:
        text = json.dumps(messages[position], ensure_ascii=False)
        assert turns[position].role != "system"
        assert SECRET not in text
        assert not any(word in text for word in ("AAAA", "hologram", "item_reference", "container_upload"))


def check_pages(view: View, messages: list[dict[str, Any]], drawn: list[int], shape: str) -> None:
    """Pictures stand in page messages alone, as many as were drawn, and hold every drawn character in order; what their face lacks
    is told beside them."""
    turns = parse_history(messages, shape)
    assert told_on(view.pages) == "\n".join(turns[position].text for position in drawn if turns[position].text)
    shown = [data for part in view.layout if not isinstance(part, int) for data in pictures(part)]
    assert shown == [page.picture.base64 for page in view.pages]
    assert len(shown) == view.report.num_pages
    told = "".join(text for part in view.layout if isinstance(part, dict) for text in texts(part))
    assert told.count(ROCKET) == sum(page.text.count(ROCKET) for page in view.pages)


def told_on(pages: tuple[DrawnPage, ...]) -> str:
    """The pages' text as one; a page goes on with the turn that the one before it ended in, or begins another."""
    text = ""
    for before, page in zip((None, *pages), pages, strict=False):
        text += ("" if before is None or before.last == page.first else "\n") + page.text
    return text


def check_price(view: View, messages: list[dict[str, Any]], shape: str) -> None:
    """Counted anew: the texts before, against the texts that stay, the words around the pages, and the pages' price."""
    turns = parse_history(messages, shape)
    counts = count_text_tokens([turn.text for turn in turns])
    kept = sum(counts[part] for part in view.layout if isinstance(part, int))
    words = sum(count_text_tokens([text for part in view.layout if isinstance(part, dict) for text in texts(part)]))
    after = kept + words + len(view.pages) * READER.price.tokens(512, 512)
    assert after <= sum(counts)
    assert (view.report.tokens_before, view.report.tokens_after) == (sum(counts), after)
