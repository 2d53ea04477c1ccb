"""The ways into the library: a conversation sent through each adapter's own, real package to a provider on this machine.

A route opens with a base URL and views, or None to send what goes out without us; it gives a function that sends a
conversation in OpenAI's chat shape.
"""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from optical_memory.errors import MissingExtraError
from optical_memory.trials.shapes import as_anthropic, as_responses
from optical_memory.view import Views

Messages = Sequence[dict[str, Any]]
Send = Callable[[Messages], Awaitable[object]]
Route = Callable[[str, "Views | None"], AbstractAsyncContextManager[Send]]
GPT, CLAUDE = "gpt-5", "claude-sonnet-4-6"


@asynccontextmanager
async def openai_chat(url: str, views: Views | None) -> AsyncIterator[Send]:
    async with _openai(url, views) as client:
        yield lambda messages: client.chat.completions.create(model=GPT, messages=list(messages))


@asynccontextmanager
async def openai_responses(url: str, views: Views | None) -> AsyncIterator[Send]:
    async with _openai(url, views) as client:
        yield lambda messages: client.responses.create(model=GPT, input=as_responses(messages))


@asynccontextmanager
async def anthropic(url: str, views: Views | None) -> AsyncIterator[Send]:
    from anthropic import AsyncAnthropic

    from optical_memory.adapters.anthropic import OpticalMiddleware

    middleware = [OpticalMiddleware(views)] if views is not None else []
    async with AsyncAnthropic(api_key="none", base_url=url, max_retries=0, middleware=middleware) as client:

        async def send(messages: Messages) -> object:
            system, blocks = as_anthropic(messages)
            return await client.messages.create(
                model=CLAUDE, max_tokens=8, messages=blocks, system=system or "Be brief."
            )

        yield send


@asynccontextmanager
async def agents(url: str, views: Views | None) -> AsyncIterator[Send]:
    from agents import Agent, OpenAIResponsesModel, RunConfig, Runner

    from optical_memory.adapters.agents import OpticalFilter

    async with _openai(url, None) as client:
        agent: Any = Agent(name="a", model=OpenAIResponsesModel(GPT, client))
        seen = OpticalFilter(views) if views is not None else None
        config = RunConfig(call_model_input_filter=seen, tracing_disabled=True)
        yield lambda messages: Runner.run(agent, as_responses(messages), run_config=config, max_turns=1)


@asynccontextmanager
async def langchain(url: str, views: Views | None) -> AsyncIterator[Send]:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise MissingExtraError("this route needs langchain-openai: pip install langchain-openai") from error
    from langchain.agents import create_agent
    from langchain_core.messages import convert_to_messages

    from optical_memory.adapters.langchain import OpticalMiddleware

    model = ChatOpenAI(model=GPT, base_url=f"{url}/v1", api_key="none", max_retries=0)
    agent: Any = create_agent(model, [], middleware=[OpticalMiddleware(views)] if views is not None else [])
    yield lambda messages: agent.ainvoke({"messages": convert_to_messages(list(messages))})


@asynccontextmanager
async def pydantic_ai(url: str, views: Views | None) -> AsyncIterator[Send]:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from optical_memory.adapters.pydantic_ai import OpticalCapability

    async with _openai(url, None) as client:
        model = OpenAIChatModel(GPT, provider=OpenAIProvider(openai_client=client))
        agent: Any = Agent(model, capabilities=[OpticalCapability(views)] if views is not None else [])
        yield lambda messages: agent.run(None, message_history=list(_of_pydantic_ai(messages)))


@asynccontextmanager
async def litellm(url: str, views: Views | None) -> AsyncIterator[Send]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or it fetches its prices when it is imported
    import litellm

    from optical_memory.adapters.litellm import OpticalHook

    before = litellm.callbacks
    litellm.callbacks = [OpticalHook(views)] if views is not None else []
    options = {"model": f"openai/{GPT}", "api_base": f"{url}/v1", "api_key": "none", "num_retries": 0}
    try:
        yield lambda messages: litellm.acompletion(messages=list(messages), **options)
    finally:
        litellm.callbacks = before


ADAPTERS: Mapping[str, Route] = {
    "openai chat": openai_chat,
    "openai responses": openai_responses,
    "anthropic": anthropic,
    "openai agents": agents,
    "langchain": langchain,
    "pydantic-ai": pydantic_ai,
    "litellm": litellm,
}
THROUGH_PROXY: Mapping[str, Route] = {"proxy, openai client": openai_chat, "proxy, anthropic client": anthropic}
"""Opened without views: the proxy is what draws."""


def _openai(url: str, views: Views | None) -> Any:
    from openai import AsyncOpenAI

    from optical_memory.adapters.openai import wrap_openai

    client = AsyncOpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0)
    return wrap_openai(client, views) if views is not None else client


def _of_pydantic_ai(messages: Messages) -> Iterator[Any]:
    """Pydantic AI's messages, in which results of parallel calls stand together."""
    from pydantic_ai.messages import (
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )

    names: dict[str, str] = {}
    results: list[Any] = []
    for message in messages:
        text = message["content"] if isinstance(message["content"], str) else json.dumps(message["content"])
        if message["role"] == "tool":
            call = message["tool_call_id"]
            results.append(ToolReturnPart(names.get(call, "tool"), text, call))
            continue
        if results:
            yield ModelRequest(parts=results)
            results = []
        if message["role"] == "assistant":
            calls = [
                ToolCallPart(call["function"]["name"], call["function"]["arguments"], call["id"])
                for call in message.get("tool_calls") or ()
            ]
            names |= {call.tool_call_id: call.tool_name for call in calls}
            yield ModelResponse(parts=[*([TextPart(text)] if text else []), *calls])
        else:
            part = UserPromptPart(text) if message["role"] == "user" else SystemPromptPart(text)
            yield ModelRequest(parts=[part])
    if results:
        yield ModelRequest(parts=results)
