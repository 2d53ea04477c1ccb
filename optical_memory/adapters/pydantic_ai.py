"""Pydantic AI: `Agent(model, capabilities=[OpticalCapability(trust_cell=8)])`.

Requests are shaped before each attempt, when the serving model is known; the run's history is never touched.
"""

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from optical_memory.adapters import missing
from optical_memory.view import Views
from optical_memory.view.plan import RECALL_TOOL
from optical_memory.view.recall import DESCRIPTION

try:
    from pydantic_ai import RunContext
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.messages import (
        BinaryContent,
        CachePoint,
        ModelMessage,
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        ThinkingPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )
    from pydantic_ai.models import ModelRequestContext
    from pydantic_ai.toolsets import FunctionToolset
except ImportError as error:
    raise missing("pydantic-ai", "pydantic-ai") from error


class OpticalCapability(AbstractCapability[Any]):  # type: ignore[misc]
    """Shows the model old turns as pages. Options are those of `Views`; `recall=True` gives it the tool `recall_memory`."""

    def __init__(self, views: Views | None = None, *, recall: bool = False, **options: Any) -> None:
        self.views = views if views is not None else Views(**options)
        self.recall = recall

    async def prepare_model_request(
        self,
        ctx: RunContext[Any],  # noqa: ARG002
        request_context: ModelRequestContext,
    ) -> ModelRequestContext:
        shown = await asyncio.to_thread(self._seen, request_context.messages, request_context.model.model_name)
        return request_context if shown is None else replace(request_context, messages=shown)

    def _seen(self, messages: list[ModelMessage], model: str) -> list[ModelMessage] | None:
        view = self.views.view(as_blocks(messages), model, "anthropic")
        if not view.pages:
            return None
        return [messages[part] if isinstance(part, int) else page_request(part) for part in view.layout]

    def get_toolset(self) -> FunctionToolset[Any] | None:
        if not self.recall:
            return None

        def recall_memory(ctx: RunContext[Any], query: str) -> str:
            return self.views.recall(query, as_blocks(ctx.messages), ctx.model.model_name, "anthropic")

        toolset: FunctionToolset[Any] = FunctionToolset()
        toolset.add_function(recall_memory, name=RECALL_TOOL, description=DESCRIPTION)
        return toolset


def as_blocks(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    """One message of content blocks for each of Pydantic AI's; parts without a translation keep their message as it is."""
    return [
        {"role": _role(message), "content": [block for part in message.parts for block in _blocks(part)]}
        for message in messages
    ]


def _role(message: ModelMessage) -> str:
    if isinstance(message, ModelResponse):
        return "assistant"
    return "system" if any(isinstance(part, SystemPromptPart) for part in message.parts) else "user"


def _blocks(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, (SystemPromptPart, TextPart)):
        return [{"type": "text", "text": part.content}]
    if isinstance(part, UserPromptPart):
        content = [part.content] if isinstance(part.content, str) else part.content
        return [_said(item) for item in content]
    if isinstance(part, ToolCallPart):
        arguments = json.loads(part.args_as_json_str() or "null")
        return [{"type": "tool_use", "id": part.tool_call_id, "name": part.tool_name, "input": arguments}]
    if isinstance(part, ToolReturnPart):
        files = [{"type": _kind(file)} for file in part.files]
        text = {"type": "text", "text": part.model_response_str()}
        return [{"type": "tool_result", "tool_use_id": part.tool_call_id, "content": [text, *files]}]
    if isinstance(part, ThinkingPart):
        return [{"type": "thinking"}]
    return [{"type": str(getattr(part, "part_kind", type(part).__name__))}]


def _said(item: Any) -> dict[str, Any]:
    if isinstance(item, str):
        return {"type": "text", "text": item}
    if isinstance(item, CachePoint):
        return {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}
    return {"type": _kind(item)}


def _kind(item: Any) -> str:
    return "image" if isinstance(item, BinaryContent) and item.is_image else str(getattr(item, "kind", "attachment"))


def page_request(message: dict[str, Any]) -> ModelRequest:
    """A page message as Pydantic AI's user prompt."""
    content = [
        block["text"]
        if block["type"] == "text"
        else BinaryContent(base64.b64decode(block["source"]["data"]), media_type="image/png")
        for block in message["content"]
    ]
    return ModelRequest(parts=[UserPromptPart(content=content)])
