"""Real conversations through every adapter and the proxy, judged by the bytes that arrive: `optical-memory evaluate adapters`.

Every request is sent twice, with pages and without, by the adapter's own package to a provider in another process. Calls and
results must be paired as the API wants them, and nothing may differ but runs of messages that became pages.
"""

import asyncio
import gc
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette

from optical_memory.errors import MissingExtraError
from optical_memory.evaluation.lag import Lag, LoopLag
from optical_memory.memory.turn import parse_history
from optical_memory.proxy.app import build_app
from optical_memory.trials.conversations import Conversation, read_conversations
from optical_memory.trials.hosted import HostedCost, hosted_costs
from optical_memory.trials.pairs import changed, faults, num_pictures
from optical_memory.trials.processes import running
from optical_memory.trials.routes import ADAPTERS, THROUGH_PROXY, Route
from optical_memory.trials.timed_views import TimedViews
from optical_memory.trials.upstream import build_upstream
from optical_memory.view import Views
from optical_memory.view.steps import requests

TRUSTED_CELL = 8
SETTLE_SECONDS = 0.02
"""Between two requests: packages log the one before on the same loop."""
SHOWN_FAULTS = 5


class RouteTrial(BaseModel):
    """What arrived by one way in. `faults`: of requests with pages that the same requests without do not have."""

    model_config = ConfigDict(frozen=True)

    route: str
    requests: int
    with_pages: int
    pages: int
    pairs: int
    """Calls with their results that stood in the requests with pages."""
    faults: list[str]
    num_faults: int
    missing: str | None = None
    """What is not installed, if the route could not be tried."""
    lag: Lag | None = None
    """Of the event loop that waits for the view, while views were made; what packages do on it themselves is not ours. The
    proxy's own is a figure of `evaluate proxy`."""

    def __str__(self) -> str:
        if self.missing is not None:
            return f"{self.route:<24} not tried: {self.missing}"
        lag = "" if self.lag is None else f"; while we draw the loop is late by {self.lag}"
        told = "".join(f"\n    {fault}" for fault in self.faults)
        return (
            f"{self.route:<24} {self.requests:>5} requests, {self.with_pages:>4} with {self.pages:,} pages, "
            f"{self.pairs:,} pairs, {self.num_faults} faults{lag}{told}"
        )


class AdapterTrials(BaseModel):
    """All that `evaluate adapters` prints."""

    model_config = ConfigDict(frozen=True)

    conversations: int
    messages: int
    routes: list[RouteTrial]
    hosted: list[HostedCost]

    def __str__(self) -> str:
        head = f"{self.conversations} conversations, {self.messages:,} messages, cells of {TRUSTED_CELL} pixels trusted"
        return "\n".join([head, *map(str, self.routes), "", *map(str, self.hosted)])


def try_adapters(data: Path, readers: Sequence[str], per_conversation: int = 3) -> AdapterTrials:
    """Every conversation under `data`, at `per_conversation` of its requests, the last one among them."""
    conversations = read_conversations(data)
    routes = asyncio.run(_try_all(conversations, per_conversation))
    return AdapterTrials(
        conversations=len(conversations),
        messages=sum(len(conversation.messages) for conversation in conversations),
        routes=routes,
        hosted=hosted_costs(conversations, readers, TRUSTED_CELL),
    )


async def _try_all(conversations: Sequence[Conversation], per_conversation: int) -> list[RouteTrial]:
    histories = [history for item in conversations for history in _histories(item, per_conversation)]
    with running(build_upstream) as upstream, running(_build_proxy, upstream.url) as proxy:
        found = []
        for name, route in ADAPTERS.items():
            found.append(
                await _try(name, route, histories, upstream.url, upstream.url, TimedViews(trust_cell=TRUSTED_CELL))
            )
        for name, route in THROUGH_PROXY.items():
            found.append(await _try(name, route, histories, upstream.url, proxy.url, None))
    return found


def _build_proxy(upstream: str) -> Starlette:
    return build_app(upstream, Views(trust_cell=TRUSTED_CELL))


def _histories(conversation: Conversation, number: int) -> list[list[dict[str, Any]]]:
    """The conversation as it stood at some of its requests, evenly spread."""
    lengths = list(requests(parse_history(conversation.messages, "openai")))
    taken = {lengths[round((len(lengths) - 1) * (i + 1) / number)] for i in range(number)} if lengths else set()
    return [conversation.messages[:length] for length in sorted(taken)]


async def _try(
    name: str,
    route: Route,
    histories: Sequence[list[dict[str, Any]]],
    upstream: str,
    url: str,
    views: TimedViews | None,
) -> RouteTrial:
    try:
        plain, _ = await _sent(route, upstream, None, histories, f"{upstream}/latest")
        seen, lag = await _sent(route, url, views, histories, f"{upstream}/latest")
    except MissingExtraError as error:
        return _untried(name, str(error))
    except ImportError as error:
        return _untried(name, f"{error.name} is not installed")
    found = [
        fault
        for before, after in zip(plain, seen, strict=True)
        for fault in (*(fault for fault in faults(after) if fault not in faults(before)), *changed(after, before))
    ]
    drawn = [body for body in seen if num_pictures(body)]
    return RouteTrial(
        route=name,
        requests=len(seen),
        with_pages=len(drawn),
        pages=sum(map(num_pictures, drawn)),
        pairs=sum(map(_num_results, drawn)),
        faults=found[:SHOWN_FAULTS],
        num_faults=len(found),
        lag=lag,
    )


async def _sent(
    route: Route, url: str, views: TimedViews | None, histories: Sequence[list[dict[str, Any]]], latest: str
) -> tuple[list[dict[str, Any]], Lag | None]:
    """The bodies that arrived, and how late the loop woke others while views were made.

    Before each of them all that is held is frozen: what packages and callers keep is not ours to collect.
    """
    bodies: list[bytes] = []
    async with httpx2.AsyncClient(trust_env=False) as reading, route(url, views) as send, LoopLag() as lag:
        await send([{"role": "user", "content": "hello"}])  # loads what the package loads late
        gc.collect()
        for history in histories:
            gc.freeze()
            await asyncio.sleep(SETTLE_SECONDS)
            await send(history)
            bodies.append((await reading.get(latest)).content)
        gc.unfreeze()
        return [json.loads(body) for body in bodies], lag.found(views.times) if views is not None else None


def _untried(name: str, missing: str) -> RouteTrial:
    return RouteTrial(route=name, requests=0, with_pages=0, pages=0, pairs=0, faults=[], num_faults=0, missing=missing)


def _num_results(value: Any) -> int:
    if isinstance(value, Mapping):
        own = value.get("role") == "tool" or value.get("type") in ("function_call_output", "tool_result")
        return own + sum(map(_num_results, value.values()))
    return sum(map(_num_results, value)) if isinstance(value, list) else 0
