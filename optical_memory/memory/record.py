"""What one conversation leaves behind: turns, how its pages were kept, what was marked. Plain data; nothing of a decoder."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from optical_memory.memory.budget import Option
from optical_memory.memory.draft import Draft
from optical_memory.memory.keeping import Kept
from optical_memory.memory.marks import Marks
from optical_memory.memory.paging import PageStart, carried, starts_of
from optical_memory.memory.turn import ToolCall, ToolResult, Turn

_FIELDS = tuple(own.name for own in fields(Turn))
TOOL_PATIENCE = 4
"""Within a tool loop fades wait this many times as long."""


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page as it was kept: its digest, its option, the positions of its turns, where in the first of them it begins.

    Turns between its `sources` may have stayed text.
    """

    digest: str
    option: Option
    sources: tuple[int, ...]
    offset: int | None
    """None where a page cannot be begun there again."""

    @property
    def start(self) -> PageStart | None:
        return None if self.offset is None else PageStart(self.sources[0], self.offset)


@dataclass(frozen=True, slots=True)
class Record:
    """`settled`: how many turns there were at the last fades; `border`: the first of them that stayed text.

    `layout` names the grid that the pages are on, `terms` all else that their modes were chosen by and a later plan may
    not share.
    """

    turns: tuple[Turn, ...] = ()
    settled: int = 0
    border: int = 0
    layout: str = ""
    terms: str = ""
    pages: tuple[PageRecord, ...] = ()
    marks: Marks = field(default_factory=Marks)

    @property
    def options(self) -> list[Option]:
        return [page.option for page in self.pages]

    def holds(self, turns: Sequence[Turn], fade_every: int) -> bool:
        """True while the history only went on, by less than `fade_every` turns, or by less than four times as many and it
        stands within a tool loop."""
        new = len(turns) - self.settled
        in_tools = bool(turns[-1].tool_calls or turns[-1].results) or turns[-1].role == "tool"
        most = fade_every * (TOOL_PATIENCE if in_tools else 1)
        return self.settled > 0 and 0 <= new < most and tuple(turns[: self.settled]) == self.turns[: self.settled]

    def starts(self) -> list[PageStart]:
        return [page.start for page in self.pages if page.start is not None]

    def without(self, positions: Collection[int]) -> "Record":
        """The record without some turns, and without every page that held a character of them."""
        stay = [position for position in range(len(self.turns)) if position not in positions]
        moved = {old: new for new, old in enumerate(stay)}
        turns = tuple(self.turns[position] for position in stay)
        pages = []
        for page in self.pages:
            if moved.keys() >= set(page.sources):
                pages.append(replace(page, sources=tuple(moved[position] for position in page.sources)))
        return replace(
            self,
            turns=turns,
            settled=sum(position < self.settled for position in stay),
            border=sum(position < self.border for position in stay),
            pages=tuple(pages),
            marks=self.marks.without(self.turns, stay),
        )

    def starts_in(self, turns: Sequence[Turn]) -> list[PageStart]:
        """Where pages of a later history begin so that what did not change keeps its pages."""
        return carried(self.starts(), self.turns, turns)


def records_of(draft: Draft, kept: Sequence[Kept]) -> tuple[PageRecord, ...]:
    """The pages of a draft with how each is kept."""
    starts = starts_of([drafted.page for drafted in draft.pages], draft.turns)
    return tuple(
        PageRecord(
            drafted.page.digest,
            place.option,
            tuple(draft.positions[source] for source in drafted.page.sources),
            None if start is None else start.offset,
        )
        for drafted, place, start in zip(draft.pages, kept, starts, strict=True)
    )


def turn_as_text(turn: Turn) -> str:
    """A turn as JSON. A message that JSON cannot hold is left out: the turn goes on without it."""
    row = {name: getattr(turn, name) for name in _FIELDS}
    row["tool_calls"] = [asdict(call) for call in turn.tool_calls]
    row["results"] = [asdict(result) for result in turn.results]
    try:
        return json.dumps(row, default=_as_dict)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({**row, "message": None})


def _as_dict(value: object) -> dict[Any, Any]:
    """Mappings that are no dict, as a message may be or hold; any other value is none of JSON's."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON holds no {type(value).__name__}")


def turn_from_text(text: str) -> Turn:
    """The inverse of `turn_as_text`."""
    row: dict[str, Any] = json.loads(text)
    row["tool_calls"] = tuple(ToolCall(**call) for call in row["tool_calls"])
    row["results"] = tuple(ToolResult(**result) for result in row["results"])
    row["attachments"] = tuple(row["attachments"])
    return Turn(**row)
