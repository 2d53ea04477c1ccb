"""The capability in a real Pydantic AI agent, with its own function model."""

import asyncio
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from optical_memory.adapters.pydantic_ai import OpticalCapability, as_blocks
from tests.memory.fake import prose


def history() -> list[ModelMessage]:
    messages: list[ModelMessage] = [ModelRequest(parts=[UserPromptPart("begin")])]
    for n in range(12):
        messages.append(ModelResponse(parts=[ToolCallPart("look", {"q": n}, f"call-{n}")]))
        messages.append(ModelRequest(parts=[ToolReturnPart("look", prose(2500, n), f"call-{n}")]))
    return [*messages, ModelResponse(parts=[TextPart("so far")])]


def run(replies: list[ModelResponse], **options: Any) -> tuple[list[list[ModelMessage]], Any]:
    shown: list[list[ModelMessage]] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:  # noqa: ARG001
        shown.append(list(messages))
        return replies[len(shown) - 1]

    capability = OpticalCapability(reader="gpt-5", trust_cell=8, **options)
    agent = Agent(FunctionModel(answer), capabilities=[capability])
    result = asyncio.run(agent.run("what was the first?", message_history=history()))
    return shown, result


def parts(messages: list[ModelMessage], kind: type) -> list[Any]:
    return [part for message in messages for part in message.parts if isinstance(part, kind)]


def pictures(messages: list[ModelMessage]) -> list[BinaryContent]:
    prompts = [part.content for part in parts(messages, UserPromptPart) if not isinstance(part.content, str)]
    return [item for content in prompts for item in content if isinstance(item, BinaryContent)]


def test_the_model_sees_pages_and_the_history_does_not() -> None:
    shown, result = run([ModelResponse(parts=[TextPart("done")])])
    assert result.output == "done"
    assert len(pictures(shown[0])) > 0 and pictures(shown[0])[0].media_type == "image/png"
    calls = [part.tool_call_id for part in parts(shown[0], ToolCallPart)]
    assert calls == [part.tool_call_id for part in parts(shown[0], ToolReturnPart)]
    assert pictures(result.all_messages()) == [] and len(parts(result.all_messages(), ToolCallPart)) == 12


def test_the_model_can_recall() -> None:
    asked = ModelResponse(parts=[ToolCallPart("recall_memory", {"query": "0"}, "r")])
    shown, _ = run([asked, ModelResponse(parts=[TextPart("done")])], recall=True)
    answer = next(part for part in parts(shown[-1], ToolReturnPart) if part.tool_call_id == "r")
    assert prose(2500, 0)[:200] in answer.content


def test_recall_is_over_what_the_serving_model_is_shown() -> None:
    """Without a reader that is fixed: the function model's own name is one that nobody knows."""
    asked = ModelResponse(parts=[ToolCallPart("recall_memory", {"query": "0"}, "r")])
    replies = iter([asked, ModelResponse(parts=[TextPart("done")])])
    shown: list[list[ModelMessage]] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:  # noqa: ARG001
        shown.append(list(messages))
        return next(replies)

    capability = OpticalCapability(trust_cell=8, recall=True)
    agent = Agent(FunctionModel(answer, model_name="gpt-5"), capabilities=[capability])
    asyncio.run(agent.run("what was the first?", message_history=history()))
    found = next(part for part in parts(shown[-1], ToolReturnPart) if part.tool_call_id == "r")
    assert prose(2500, 0)[:200] in found.content


def test_nothing_up_to_a_cache_point_is_drawn() -> None:
    prompts: list[ModelMessage] = [ModelRequest(parts=[UserPromptPart(prose(2500, n))]) for n in range(24)]
    views = OpticalCapability(reader="claude-sonnet-4-6", trust_cell=8).views
    free = views.view(as_blocks(prompts), "claude-sonnet-4-6", "anthropic")
    assert list(free.layout[:13]) != list(range(13)), "without the point they are drawn"
    prompts[12] = ModelRequest(parts=[UserPromptPart([prose(2500, 12), CachePoint()])])
    bound = views.view(as_blocks(prompts), "claude-sonnet-4-6", "anthropic")
    assert list(bound.layout[:13]) == list(range(13)) and bound.report.num_pages > 0
