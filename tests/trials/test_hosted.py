"""The arithmetic of a whole conversation's bill, against views that are really made and a cache that is really kept."""

import pytest

from optical_memory.memory.turn import parse_history
from optical_memory.readers import Reader
from optical_memory.trials.conversations import Conversation
from optical_memory.trials.hosted import hosted_costs, replay
from optical_memory.view import Viewer
from optical_memory.view.steps import requests
from tests.memory.fake import conversation
from tests.view.test_steps import CLAUDE, GPT, OLDER, loop


@pytest.mark.parametrize("reader", [GPT, OLDER, CLAUDE], ids=lambda reader: reader.name)
@pytest.mark.parametrize("history", [conversation(80), loop(60)], ids=["chat", "loop"])
def test_a_bill_is_what_request_after_request_would_cost(reader: Reader, history: list[dict[str, str]]) -> None:
    viewer = Viewer(reader, strict=True)
    lengths = list(requests(parse_history(history, "openai")))
    tokens = viewer.counts.of([turn.text for turn in parse_history(history, "openai")])
    text = view = view_cached = plain = 0
    before: list[tuple[object, int]] = []
    for length in lengths:
        seen = viewer.view(history[:length])
        batches = iter(seen.report.batches)
        parts: list[tuple[object, int]] = []
        pages = 0
        for part in seen.layout:
            if isinstance(part, int):
                parts.append((part, tokens[part]))
            else:
                batch = next(batches)
                parts.append(((batch.first, batch.last), batch.page_tokens))
                pages = len(parts)
        text += sum(tokens[:length])
        view += sum(size for _, size in parts)
        same = next(
            (i for i, (a, b) in enumerate(zip(before, parts, strict=False)) if a != b), min(len(before), len(parts))
        )
        view_cached += sum(size for _, size in parts[:same])
        plain += sum(size for _, size in parts[pages:]) if reader.cached_to_mark else 0
        before = parts[:pages] if reader.cached_to_mark else parts
    report = viewer.view(history[: lengths[-1]]).report
    bill = replay(report, tokens, lengths, reader.cached_to_mark)
    assert len(report.rewrites) > 1
    assert (bill.text, bill.view, bill.view_cached, bill.view_plain) == (text, view, view_cached, plain)
    assert bill.text_cached == sum(sum(tokens[:length]) for length in lengths[:-1])


def test_pages_never_cost_much_more_than_cached_text_and_soon_less() -> None:
    """What the gate is for: a short conversation loses a little at worst, a long one wins."""
    for length, most in ((12, 1.0), (24, 1.2), (60, 0.95), (300, 0.6)):
        (cost,) = hosted_costs([Conversation("c", conversation(length))], ["gpt-5"], 8)
        assert cost.dollars_cached_pages is not None and cost.dollars_cached_text is not None
        assert cost.dollars_cached_pages <= most * cost.dollars_cached_text


def test_a_reader_without_prices_has_tokens_and_no_dollars() -> None:
    (cost,) = hosted_costs([Conversation("c", conversation(60))], ["optical-memory"], 8)
    assert cost.dollars_text is None and cost.view_tokens < cost.text_tokens and "$" not in str(cost)
