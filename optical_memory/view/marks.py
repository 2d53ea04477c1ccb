"""Anthropic's cache marks: who marks a part of a request has the pages behind it cached as well, by a mark on the last page."""

from typing import Any

from optical_memory.view.viewer import View

MOST_MARKS = 4
MARK = {"type": "ephemeral"}


def mark_last_page(body: dict[str, Any], view: View) -> list[Any]:
    """The view's messages, with a mark on the last page if the request holds marks and room for one more.

    A request without any is not cached by its sender's choice, and stays so.
    """
    marks = num_marks(body)
    place = max((i for i, part in enumerate(view.layout) if isinstance(part, dict)), default=None)
    if place is None or not 0 < marks < MOST_MARKS:
        return view.messages
    page = view.messages[place]
    marked = {**page, "content": [*page["content"][:-1], {**page["content"][-1], "cache_control": MARK}]}
    return [*view.messages[:place], marked, *view.messages[place + 1 :]]


def num_marks(value: Any) -> int:
    """Cache marks anywhere in a request."""
    if isinstance(value, dict):
        return bool(value.get("cache_control")) + sum(num_marks(item) for item in value.values())
    return sum(num_marks(item) for item in value) if isinstance(value, list) else 0
