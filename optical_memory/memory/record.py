"""What one conversation leaves behind: turns, how its pages were kept, what was marked. Plain data; nothing of a decoder."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from optical_memory.memory.budget import Option
from optical_memory.memory.draft import Draft
from optical_memory.memory.keeping import Kept
from optical_memory.memory.marks import Marks
from optical_memory.memory.paging import PageStart, carried, starts_of
from optical_memory.memory.turn import ToolCall, ToolResult, Turn

TOOL_PATIENCE = 4
"""Within a tool loop fades wait this many times as long."""


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page as it was kept: its digest, its option, the positions of its first and last turn, where in the first it begins."""

    digest: str
    option: Option
    first: int
    last: int
    offset: int | None
    """None where a page cannot be begun there again."""

    @property
    def start(self) -> PageStart | None:
        return None if self.offset is None else PageStart(self.first, self.offset)


@dataclass(frozen=True, slots=True)
class Record:
    """`settled`: how many turns there were at the last fades; `border`: the first of them that stayed text.

    `layout` names the grid that the pages are on.
    """

    turns: tuple[Turn, ...] = ()
    settled: int = 0
    border: int = 0
    layout: str = ""
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
            if all(position in moved for position in range(page.first, page.last + 1)):
                pages.append(replace(page, first=moved[page.first], last=moved[page.last]))
        return Record(
            turns,
            sum(position < self.settled for position in stay),
            sum(position < self.border for position in stay),
            self.layout,
            tuple(pages),
            self.marks.without(self.turns, stay),
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
            draft.positions[drafted.page.sources[0]],
            draft.positions[drafted.page.sources[-1]],
            None if start is None else start.offset,
        )
        for drafted, place, start in zip(draft.pages, kept, starts, strict=True)
    )


def turn_as_text(turn: Turn) -> str:
    """A turn as JSON. A message that JSON cannot hold is left out: the turn goes on without it."""
    row = asdict(replace(turn, message=None))
    try:
        return json.dumps({**row, "message": turn.message})
    except (TypeError, ValueError):
        return json.dumps(row)


def turn_from_text(text: str) -> Turn:
    """The inverse of `turn_as_text`."""
    row: dict[str, Any] = json.loads(text)
    row["tool_calls"] = tuple(ToolCall(**call) for call in row["tool_calls"])
    row["results"] = tuple(ToolResult(**result) for result in row["results"])
    row["attachments"] = tuple(row["attachments"])
    return Turn(**row)
