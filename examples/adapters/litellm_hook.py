"""LiteLLM with old turns as pages: `python examples/adapters/litellm_hook.py`."""

import asyncio
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or LiteLLM fetches its prices when it is imported

import litellm
from double import HISTORY

from optical_memory.adapters.litellm import OpticalHook

hook = OpticalHook(trust_cell=8)
litellm.callbacks.append(hook)
reply = asyncio.run(litellm.acompletion(model="gpt-5", messages=HISTORY, mock_response="done"))
print(reply.choices[0].message.content)
print(str(hook.views.latest.report).splitlines()[0])
