"""What a conversation has marked: turns that are pinned, and turns that were recalled."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from optical_memory.memory.paging import places_now
from optical_memory.memory.turn import Turn, is_named_by_place


@dataclass(frozen=True, slots=True)
class Marks:
    """`pins`: ids of turns whose pages stay sharp. `hits`: a recalled turn and the position from which its age counts since."""

    pins: frozenset[str] = frozenset()
    hits: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pins) + len(self.hits)

    def pinned(self, turns: Iterable[str]) -> "Marks":
        return replace(self, pins=self.pins.union(turns))

    def unpinned(self, turns: Iterable[str]) -> "Marks":
        return replace(self, pins=self.pins.difference(turns))

    def recalled(self, turns: Iterable[str], position: int) -> "Marks":
        return replace(self, hits={**self.hits, **dict.fromkeys(turns, position)})

    def without(self, turns: Sequence[Turn], stay: Sequence[int]) -> "Marks":
        """The marks of the turns at the positions that `stay`, in order."""
        gone = {turn.id for turn in turns} - {turns[position].id for position in stay}
        hits = {turn: max(0, bisect_right(stay, at) - 1) for turn, at in self.hits.items() if turn not in gone}
        return Marks(self.pins - gone, hits)

    def following(self, before: Sequence[Turn], now: Sequence[Turn]) -> "Marks":
        """The same turns' marks in a later history: turns without ids of their own are called by their positions, which an edit
        shifts."""
        if tuple(now[: len(before)]) == tuple(before):
            return self
        moved = places_now(before, now)
        names = {before[old].id: now[new].id for old, new in moved.items()}
        taken = {turn.id for turn in now}
        gone = {turn.id for turn in before if turn.id not in names}
        # The name is another turn's now, or will be.
        lost = {turn for turn in gone if turn in taken or is_named_by_place(turn)}
        last = len(now) - 1
        return Marks(
            frozenset(names.get(turn, turn) for turn in self.pins - lost),
            {names.get(turn, turn): moved.get(at, min(at, last)) for turn, at in self.hits.items() if turn not in lost},
        )
