"""Anthropic's client: `Anthropic(middleware=[OpticalMiddleware(trust_cell=8)])`, and the same for AsyncAnthropic.

The middleware runs once for each attempt, on a request that is not written to; the same history gives the same bytes.
"""

import asyncio
from typing import Any

from optical_memory.adapters import missing
from optical_memory.view import ViewReport, Views, recall_tool
from optical_memory.view.marks import mark_last_page

try:
    from anthropic import APIRequest, AsyncCallNext, CallNext, Middleware
except ImportError as error:
    raise missing("anthropic", "anthropic") from error

PATHS = ("/v1/messages", "/v1/messages/count_tokens")
RECALL_TOOL = recall_tool("anthropic")
"""For `tools=[...]`; `middleware.views.recall(query, messages, shape="anthropic")` answers it."""


class OpticalMiddleware(Middleware):  # type: ignore[misc]
    """Sends old turns as pages. Options are those of `Views`; `report` tells of the latest request."""

    def __init__(self, views: Views | None = None, **options: Any) -> None:
        self.views = views if views is not None else Views(**options)

    @property
    def report(self) -> ViewReport | None:
        return self.views.latest.report if self.views.latest is not None else None

    def handle(self, request: APIRequest, call_next: CallNext) -> Any:
        return call_next(self._seen(request))

    async def handle_async(self, request: APIRequest, call_next: AsyncCallNext) -> Any:
        return await call_next(await asyncio.to_thread(self._seen, request))

    def _seen(self, request: APIRequest) -> APIRequest:
        body = request.json
        path = request.url.split("?")[0]
        if not path.endswith(PATHS) or not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return request
        if _marks_cache(body):
            return request
        view = self.views.view(body["messages"], str(body.get("model", "")), "anthropic")
        return request.copy(body={**body, "messages": mark_last_page(body, view)}) if view.pages else request


def _marks_cache(body: dict[str, Any]) -> bool:
    """Whether the whole request is marked for the cache: its mark then stands on the last block, and nothing may be drawn."""
    return bool(body.get("cache_control"))
