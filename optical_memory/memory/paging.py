"""Where pages begin. A history that was edited keeps every page on which nothing changed; only what changed is laid out anew."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from optical_memory.memory.turn import Turn
from renderers import Block, Grid, Page, lay_out


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
    old, new = [_content(turn) for turn in before], [_content(turn) for turn in now]
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    moved = {position: position for position in range(head)}
    moved |= {len(old) - 1 - back: len(new) - 1 - back for back in range(tail)}
    middle = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    for first, second, size in middle.get_matching_blocks():
        moved |= {head + first + step: head + second + step for step in range(size)}
    return [PageStart(moved[start.position], start.offset) for start in starts if start.position in moved]


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


def _content(turn: Turn) -> tuple[str, tuple[tuple[str, str], ...]]:
    return turn.role, tuple(turn.passages())
