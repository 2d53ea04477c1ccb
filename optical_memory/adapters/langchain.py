"""LangChain agents: `create_agent(model, tools, middleware=[OpticalMiddleware(trust_cell=8)])`, sync and async.

The agent's state keeps its messages; only the request to the model has pages in it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from optical_memory.adapters import missing
from optical_memory.memory.wire import chat, has_cache_mark
from optical_memory.modes import NATIVE_MODES
from optical_memory.view import Views
from optical_memory.view.plan import RECALL_TOOL
from optical_memory.view.recall import DESCRIPTION
from optical_memory.view.viewer import PICTURE_TYPES

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
    from langchain.tools import InjectedState
    from langchain_core.messages import BaseMessage, HumanMessage, convert_to_openai_messages
    from langchain_core.tools import tool
except ImportError as error:
    raise missing("langchain", "langchain") from error

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


class OpticalMiddleware(AgentMiddleware):  # type: ignore[misc]
    """Shows the model old turns as pages. Options are those of `Views`; `recall=True` gives it the tool `recall_memory`."""

    def __init__(self, views: Views | None = None, *, recall: bool = False, **options: Any) -> None:
        super().__init__()
        self.views = views if views is not None else Views(**options)
        self.tools = [self.recall_tool()] if recall else []

    def wrap_model_call(self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]) -> ModelResponse:
        return handler(self._seen(request))

    async def awrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], Awaitable[ModelResponse]]
    ) -> ModelResponse:
        return await handler(await asyncio.to_thread(self._seen, request))

    def recall_tool(self) -> Any:
        """The tool `recall_memory` over the agent's own state."""

        def recall_memory(query: str, messages: Annotated[list[Any], InjectedState("messages")]) -> str:
            return self.views.recall(query, as_chat(messages), shape="openai")

        return tool(RECALL_TOOL, description=DESCRIPTION)(recall_memory)

    def count_tokens(self, messages: Sequence[BaseMessage], model: str | None = None) -> int:
        """For `token_counter=` of LangChain's own middleware, whose counter takes 85 for a picture: texts in DeepSeek's
        vocabulary times the factor of the reader (the one asked last if none is named), every picture at the price of a page."""
        viewer = self.views.viewer(self.views.latest_model if model is None else model)
        side = viewer.mode.side if viewer.mode is not None else NATIVE_MODES[0].side
        turns = [chat.read_message(message, index) for index, message in enumerate(as_chat(messages))]
        texts = viewer.counts.of([turn.text for turn in turns])
        pictures = sum(kind in PICTURE_TYPES for turn in turns for kind in turn.attachments)
        return round(sum(texts) * viewer.reader.text_factor) + pictures * viewer.reader.price.tokens(side, side)

    def _seen(self, request: ModelRequest) -> ModelRequest:
        messages = request.messages
        view = self.views.view(as_chat(messages), model_name(request.model), "openai")
        if not view.pages:
            return request
        shown = [
            messages[part] if isinstance(part, int) else HumanMessage(content=part["content"]) for part in view.layout
        ]
        return request.override(messages=shown)


def as_chat(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """One chat message for each of LangChain's; what does not fit into one is marked as unknown and so stays as it is."""
    return [_as_chat(message) for message in messages]


def _as_chat(message: BaseMessage) -> dict[str, Any]:
    try:
        converted = convert_to_openai_messages([message])
        if len(converted) == 1:
            chat.read_message(converted[0], 0)
            mark = {"cache_control": {"type": "ephemeral"}} if has_cache_mark(message.content) else {}
            return {**converted[0], **mark}  # the translation loses it with the block that it stood in
    except Exception:  # whatever LangChain or we cannot translate is left alone
        pass
    return {"role": _ROLES.get(message.type, "user"), "content": [{"type": f"a {message.type} message"}]}


def model_name(model: Any) -> str:
    """The name of a chat model: integrations call the field `model` or `model_name`."""
    name = getattr(model, "model_name", None) or getattr(model, "model", None)
    return name if isinstance(name, str) else ""
