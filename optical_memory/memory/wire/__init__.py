"""The shapes that messages have on the wire: recognised, read into turns, and written back. Foreign JSON is checked here
and nowhere else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optical_memory.errors import InvalidHistoryError
from optical_memory.memory.turn import Turn
from optical_memory.memory.wire import anthropic, chat, gemini, responses
from optical_memory.memory.wire.picture import Picture


@dataclass(frozen=True, slots=True)
class Shape:
    """`read`: one message (and its position, for errors) to a turn. `told`, `shown`: a user message of text, of pages."""

    name: str
    read: Callable[[Mapping[str, Any], int], Turn]
    told: Callable[[str], dict[str, Any]]
    shown: Callable[[Sequence[str | Picture]], dict[str, Any]]


SHAPES: Mapping[str, Shape] = {
    name: Shape(name, module.read_message, module.told, module.shown)
    for name, module in (("openai", chat), ("responses", responses), ("anthropic", anthropic), ("gemini", gemini))
}


def shape_named(name: str) -> Shape:
    """Raises InvalidHistoryError for a name that is not known."""
    if name not in SHAPES:
        raise InvalidHistoryError(f"messages come in the shapes {', '.join(SHAPES)}; got {name!r}")
    return SHAPES[name]


def shape_of(messages: Sequence[Any]) -> str:
    """The shape that messages have, by the first one that tells; messages of plain text alone count as OpenAI's chat.

    Blocks that Anthropic's shape knows tell nothing where tools are called in OpenAI's way: some put them into chat messages.
    """
    blocks = () if any(_has_tools_of_chat(message) for message in messages) else anthropic.BLOCKS
    for message in messages:
        if not isinstance(message, Mapping):
            continue
        if "parts" in message and "content" not in message:
            return "gemini"
        if ("role" not in message and isinstance(message.get("type"), str)) or message.get("type") in responses.ITEMS:
            return "responses"
        if responses.is_bare_reference(message):
            return "responses"
        if message.get("role") in ("system", "developer", "tool", "function") or message.get("tool_calls"):
            continue  # chat and Responses share these roles
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, Mapping) else None
            if kind in responses.PARTS:
                return "responses"
            if kind in blocks:
                return "anthropic"
    return "openai"


def _has_tools_of_chat(message: Any) -> bool:
    return isinstance(message, Mapping) and (
        message.get("role") in ("tool", "function") or bool(chat.tool_keys(message))
    )


def read_messages(messages: Sequence[Turn | Mapping[str, Any]], shape: str | None = None) -> list[Turn]:
    """Turns as they are, messages read by their shape; what the conversation itself protects is marked as `kept`."""
    reader = shape_named(shape_of(messages) if shape is None else shape)
    turns = [
        message if isinstance(message, Turn) else reader.read(message, index) for index, message in enumerate(messages)
    ]
    marked = max((index for index, turn in enumerate(turns) if has_cache_mark(turn.message)), default=-1)
    loose = {index for index in (*unpaired(turns), *unasked(turns)) if not isinstance(messages[index], Turn)}
    return [
        replace(turn, kept="at or before a cache mark")
        if index <= marked
        else replace(turn, kept="a tool call without its result, or a result without its call")
        if index in loose
        else turn
        for index, turn in enumerate(turns)
    ]


def has_cache_mark(message: Any) -> bool:
    """Whether a `cache_control` stands anywhere in a message's blocks."""
    if isinstance(message, Mapping):
        if message.get("cache_control"):
            return True
        return any(has_cache_mark(message[key]) for key in ("content", "parts") if isinstance(message.get(key), list))
    return isinstance(message, list) and any(has_cache_mark(block) for block in message)


def unpaired(turns: Sequence[Turn]) -> Iterator[int]:
    """Positions of turns with a call that nothing answers, or an answer that nothing asked for; and of reasoning that leads
    to nothing. Calls without an id are answered by the results right after them."""
    called = {call.id for turn in turns for call in turn.tool_calls if call.id}
    answered = {call for turn in turns for call in turn.answered}
    for index, turn in enumerate(turns):
        calls = {call.id for call in turn.tool_calls if call.id}
        lacking = sum(not call.id for call in turn.tool_calls)
        for later in turns[index + 1 :] if lacking else ():
            if not later.is_unnamed_result:
                break
            lacking -= max(1, len(later.results))
        leads_nowhere = turn.leads and (index + 1 == len(turns) or turns[index + 1].role != "assistant")
        if calls - answered or set(turn.answered) - called or lacking > 0 or leads_nowhere:
            yield index


def unasked(turns: Sequence[Turn]) -> Iterator[int]:
    """Positions of unnamed results that no call stands before."""
    open_call = False
    for index, turn in enumerate(turns):
        if turn.is_unnamed_result and not open_call:
            yield index
        open_call = bool(turn.tool_calls) or (open_call and turn.is_unnamed_result)
