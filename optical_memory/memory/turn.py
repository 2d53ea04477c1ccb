"""A turn: one message of a conversation, and how foreign messages become turns. Foreign JSON is checked here and nowhere else."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from optical_memory.errors import InvalidHistoryError

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
_ALIASES: dict[str, Role] = {"developer": "system", "function": "tool", "human": "user", "ai": "assistant"}


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
            return dict(self.message)
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
    if isinstance(history, (str, bytes, Mapping)):
        raise InvalidHistoryError(
            f"a history is a list of messages, got {type(history).__name__}; "
            'wrap it: [{"role": "user", "content": ...}]'
        )
    turns: list[Turn] = []
    taken: set[str] = set()
    for index, message in enumerate(history):
        turn = message if isinstance(message, Turn) else parse_message(message, index)
        identity = turn.id or f"turn-{index}"
        if identity in taken:
            raise InvalidHistoryError(
                f"message {index} has the id {identity!r}, which an earlier message has: ids must differ"
            )
        taken.add(identity)
        turns.append(turn if turn.id else _with_id(turn, identity))
    return turns


def _with_id(turn: Turn, identity: str) -> Turn:
    return Turn(
        turn.role,
        turn.content,
        identity,
        turn.tool_calls,
        turn.answers,
        turn.name,
        turn.time,
        turn.attachments,
        turn.message,
    )


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
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
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
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise InvalidHistoryError(f"message {index} has tool_calls of type {type(calls).__name__}; expected a list")
    for call in calls:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise InvalidHistoryError(f"message {index} has a tool call without a function name: {str(call)[:80]!r}")
        arguments = function.get("arguments", "")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        yield ToolCall(str(call.get("id", "")), function["name"], text)
