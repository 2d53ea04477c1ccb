"""The middleware in a real LangChain agent, sync and async, with a fake chat model that remembers what it was shown."""

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatResult
from pydantic import Field

from optical_memory.adapters.langchain import OpticalMiddleware, as_chat
from tests.adapters.double import num_pictures
from tests.memory.fake import prose


class Watcher(GenericFakeChatModel):
    shown: list[list[BaseMessage]] = Field(default_factory=list)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.shown.append(messages)
        return super()._generate(messages, *args, **kwargs)

    def bind_tools(self, *_: Any, **__: Any) -> Any:
        return self


def history() -> list[BaseMessage]:
    messages: list[BaseMessage] = [HumanMessage("begin")]
    for n in range(12):
        call = {"name": "look", "args": {"q": n}, "id": f"call-{n}", "type": "tool_call"}
        messages += [AIMessage("", tool_calls=[call]), ToolMessage(prose(2500, n), tool_call_id=f"call-{n}")]
    return [*messages, HumanMessage("what was the first?")]


def shown_to(run_async: bool, replies: list[BaseMessage], recall: bool = False) -> tuple[list[list[BaseMessage]], Any]:
    model = Watcher(messages=iter(replies), shown=[])
    agent = create_agent(model, [], middleware=[OpticalMiddleware(reader="gpt-5", trust_cell=8, recall=recall)])
    state = {"messages": history()}
    result = asyncio.run(agent.ainvoke(state)) if run_async else agent.invoke(state)
    return model.shown, result


def pairs(messages: list[BaseMessage]) -> tuple[list[str], list[str]]:
    calls = [str(call["id"]) for m in messages if isinstance(m, AIMessage) for call in m.tool_calls]
    return calls, [m.tool_call_id for m in messages if isinstance(m, ToolMessage)]


def test_the_model_sees_pages_and_the_state_keeps_the_messages() -> None:
    shown, result = shown_to(False, [AIMessage("done")])
    assert num_pictures([message.content for message in shown[0]]) > 0
    calls, results = pairs(shown[0])
    assert calls == results and 0 < len(calls) < 12
    assert [m.content for m in result["messages"]] == [*[m.content for m in history()], "done"]


def test_async_shows_what_sync_shows() -> None:
    sync, _ = shown_to(False, [AIMessage("done")])
    later, _ = shown_to(True, [AIMessage("done")])
    assert [m.content for m in later[0]] == [m.content for m in sync[0]]


def test_the_model_can_recall() -> None:
    call = {"name": "recall_memory", "args": {"query": "0"}, "id": "r", "type": "tool_call"}
    shown, result = shown_to(True, [AIMessage("", tool_calls=[call]), AIMessage("done")], recall=True)
    answer = next(m for m in result["messages"] if isinstance(m, ToolMessage) and m.tool_call_id == "r")
    assert prose(2500, 0)[:200] in str(answer.content)
    assert answer.content in [m.content for m in shown[-1]]  # what was recalled is not drawn again in its turn


def test_messages_become_chat_one_for_one() -> None:
    odd = AIMessage([{"type": "tool_use", "id": "t", "name": "f", "input": {}}, {"type": "text", "text": "x"}])
    messages = [*history(), odd, HumanMessage([{"type": "image_url", "image_url": {"url": "data:,"}}])]
    assert len(as_chat(messages)) == len(messages)


def test_its_counter_charges_what_the_reader_charges_for_pages() -> None:
    middleware = OpticalMiddleware(reader="gpt-5", trust_cell=8)
    model = Watcher(messages=iter([AIMessage("done")]), shown=[])
    create_agent(model, [], middleware=[middleware]).invoke({"messages": history()})
    report = middleware.views.latest.report  # type: ignore[union-attr]
    assert middleware.count_tokens(history(), "gpt-5") == pytest.approx(report.tokens_before, abs=2)
    assert middleware.count_tokens(model.shown[0], "gpt-5") == pytest.approx(report.tokens_after, abs=20)


def test_recall_and_counts_are_those_of_the_reader_that_was_asked() -> None:
    """The tool and the counter are not told the model's name."""
    middleware = OpticalMiddleware(trust_cell=8, recall=True)
    assert "Nothing" in middleware.tools[0].func("0", history())
    before = middleware.count_tokens([HumanMessage([{"type": "image_url", "image_url": {"url": "data:,"}}])])
    middleware.views.view(as_chat(history()), "gpt-5", "openai")
    assert prose(2500, 0)[:200] in middleware.tools[0].func("0", history())
    after = middleware.count_tokens([HumanMessage([{"type": "image_url", "image_url": {"url": "data:,"}}])])
    assert before < after


def test_nothing_up_to_a_cache_mark_is_drawn() -> None:
    messages: list[BaseMessage] = [HumanMessage(prose(2500, n)) for n in range(24)]
    marked = HumanMessage([{"type": "text", "text": prose(2500, 12), "cache_control": {"type": "ephemeral"}}])
    drawn = OpticalMiddleware(reader="claude-sonnet-4-6", trust_cell=8).views
    free = drawn.view(as_chat(messages), "claude-sonnet-4-6", "openai")
    bound = drawn.view(as_chat([*messages[:12], marked, *messages[13:]]), "claude-sonnet-4-6", "openai")
    assert list(free.layout[:13]) != list(range(13)), "without the mark they are drawn"
    assert list(bound.layout[:13]) == list(range(13)) and bound.report.num_pages > 0
