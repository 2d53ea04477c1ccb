"""OpenAI's client: `client = wrap_openai(OpenAI(), trust_cell=8)`, and the same for AsyncOpenAI and compatible servers.

Every way to send goes through the client's own hook for options: create, parse, stream, raw and streamed responses.
"""

import asyncio
from typing import Any, TypeVar

from optical_memory.adapters import missing
from optical_memory.view import Views, recall_tool

try:
    from openai import AsyncOpenAI, OpenAI
except ImportError as error:
    raise missing("openai", "openai") from error

Client = TypeVar("Client", OpenAI, AsyncOpenAI)
FIELDS = {"/chat/completions": ("messages", "openai"), "/responses": ("input", "responses")}
"""The field of a request that holds the history, and its shape, by the end of the path."""
RECALL_TOOL = recall_tool("openai")
RESPONSES_RECALL_TOOL = recall_tool("responses")
"""For `tools=[...]` of chat and of responses; `client.views.recall(query, messages, shape="openai")` answers the first, the input
and `shape="responses"` the second."""


def wrap_openai(client: Client, views: Views | None = None, **options: Any) -> Client:
    """A copy of a client that sends old turns as pages; `with_options` of it does so too. The one given stays as it is.

    Options are those of `Views`; `client.views.latest.report` tells of the latest request.
    """
    wrapper: Any = None
    kept = views if views is not None else Views(**options)
    kind: type[Any] = type(client)

    if isinstance(client, AsyncOpenAI):

        async def prepare_later(self: Any, request: Any) -> Any:
            prepared = await super(wrapper, self)._prepare_options(request)
            return await asyncio.to_thread(_seen, prepared, kept)

        hook: Any = prepare_later
    else:

        def prepare(self: Any, request: Any) -> Any:
            return _seen(super(wrapper, self)._prepare_options(request), kept)

        hook = prepare
    wrapper = type(f"Optical{kind.__name__}", (kind,), {"_prepare_options": hook, "views": kept})
    copy = client.copy()
    copy.__class__ = wrapper
    return copy


def _seen(request: Any, views: Views) -> Any:
    """The request options with the view in the place of the history. They are the attempt's own; what they hold is not."""
    body = request.json_data
    path = str(request.url).split("?")[0]
    found = next((value for end, value in FIELDS.items() if path.endswith(end)), None)
    if found is None or not isinstance(body, dict):
        return request
    field, shape = found
    if isinstance(body.get(field), list):
        view = views.view(body[field], str(body.get("model", "")), shape)
        if view.pages:
            request.json_data = {**body, field: view.messages}
    return request
