"""A turn: one message of a conversation. Foreign messages become turns in `wire`, one file for each shape."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from optical_memory.errors import InvalidHistoryError

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the assistant made: `arguments` is the JSON text as it was sent."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave back, where one message holds several results or other text beside them. `call` may be unnamed ("")."""

    call: str
    content: str


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
    results: tuple[ToolResult, ...] = ()
    """Results of calls in a message that may hold several (Anthropic's and Gemini's shapes)."""
    leads: bool = False
    """True for what must not be parted from the assistant's turns right after it: reasoning and what it led to."""
    kept: str | None = None
    """Why the turn may not be drawn, where the conversation around it says so: a cache mark, a call without a result."""
    shape: str = "openai"
    """The wire shape that the message came in."""

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise InvalidHistoryError(f"role {self.role!r} is unknown; a turn's role is one of {', '.join(ROLES)}")

    @property
    def text(self) -> str:
        """Everything of the turn that is text: the speaker's name, the content, its tool calls and results."""
        return "".join(text for _, text in self.passages())

    def passages(self) -> list[tuple[str, str]]:
        """(label, text) in order, labelled for the renderer; always at least one."""
        label: str = "tool_result" if self.role == "tool" else self.role
        speaker = f"{self.name}: " if self.name else ""
        passages = [("tool_result", result.content) for result in self.results if result.content]
        if self.content or not (self.tool_calls or passages):
            passages.append((label, speaker + self.content))
        passages += [("tool_call", f"{call.name}({call.arguments})") for call in self.tool_calls]
        return passages

    @property
    def answered(self) -> tuple[str, ...]:
        """Ids of the calls that this turn gives results of."""
        return (*((self.answers,) if self.answers is not None else ()), *(r.call for r in self.results if r.call))

    @property
    def is_unnamed_result(self) -> bool:
        """A result that does not say of which call."""
        return not self.answered and (self.role == "tool" or bool(self.results))

    def as_message(self) -> dict[str, Any]:
        """The turn as it came; one that did not come as a message in OpenAI's chat shape."""
        if self.message is not None:
            role = self.message.get("role")
            own = {"human": "user", "ai": "assistant"}.get(role) if isinstance(role, str) else None
            return dict(self.message) if own is None else {**self.message, "role": own}
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


def parse_history(history: Iterable[Turn | Mapping[str, Any]], shape: str | None = None) -> list[Turn]:
    """Messages of one wire shape (sniffed if not given) or turns, in order, each with an id of its own.

    Raises InvalidHistoryError that says which message is wrong and what was expected; nothing is dropped in silence.
    """
    from optical_memory.memory.wire import read_messages  # wire builds turns, so that it comes after this module

    if isinstance(history, (str, bytes, Mapping)) or not isinstance(history, Iterable):
        raise InvalidHistoryError(
            f"a history is a list of messages, got {type(history).__name__}; "
            'wrap it: [{"role": "user", "content": ...}]'
        )
    turns = read_messages(list(history), shape)
    given: dict[str, int] = {}
    for index, turn in enumerate(turns):
        if turn.id and given.setdefault(turn.id, index) != index:
            raise InvalidHistoryError(
                f"message {index} has the id {turn.id!r}, which message {given[turn.id]} has: ids must differ"
            )
    return [turn if turn.id else replace(turn, id=_free_id(index, given)) for index, turn in enumerate(turns)]


def is_named_by_place(turn: str) -> bool:
    """Whether an id is one that `_free_id` gives: it is another turn's where the history was edited before it."""
    return _BY_PLACE.fullmatch(turn) is not None


_BY_PLACE = re.compile(r"turn-\d+'*")


def _free_id(index: int, taken: Mapping[str, int]) -> str:
    """`turn-INDEX`, with as many primes as it takes to differ from the ids that came with the history."""
    identity = f"turn-{index}"
    while identity in taken:
        identity += "'"
    return identity


def tool_units(turns: Sequence[Turn]) -> list[tuple[int, ...]]:
    """Positions of turns that belong together: a turn with tool calls and every later turn that answers one of them, and
    reasoning with what it led to, which is all that the assistant says and calls after it. No position is in two units.

    A result that names no call belongs to the call right before it.
    """
    root = list(range(len(turns)))

    def find(position: int) -> int:
        while root[position] != position:
            root[position] = root[root[position]]
            position = root[position]
        return position

    def join(first: int, second: int) -> None:
        one, other = sorted((find(first), find(second)))
        root[other] = one

    caller: dict[str, int] = {}
    latest: int | None = None
    led = False  # what the assistant does here is of one response with the reasoning before it
    for position, turn in enumerate(turns):
        if turn.tool_calls:
            latest = position
            caller |= {call.id: position for call in turn.tool_calls if call.id}
        elif turn.role != "tool" and not turn.results:
            latest = None
        led = led and turn.role == "assistant"
        if led:
            join(position - 1, position)
        led = led or turn.leads
        origins = {caller[call] for call in turn.answered if call in caller}
        if turn.is_unnamed_result and latest is not None:
            origins.add(latest)
        for origin in origins:
            join(origin, position)
    units: dict[int, list[int]] = {}
    for position in range(len(turns)):
        units.setdefault(find(position), []).append(position)
    alone = {position for position, unit in units.items() if len(unit) == 1 and not turns[position].tool_calls}
    return [tuple(unit) for first, unit in units.items() if first not in alone]


def whole_history(history: Iterable[Turn | Mapping[str, Any]]) -> list[Turn]:
    """As `parse_history`; raises InvalidHistoryError for one without a message, too."""
    turns = parse_history(history)
    if not turns:
        raise InvalidHistoryError("the history is empty; pass at least one message")
    return turns
