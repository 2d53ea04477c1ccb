"""When pages are first shown: what a tool loop gains, what it never loses, and what the report says of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from optical_memory.memory.turn import Turn, parse_history
from optical_memory.readers import Cache, Reader, reader_named
from optical_memory.view import View, Viewer
from optical_memory.view.plan import UNPAID, segments
from optical_memory.view.steps import Batch, Costs, payback_turns, steps
from tests.memory.fake import conversation
from tests.view.histories import SHAPES, Event, write

GPT = reader_named("gpt-5").trusted(8)
OLDER = reader_named("gpt-4o").trusted(8)
CLAUDE = reader_named("claude-sonnet-4-6").trusted(8)
CALLS = 200


def loop(calls: int, shape: str = "openai", size: int = 2500, parallel: int = 1) -> list[dict[str, Any]]:
    """One user message and a loop of calls, each with its results."""
    return write([Event("user"), *[Event("tools", size, parallel)] * calls], shape)


def growing(viewer: Viewer, history: list[Any]) -> Iterator[View]:
    for length in range(1, len(history) + 1):
        yield viewer.view(history[:length])


@pytest.mark.parametrize("reader", [GPT, OLDER], ids=lambda reader: reader.name)
def test_a_loop_of_two_hundred_calls_gains_and_every_step_in_it_was_earned(reader: Reader) -> None:
    report = Viewer(reader, strict=True).view(loop(CALLS)).report
    assert report.tokens_after < 0.75 * report.tokens_before
    rewrites = report.rewrites
    assert 5 < len(rewrites) < CALLS / 2 and all(rewrite.in_loop for rewrite in rewrites)
    for earlier, later in zip([1, *(rewrite.at for rewrite in rewrites)], rewrites, strict=False):
        assert later.payback_turns <= (later.at - earlier) / 2 + 0.5  # two messages a call; captions cost a little more


def test_a_short_loop_keeps_its_prefix_and_is_drawn_when_its_turn_is_over() -> None:
    history = [*loop(8), {"role": "assistant", "content": "done"}, {"role": "user", "content": "and now?"}]
    viewer = Viewer(GPT, strict=True)
    views = list(growing(viewer, history))
    assert all(not view.pages and view.messages == history[: i + 1] for i, view in enumerate(views[:-1]))
    assert any(text.reason == UNPAID for text in views[-2].report.texts)
    last = views[-1].report
    assert last.num_pages >= 4 and last.rewrite is not None and not last.rewrite.in_loop
    assert last.rewrite.at == len(history)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("parallel", [1, 3])
def test_between_steps_every_byte_stays(shape: str, parallel: int) -> None:
    history = loop(40, shape, 2500 // parallel, parallel)
    before: list[str] = []
    num_rewrites = 0
    for view in growing(Viewer(GPT, strict=True), history):
        after = [json.dumps(message) for message in view.messages]
        if view.report.rewrite is None:
            assert len(view.report.rewrites) == num_rewrites and after[: len(before)] == before
        else:
            kept = next(i for i, part in enumerate(view.layout) if part == view.layout[0] or isinstance(part, dict))
            assert after[:kept] == before[:kept]
        before, num_rewrites = after, len(view.report.rewrites)
    assert num_rewrites > 1


def test_a_rewrite_is_told_in_tokens_and_in_money() -> None:
    history = conversation(61)
    view = Viewer(GPT, strict=True).view(history)
    rewrite = view.report.rewrites[-1]
    batches = [batch for batch in view.report.batches if rewrite.first <= batch.first <= rewrite.last]
    assert rewrite.page_tokens == sum(batch.page_tokens for batch in batches)
    behind = [text.tokens for text in view.report.texts if rewrite.last < text.message < rewrite.at]
    assert rewrite.reread_tokens == rewrite.page_tokens + sum(behind)
    assert rewrite.reread_dollars == pytest.approx(rewrite.reread_tokens * (1.25 - 0.125) / 1e6)
    assert f"{rewrite.reread_tokens:,} tokens ($" in str(view.report)
    free = Viewer(reader_named("qwen3-vl").trusted(8), strict=True).view(history).report.rewrites[-1]
    assert free.reread_dollars is None and free.reread_tokens > 0 and "$" not in str(free)


def test_where_the_cache_ends_at_marks_pages_come_at_once_and_cost_it_nothing() -> None:
    """Anthropic caches up to marks; whatever stands behind the last one is read at full price in any case."""
    report = Viewer(CLAUDE, strict=True).view(loop(20, "anthropic")).report
    assert len(report.rewrites) == len(report.batches) > 3
    assert all((r.reread_tokens, r.reread_dollars, r.payback_turns) == (0, 0.0, 0.0) for r in report.rewrites)
    assert "no cache reaches that far" in str(report)


def test_payback_is_the_published_arithmetic() -> None:
    """(1.15/r + 1.15 T/N) / (0.1 (1 - 1/r)) turns for writes at 1.25 and reads at 0.1; at 3.3x and no tail, 5 turns."""
    for text, page, tail in ((3300, 1000, 0), (1860, 420, 3000), (5000, 4000, 100)):
        ratio = text / page
        expected = (1.15 / ratio + 1.15 * tail / text) / (0.1 * (1 - 1 / ratio))
        assert payback_turns(text, page, tail, Cache()) == pytest.approx(expected)
    assert payback_turns(3300, 1000, 0, Cache()) == pytest.approx(5.0, abs=0.01)
    assert payback_turns(100, 100, 0, Cache()) == payback_turns(10, 1, 0, Cache(cached=0.0)) == float("inf")


def test_a_rewrite_in_the_middle_of_parallel_results_never_happens() -> None:
    history = parse_history(loop(30, parallel=3))
    costs = Costs([700] * len(history), 210, 4096, 500, Cache())
    batches = [Batch(n, n + 4, 8000, n + 4) for n in range(1, 80, 4)]
    taken = list(steps(history, batches, segments(history), 4, costs))
    assert len(taken) > 2 and all((step.at - 1) % 4 == 0 for step in taken)


def test_batches_that_are_no_shorter_as_pages_are_no_reason_for_a_step() -> None:
    history = parse_history(loop(60))
    batches = [Batch(n, n + 2, 8000, n + 2) for n in range(1, 100, 2)]
    dear = Costs([100] * len(history), 210, 4096, 500, Cache())
    few = [Batch(99, 101, 4000, 101)]
    good = Costs([*[100] * 99, *[3000] * (len(history) - 99)], 210, 4096, 500, Cache())
    assert not [step for step in steps(history, batches, segments(history), 4, dear) if step.end > len(batches)]
    alone = list(steps(history, few, segments(history), 4, good))
    beside = list(steps(history, [*batches[:40], *few], segments(history), 4, good))
    assert beside[-1].at == alone[0].at  # their being passed over does not put the step off


def test_what_a_user_says_beside_results_does_not_end_the_loop() -> None:
    """Agents put reminders beside the results of tools; the loop goes on, and so does its cache."""
    turns: list[Turn] = []
    for message in loop(8, "anthropic"):
        if isinstance(message["content"], list) and message["content"][0]["type"] == "tool_result":
            message = {**message, "content": [*message["content"], {"type": "text", "text": "Remember the plan."}]}
        turns += parse_history([message], "anthropic")
    messages = [turn.message for turn in turns]
    assert Viewer(GPT, strict=True).view(messages).report.rewrites == []
