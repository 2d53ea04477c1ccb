"""A request's body with its history as pages. Pure but for the cache of drawings; what cannot be read goes on as it came."""

import json
from dataclasses import dataclass
from typing import Any

from optical_memory.view import View, Views
from optical_memory.view.marks import mark_last_page

FIELDS = {
    "/chat/completions": ("messages", "openai"),
    "/responses": ("input", "responses"),
    "/messages": ("messages", "anthropic"),
    "/messages/count_tokens": ("messages", "anthropic"),
    ":generateContent": ("contents", "gemini"),
    ":streamGenerateContent": ("contents", "gemini"),
    ":countTokens": ("contents", "gemini"),
}
"""The field of a request that holds the history, and its shape, by the end of the path."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """`body` is the very bytes that came where nothing was drawn; `told` is the header that says what was saved, or why not."""

    body: bytes
    told: str


def holds_history(path: str) -> bool:
    return path.endswith(tuple(FIELDS))


def rewrite(path: str, body: bytes, views: Views, scope: str) -> Rewritten | None:
    """The request to send on; None for a path that holds no history."""
    found = next(((end, *value) for end, value in FIELDS.items() if path.endswith(end)), None)
    if found is None:
        return None
    end, field, shape = found
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return Rewritten(body, told(None, "the body is not JSON"))
    history = request.get(field) if isinstance(request, dict) else None
    if not isinstance(history, list):
        return Rewritten(body, told(None, f"{field!r} is no list of messages"))
    if request.get("cache_control"):
        return Rewritten(body, told(None, "the whole request is marked for the cache"))
    model = str(request.get("model", "")) if not end.startswith(":") else path.rsplit("/", 1)[-1].split(":")[0]
    view = views.view(history, model, shape, scope)
    if not view.pages:
        return Rewritten(body, told(view, view.report.reason))
    messages = mark_last_page(request, view) if shape == "anthropic" else view.messages
    changed: dict[str, Any] = {**request, field: messages}
    return Rewritten(json.dumps(changed, separators=(",", ":")).encode("ascii"), told(view, None))


def told(view: View | None, reason: str | None) -> str:
    """The value of the header `x-optical-memory`; `reread`: tokens that new pages take out of a warm prompt cache."""
    report = view.report if view is not None else None
    counts = (
        f"saved={report.saved}; before={report.tokens_before}; after={report.tokens_after}; pages={report.num_pages}; "
        f"reread={report.rewrite.reread_tokens if report.rewrite is not None else 0}"
        if report is not None and report.num_pages
        else "saved=0; pages=0"
    )
    clean = "".join(c if " " <= c <= "~" and c not in ';"' else "?" for c in reason or "")[:200]
    return counts + (f"; reason={clean}" if clean else "")
