"""A LangChain agent with old turns as pages: `python examples/adapters/langchain_agent.py`."""

from double import HISTORY
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, convert_to_messages

from optical_memory.adapters.langchain import OpticalMiddleware

middleware = OpticalMiddleware(reader="gpt-5", trust_cell=8)
model = GenericFakeChatModel(messages=iter([AIMessage("done")]))
agent = create_agent(model, middleware=[middleware])
result = agent.invoke({"messages": convert_to_messages(HISTORY)})
print(f"{len(result['messages'])} messages in the state; {str(middleware.views.latest.report).splitlines()[0]}")
