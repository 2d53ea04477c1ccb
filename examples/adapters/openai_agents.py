"""OpenAI Agents with old turns as pages and a recall tool: `python examples/adapters/openai_agents.py`."""

import asyncio

from agents import Agent, RunConfig, Runner, SQLiteSession, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call
from double import HISTORY, num_pictures

from optical_memory.adapters.agents import OpticalFilter, OpticalSession
from optical_memory.view import Views


async def main() -> None:
    set_tracing_disabled(True)
    views = Views("gpt-5", trust_cell=8)
    seen = OpticalFilter(views)
    session = OpticalSession(SQLiteSession("example"), views, "gpt-5")
    await session.add_items(
        [
            {"role": m["role"], "content": m["content"]}
            for m in HISTORY
            if m["role"] in ("user", "assistant") and m["content"]
        ]
    )
    asked = function_call("recall_memory", {"query": "token of the archive"}, call_id="recall-1")
    model = ScriptedModel([[asked], [assistant_message("It is on page 1.")]])
    agent = Agent(name="archivist", model=model, tools=[seen.recall])
    run = RunConfig(call_model_input_filter=seen)
    result = await Runner.run(agent, "Which token does the archive have?", session=session, run_config=run)
    print(f"The model was shown {num_pictures(model.calls[-1].input)} pages, and said: {result.final_output}")
    recalled = next(item for item in model.calls[-1].input if item.get("type") == "function_call_output")
    print("4f9a1c77" in recalled["output"])


asyncio.run(main())
