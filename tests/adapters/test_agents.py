"""The input filter, the session and the recall tool in the real OpenAI Agents runner, with its own scripted model."""

import asyncio
import json
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, SQLiteSession, function_tool, set_tracing_disabled
from agents.run import CallModelData, ModelInputData
from agents.testing import ScriptedModel, assistant_message, function_call

from optical_memory.adapters.agents import OpticalFilter, OpticalSession
from optical_memory.view import Views
from tests.adapters.double import num_pictures
from tests.memory.fake import prose

set_tracing_disabled(True)


@function_tool
def look(q: int) -> str:
    """Looks."""
    return prose(2500, q)


def seen(filter_: OpticalFilter, model: Any) -> int:
    """Pages that the filter shows an agent of that model."""
    items = [{"role": "user", "content": prose(2500, n)} for n in range(24)]
    data = CallModelData(ModelInputData(items, None), Agent(name="a", model=model), None)
    return num_pictures(asyncio.run(filter_(data)).input)


def run(num_calls: int, filter_: OpticalFilter, session: Any = None, last: Any = None) -> tuple[Any, ScriptedModel]:
    steps: list[Any] = [[function_call("look", {"q": n}, call_id=f"call-{n}")] for n in range(num_calls)]
    model = ScriptedModel([*steps, *([last] if last else []), [assistant_message("done")]])
    agent = Agent(name="a", model=model, tools=[look, filter_.recall])
    config = RunConfig(call_model_input_filter=filter_)
    result = asyncio.run(Runner.run(agent, "go on", run_config=config, session=session, max_turns=num_calls + 3))
    return result, model


def test_a_long_tool_loop_is_seen_as_pages_with_its_pairs_whole() -> None:
    filter_ = OpticalFilter(reader="gpt-5", trust_cell=8)
    result, model = run(12, filter_)
    assert result.final_output == "done"
    last = json.loads(json.dumps(model.calls[-1].input, default=str))
    assert num_pictures(last) == filter_.views.latest.report.num_pages > 0  # type: ignore[union-attr]
    calls = [item["call_id"] for item in last if item.get("type") == "function_call"]
    assert calls == [item["call_id"] for item in last if item.get("type") == "function_call_output"]
    assert 0 < len(calls) < 12


def test_the_session_keeps_the_history_as_it_was_and_draws_ahead() -> None:
    views = Views("gpt-5", trust_cell=8)
    session = OpticalSession(SQLiteSession("s"), views, "gpt-5")
    result, _ = run(12, OpticalFilter(views), session)
    items = asyncio.run(session.get_items())
    assert sum(item.get("type") == "function_call" for item in items) == 12 and num_pictures(items) == 0
    assert result.final_output == "done"


def test_compaction_is_called_by_the_runner_and_makes_the_pages() -> None:
    views = Views("gpt-5", trust_cell=8)
    session = OpticalSession(SQLiteSession("s"), views, "gpt-5")
    asyncio.run(session.add_items([{"role": "user", "content": prose(2500, n)} for n in range(24)]))
    assert len(views._drawings._pages) == 0
    asyncio.run(session.run_compaction({"force": True}))
    assert len(views._drawings._pages) > 0


def test_the_model_can_recall() -> None:
    filter_ = OpticalFilter(reader="gpt-5", trust_cell=8)
    asked = [function_call("recall_memory", {"query": "0"}, call_id="recall-1")]
    _, model = run(12, filter_, last=asked)
    output = next(item for item in model.calls[-1].input if item.get("call_id") == "recall-1" and "output" in item)
    assert prose(2500, 0)[:200] in str(output["output"])


def test_the_reader_is_the_one_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_DEFAULT_MODEL", "gpt-5")
    assert seen(OpticalFilter(trust_cell=8), "gpt-5") > 0
    assert seen(OpticalFilter(trust_cell=8), None) > 0, "the SDK's default"
    assert seen(OpticalFilter(trust_cell=8), ScriptedModel([])) == 0, "a model that tells no name"
    assert seen(OpticalFilter(trust_cell=8, model="gpt-3.5-turbo"), "gpt-5") == 0, (
        "the run's model counts, not the agent's"
    )


def test_a_call_that_makes_no_sense_is_answered() -> None:
    recall = OpticalFilter(reader="gpt-5", trust_cell=8).recall
    for arguments in ('{"q": "x"}', "{broken", "7"):
        assert "takes" in str(asyncio.run(recall.on_invoke_tool(None, arguments)))  # type: ignore[arg-type]


def test_a_filter_of_several_conversations_looks_into_none() -> None:
    filter_ = OpticalFilter(reader="gpt-5", trust_cell=8)
    run(12, filter_)
    seen(filter_, "gpt-5")
    assert "more than one conversation" in str(asyncio.run(filter_.recall.on_invoke_tool(None, '{"query": "0"}')))  # type: ignore[arg-type]
