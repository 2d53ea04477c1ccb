"""A turn: one message of a conversation, and how foreign messages become turns. Foreign JSON is checked here and nowhere else."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from optical_memory.errors import InvalidHistoryError

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
_FOREIGN_ROLES: dict[str, Role] = {"human": "user", "ai": "assistant"}
_ALIASES: dict[str, Role] = {"developer": "system", "function": "tool", **_FOREIGN_ROLES}
_TEXT_PARTS = (None, "text", "input_text", "output_text", "refusal")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the assistant made: `arguments` is the JSON text as it was sent."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `content` is its text; what is not text is named in `attachments` and keeps the turn from being drawn."""

    role: Role
    content: str
    id: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    answers: str | None = None
    """The id of the tool call that this turn is the result of."""
    name: str | None = None
    time: float | None = None
    """Seconds since the epoch, if known."""
    attachments: tuple[str, ...] = ()
    message: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The message as it came, handed back unchanged where the turn stays text."""

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise InvalidHistoryError(f"role {self.role!r} is unknown; a turn's role is one of {', '.join(ROLES)}")

    @property
    def text(self) -> str:
        """Everything of the turn that is text: the speaker's name, the content, and its tool calls."""
        return "".join(text for _, text in self.passages())

    def passages(self) -> list[tuple[str, str]]:
        """(label, text) in order, labelled for the renderer; always at least one."""
        label: str = "tool_result" if self.role == "tool" else self.role
        speaker = f"{self.name}: " if self.name else ""
        passages = [(label, speaker + self.content)] if self.content or not self.tool_calls else []
        passages += [("tool_call", f"{call.name}({call.arguments})") for call in self.tool_calls]
        return passages

    def as_message(self) -> dict[str, Any]:
        """The turn in OpenAI's chat shape: as it came, if it came so."""
        if self.message is not None:
            role = self.message.get("role")
            return dict(self.message) if role not in _FOREIGN_ROLES else {**self.message, "role": self.role}
        message: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.name:
            message["name"] = self.name
        if self.answers is not None:
            message["tool_call_id"] = self.answers
        if self.tool_calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.tool_calls
            ]
        return message


def parse_history(history: Iterable[Turn | Mapping[str, Any]]) -> list[Turn]:
    """Chat messages (OpenAI's shape) or turns, in order, each with an id of its own.

    Raises InvalidHistoryError that says which message is wrong and what was expected; nothing is dropped in silence.
    """
    if isinstance(history, (str, bytes, Mapping)) or not isinstance(history, Iterable):
        raise InvalidHistoryError(
            f"a history is a list of messages, got {type(history).__name__}; "
            'wrap it: [{"role": "user", "content": ...}]'
        )
    turns = [
        message if isinstance(message, Turn) else parse_message(message, index) for index, message in enumerate(history)
    ]
    given: dict[str, int] = {}
    for index, turn in enumerate(turns):
        if turn.id and given.setdefault(turn.id, index) != index:
            raise InvalidHistoryError(
                f"message {index} has the id {turn.id!r}, which message {given[turn.id]} has: ids must differ"
            )
    return [turn if turn.id else replace(turn, id=_free_id(index, given)) for index, turn in enumerate(turns)]


def _free_id(index: int, taken: Mapping[str, int]) -> str:
    """`turn-INDEX`, with as many primes as it takes to differ from the ids that came with the history."""
    identity = f"turn-{index}"
    while identity in taken:
        identity += "'"
    return identity


def parse_message(message: Mapping[str, Any], index: int) -> Turn:
    """One message in OpenAI's chat shape. `index` is only for the error's text."""
    if not isinstance(message, Mapping):
        raise InvalidHistoryError(
            f"message {index} is a {type(message).__name__}; expected a dict with 'role' and 'content'"
        )
    role = _role(message, index)
    content, attachments = _content(message.get("content"), index)
    return Turn(
        role,
        content,
        id=str(message["id"]) if message.get("id") else "",
        tool_calls=tuple(_tool_calls(message, index)),
        answers=str(message["tool_call_id"]) if message.get("tool_call_id") else None,
        name=str(message["name"]) if message.get("name") else None,
        attachments=attachments,
        message=message,
    )


def _role(message: Mapping[str, Any], index: int) -> Role:
    role = message.get("role")
    role = _ALIASES.get(role, role) if isinstance(role, str) else role
    if role not in ROLES:
        known = ", ".join((*ROLES, *_ALIASES))
        raise InvalidHistoryError(f"message {index} has role {role!r}; known roles are {known}")
    return cast(Role, role)


def _content(content: Any, index: int) -> tuple[str, tuple[str, ...]]:
    """The text of a content field, and the kinds of its parts that are not text."""
    if content is None:
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, Sequence):
        raise InvalidHistoryError(
            f"message {index} has content of type {type(content).__name__}; expected text or a list of parts"
        )
    texts, attachments = [], []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, Mapping):
            attachments.append(str(part.get("type", "unknown part")))
        else:
            raise InvalidHistoryError(
                f"message {index} has a content part of type {type(part).__name__}; expected a dict"
            )
    return "\n".join(texts), tuple(attachments)


def _tool_calls(message: Mapping[str, Any], index: int) -> Iterable[ToolCall]:
    calls = message.get("tool_calls") or ()
    if isinstance(message.get("function_call"), Mapping):
        calls = [{"id": "", "function": message["function_call"]}]  # the shape before tool_calls
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise InvalidHistoryError(f"message {index} has tool_calls of type {type(calls).__name__}; expected a list")
    for call in calls:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise InvalidHistoryError(f"message {index} has a tool call without a function name: {str(call)[:80]!r}")
        arguments = function.get("arguments", "")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        yield ToolCall(str(call.get("id", "")), function["name"], text)


def tool_units(turns: Sequence[Turn]) -> list[tuple[int, ...]]:
    """Positions of turns that belong together: a turn with tool calls and every later turn that answers one of them.

    A result that names no call belongs to the call right before it.
    """
    caller: dict[str, int] = {}
    units: dict[int, list[int]] = {}
    latest: int | None = None
    for position, turn in enumerate(turns):
        if turn.tool_calls:
            latest = position
            units[position] = [position]
            caller |= {call.id: position for call in turn.tool_calls if call.id}
        elif turn.role != "tool":
            latest = None
        unnamed = turn.role == "tool" and turn.answers is None
        origin = latest if unnamed else caller.get(turn.answers or "")
        if origin is not None and origin != position:
            units[origin].append(position)
    return [tuple(unit) for unit in units.values()]
