"""Anthropic's client with old turns as pages: `python examples/adapters/anthropic_client.py`."""

import httpx2
from anthropic import Anthropic
from double import HISTORY, transport

from optical_memory.adapters.anthropic import OpticalMiddleware

history = [
    {"role": message["role"], "content": message["content"]}
    for message in HISTORY
    if message["role"] in ("user", "assistant") and message["content"]
]
middleware = OpticalMiddleware(trust_cell=8)
with httpx2.Client(transport=transport()) as http:
    client = Anthropic(api_key="none", http_client=http, middleware=[middleware])
    reply = client.messages.create(model="claude-sonnet-4-6", max_tokens=100, messages=history)
print(reply.content[0].text)
print(str(middleware.report).splitlines()[0])
