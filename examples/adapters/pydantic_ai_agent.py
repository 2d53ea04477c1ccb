"""A Pydantic AI agent with old turns as pages: `python examples/adapters/pydantic_ai_agent.py`."""

from double import HISTORY
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.test import TestModel

from optical_memory.adapters.pydantic_ai import OpticalCapability

history: list[ModelMessage] = [
    ModelRequest(parts=[UserPromptPart(message["content"])])
    if message["role"] == "user"
    else ModelResponse(parts=[TextPart(message["content"])])
    for message in HISTORY
    if message["role"] in ("user", "assistant") and message["content"]
]
capability = OpticalCapability(reader="gpt-5", trust_cell=8)
result = Agent(TestModel(), capabilities=[capability]).run_sync("What did we decide?", message_history=history)
print(f"{len(result.all_messages())} messages in the history; {str(capability.views.latest.report).splitlines()[0]}")
