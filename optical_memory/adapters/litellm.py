"""LiteLLM: `litellm.callbacks.append(OpticalHook(trust_cell=8))` for `acompletion`, the router and the proxy server.

LiteLLM's hook is for async calls alone; `OpticalHook.completion` stands in for the sync `litellm.completion`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from optical_memory.adapters import missing
from optical_memory.view import Views, recall_tool

try:
    import litellm
    from litellm.integrations.custom_logger import CustomLogger
except ImportError as error:
    raise missing("litellm", "litellm") from error

RECALL_TOOL = recall_tool("openai")
"""For `tools=[...]`; `hook.views.recall(query, messages, shape="openai")` answers it."""


class OpticalHook(CustomLogger):  # type: ignore[misc]
    """Sends old turns as pages. Options are those of `Views`."""

    def __init__(self, views: Views | None = None, **options: Any) -> None:
        super().__init__()
        self.views = views if views is not None else Views(**options)

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> dict[str, Any] | None:
        """Called by LiteLLM, which does not catch what is raised here: with `strict` unset, nothing is."""
        if getattr(call_type, "value", call_type) not in ("completion", "acompletion"):
            return None
        return await asyncio.to_thread(self._seen, kwargs)

    def completion(self, model: str, messages: Sequence[Any] = (), **kwargs: Any) -> Any:
        """`litellm.completion` with old turns as pages; messages may be LiteLLM's own, as its replies hold them."""
        asked = {"model": model, "messages": [_as_dict(message) for message in messages], **kwargs}
        return litellm.completion(**(self._seen(asked) or asked))

    def _seen(self, kwargs: dict[str, Any]) -> dict[str, Any] | None:
        messages = kwargs.get("messages")
        if not isinstance(messages, list):
            return None
        view = self.views.view(messages, str(kwargs.get("model", "")), "openai")
        return {**kwargs, "messages": view.messages} if view.pages else None


def _as_dict(message: Any) -> Any:
    return message.model_dump(exclude_none=True) if hasattr(message, "model_dump") else message
