"""Recall as a tool: a model that finds a page hard to read asks for the words themselves, and gets them from the source."""

from collections.abc import Mapping, Sequence
from typing import Any

from optical_memory.view.drawing import DrawnPage
from optical_memory.view.plan import RECALL_TOOL

DESCRIPTION = (
    "Looks something up in the earlier turns of this conversation, which are shown as page images, and returns the exact text. "
    "Use it instead of guessing whenever a name, number, path or identifier on a page is hard to read."
)
PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "words that stand near what you look for"}},
    "required": ["query"],
    "additionalProperties": False,
}
PASSAGE_LENGTH = 1200
"""Characters of each passage that comes back."""


def recall_tool(shape: str = "openai") -> dict[str, Any]:
    """The tool's definition, as the APIs of a wire shape take it."""
    named = {"name": RECALL_TOOL, "description": DESCRIPTION}
    if shape == "anthropic":
        return {**named, "input_schema": dict(PARAMETERS)}
    if shape == "responses":
        return {"type": "function", **named, "parameters": dict(PARAMETERS), "strict": True}
    if shape == "gemini":
        schema = {key: value for key, value in PARAMETERS.items() if key != "additionalProperties"}
        return {**named, "parameters": schema}
    return {"type": "function", "function": {**named, "parameters": dict(PARAMETERS)}}


def recall(pages: Sequence[DrawnPage], query: str, limit: int = 3) -> str:
    """The passages of pages that matter most to a query, best first, as the tool's answer."""
    from optical_memory.memory.recall import PageIndex, best_window  # imports faiss

    if not pages:
        return "Nothing of this conversation is on pages."
    index = PageIndex()
    for number, page in enumerate(pages, 1):
        index.add(number, page.text)
    rarity = index.rarity(query)
    passages = []
    for key, _ in index.search(query, limit):
        page = pages[int(str(key)) - 1]
        passages.append(
            f"[page {key}, messages {page.first} to {page.last}] {best_window(page.text, rarity, PASSAGE_LENGTH)[1]}"
        )
    return "\n\n".join(passages) or "No page shares a word with that query."
