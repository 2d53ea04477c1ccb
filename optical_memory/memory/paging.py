"""Where pages begin. A history that was edited keeps every page on which nothing changed; only what changed is laid out anew."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from optical_memory.memory.turn import Turn
from renderers import Block, Grid, Page, lay_out

_Said = tuple[str, tuple[tuple[str, str], ...]]
"""What makes a turn the same: its role and its text by kind."""


@dataclass(frozen=True, slots=True)
class PageStart:
    """The first character of a page: number `offset` of the turn at `position`."""

    position: int
    offset: int


def starts_of(pages: Sequence[Page], turns: Sequence[Turn]) -> list[PageStart | None]:
    """Where each page begins; None where a marker without text stands before the first character."""
    positions = {turn.id: position for position, turn in enumerate(turns)}
    return [
        PageStart(positions[page.spans[0].source], page.spans[0].start)
        if page.spans and page.spans[0].cells[0] <= 1
        else None
        for page in pages
    ]


def carried(starts: Iterable[PageStart], before: Sequence[Turn], now: Sequence[Turn]) -> list[PageStart]:
    """The starts in turns that are still there and say the same, at the positions where they stand now."""
    moved = places_now(before, now)
    return [PageStart(moved[start.position], start.offset) for start in starts if start.position in moved]


def places_now(before: Sequence[Turn], now: Sequence[Turn]) -> dict[int, int]:
    """Positions of turns in a history -> where the same turns stand in a later one; those that are gone are left out."""
    old, new = [_content(turn) for turn in before], [_content(turn) for turn in now]
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    moved = {position: position for position in range(head)}
    moved |= {len(old) - 1 - back: len(new) - 1 - back for back in range(tail)}
    return moved | _matched(old, new, range(head, len(old) - tail), range(head, len(new) - tail))


def _matched(old: Sequence[_Said], new: Sequence[_Said], among: range, within: range) -> dict[int, int]:
    """Of the positions `among` old ones, those whose turn is found `within` the new ones: turns said once in both, and the
    like turns beside a matched one. Linear, where a difference of long histories of short turns is cubic."""
    was, now = Counter(old[place] for place in among), Counter(new[place] for place in within)
    only = {new[place]: place for place in within if now[new[place]] == 1}
    moved = {place: only[old[place]] for place in among if was[old[place]] == 1 and old[place] in only}
    for step, order in ((1, among), (-1, among[::-1])):
        taken = set(moved.values())
        for place in order:
            beside = moved.get(place - step)
            if place in moved or beside is None:
                continue
            if beside + step in within and beside + step not in taken and old[place] == new[beside + step]:
                moved[place] = beside + step
                taken.add(beside + step)
    return moved


def lay_out_from(blocks: Iterable[Block], grid: Grid, starts: Iterable[tuple[str, int]]) -> list[Page]:
    """Lays blocks out, a new page at each start: (source, its character). Without starts, as `lay_out` does."""
    offsets: dict[str, list[int]] = {}
    for source, offset in starts:
        offsets.setdefault(source, []).append(offset)
    stretches: list[list[Block]] = [[]]
    for block in blocks:
        rest = block
        for offset in sorted(offsets.get(block.source, ())):
            cut = offset - rest.start
            if 0 < cut < len(rest.text):
                stretches[-1].append(replace(rest, text=rest.text[:cut]))
                rest = replace(rest, text=rest.text[cut:], start=offset, opens=False)
            if rest.start == offset:
                stretches.append([])
        stretches[-1].append(rest)
    return [page for stretch in stretches if stretch for page in lay_out(stretch, grid)]


def _content(turn: Turn) -> _Said:
    return turn.role, tuple(turn.passages())
