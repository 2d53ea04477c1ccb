"""OpenAI's client with old turns as pages: `python examples/adapters/openai_client.py`.

With a key of yours, leave `http_client` out; run `optical-memory calibrate` once instead of trusting a cell size.
"""

import httpx2
from double import HISTORY, transport
from openai import OpenAI

from optical_memory.adapters.openai import wrap_openai

with httpx2.Client(transport=transport()) as http:
    client = wrap_openai(OpenAI(api_key="none", http_client=http), trust_cell=8)
    reply = client.chat.completions.create(model="gpt-5", messages=HISTORY)
    print(reply.choices[0].message.content)
    print(str(client.views.latest.report).splitlines()[0])
    print(client.views.recall("token of the archive", HISTORY, shape="openai", limit=1))
