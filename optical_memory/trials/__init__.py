"""Real conversations through every adapter, the proxy and the server: what is sent, what it costs, how long a loop waits."""

from importlib.util import find_spec

from optical_memory.adapters import missing

for _package in ("starlette", "httpx2", "uvicorn"):
    if find_spec(_package) is None:
        raise missing(_package, "proxy")
