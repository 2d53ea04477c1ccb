"""OpenAI Agents: `RunConfig(call_model_input_filter=OpticalFilter(trust_cell=8))`, and a session that draws between turns.

The session's own history is never rewritten: pages are in what the model gets, not in what is stored.
"""

import asyncio
import json
from typing import Any

from optical_memory.adapters import missing
from optical_memory.errors import OpticalMemoryError
from optical_memory.view import Views, recall_tool
from optical_memory.view.plan import RECALL_TOOL

try:
    from agents import FunctionTool
    from agents.models import get_default_model
    from agents.run import CallModelData, ModelInputData
except ImportError as error:
    raise missing("openai-agents", "agents") from error


class OpticalFilter:
    """Called before every model call. Options are those of `Views`. Give each conversation a filter and views of its own: the
    tool `recall` is not told which one asks, and looks into none where there are several.

    `model`: what `RunConfig(model=...)` names, which the runner prefers to the agent's own and does not tell a filter. An agent
    without a model has the SDK's default.
    """

    def __init__(self, views: Views | None = None, *, model: str = "", **options: Any) -> None:
        self.views = views if views is not None else Views(**options)
        self.model = model

    async def __call__(self, data: CallModelData[Any]) -> ModelInputData:
        items = data.model_data.input
        own = data.agent.model
        model = self.model or (get_default_model() if own is None else model_name(own))
        view = await asyncio.to_thread(self.views.view, items, model, "responses")
        return ModelInputData(input=view.messages, instructions=data.model_data.instructions)

    @property
    def recall(self) -> FunctionTool:
        """The tool `recall_memory`, for `Agent(tools=[...])`."""
        definition = recall_tool("responses")

        async def answer(context: Any, arguments: str) -> str:  # noqa: ARG001
            try:
                query = str(json.loads(arguments)["query"])
            except (ValueError, KeyError, TypeError):
                return f'{RECALL_TOOL} takes {{"query": words that stand near what you look for}}, got {arguments!r}'
            try:
                return await asyncio.to_thread(self.views.recall, query)
            except OpticalMemoryError as error:
                return str(error)

        return FunctionTool(
            name=definition["name"],
            description=definition["description"],
            params_json_schema=definition["parameters"],
            on_invoke_tool=answer,
        )


class OpticalSession:
    """A session that hands everything on to the one it wraps, and draws new pages when a turn has been saved.

    So the next call of the filter, which must share its `views`, finds its pages made.
    """

    def __init__(self, session: Any, views: Views, model: str) -> None:
        self.session = session
        self.views = views
        self.model = model
        self.session_id: str = session.session_id
        self.session_settings = getattr(session, "session_settings", None)

    async def get_items(self, limit: int | None = None) -> list[Any]:
        return list(await self.session.get_items(limit))

    async def add_items(self, items: list[Any]) -> None:
        await self.session.add_items(items)

    async def pop_item(self) -> Any:
        return await self.session.pop_item()

    async def clear_session(self) -> None:
        await self.session.clear_session()

    async def run_compaction(self, args: Any = None) -> None:  # noqa: ARG002
        """Draws what has become old; called by the runner after a turn is saved. Nothing is rewritten, whatever `args` says."""
        items = await self.session.get_items()
        await asyncio.to_thread(self.views.viewer(self.model).view, items, "responses")


def model_name(model: Any) -> str:
    """The name of an agent's model, which may be a name, a model object, or nothing."""
    return model if isinstance(model, str) else str(getattr(model, "model", "") or "")
