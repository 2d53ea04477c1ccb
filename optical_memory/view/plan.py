"""Which turns go onto pages, and in which batches. Pure: the same turns give the same plan, and a longer history only adds to it.

A batch is closed when the turn that follows has no room on its pages; from then on it never changes. Closed batches are shown in
steps (`steps`); in between everything before the newest turns stays byte for byte what the provider has in its prompt cache.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optical_memory.memory.selection import protected_from, reasons_for_text
from optical_memory.memory.turn import Turn, tool_units
from optical_memory.view.steps import Batch, Costs, Step, steps

RECALL_TOOL = "recall_memory"
WAITING = "waits until its batch of pages is full"
UNPAID = "waits: so far its pages would cost more in the prompt cache than they save"


@dataclass(frozen=True, slots=True)
class Plan:
    """`batches` that are shown, in order, and the `steps` in which they came; `reasons`: why the other turns stay text."""

    batches: tuple[Batch, ...]
    steps: tuple[Step, ...]
    reasons: Mapping[int, str]


def plan(
    turns: Sequence[Turn],
    keep_last: int,
    cells_in_batch: int,
    cells: Callable[[Turn], int],
    unreadable: Callable[[str], str],
    costs: Costs,
) -> Plan:
    """Batches of at most `cells_in_batch` cells, or of one unit alone that takes more, as far as they are shown by now."""
    reasons = _reasons(turns, keep_last, unreadable)
    cuts = segments(turns)
    closed, waiting = _batches(turns, cuts, protected_from(turns, keep_last), reasons, cells_in_batch, cells)
    taken = tuple(steps(turns, closed, cuts, keep_last, costs))
    shown = taken[-1].end if taken else 0
    reasons |= {position: WAITING for start, end in waiting for position in range(start, end)}
    reasons |= {position: UNPAID for batch in closed[shown:] for position in range(batch.start, batch.end)}
    return Plan(tuple(closed[:shown]), taken, reasons)


def _batches(
    turns: Sequence[Turn],
    cuts: Sequence[tuple[int, int]],
    newest: int,
    reasons: Mapping[int, str],
    cells_in_batch: int,
    cells: Callable[[Turn], int],
) -> tuple[list[Batch], list[tuple[int, int]]]:
    """The batches that are closed, and the segments that wait for more."""
    closed: list[Batch] = []
    waiting: list[tuple[int, int]] = []
    filled = 0

    def close(position: int) -> None:
        nonlocal filled
        if waiting:
            closed.append(Batch(waiting[0][0], waiting[-1][1], filled, position))
        waiting.clear()
        filled = 0

    for start, end in cuts:
        if start >= newest:
            break  # what waits here may still grow
        if any(position in reasons for position in range(start, end)):
            close(start)  # what stands between two texts cannot grow any more
            continue
        size = sum(cells(turns[position]) for position in range(start, end))
        if waiting and filled + size > cells_in_batch:
            close(start)
        waiting.append((start, end))
        filled += size
        if filled >= cells_in_batch:
            close(start)
    return closed, waiting


def segments(turns: Sequence[Turn]) -> list[tuple[int, int]]:
    """The history cut wherever no tool unit is cut: ranges that are drawn, or left, as a whole."""
    reach = list(range(len(turns)))
    for unit in tool_units(turns):
        reach[min(unit)] = max(reach[min(unit)], *unit)
    cuts, start, far = [], 0, -1
    for position in range(len(turns)):
        far = max(far, reach[position])
        if far == position:
            cuts.append((start, position + 1))
            start = position + 1
    return cuts


def _reasons(turns: Sequence[Turn], keep_last: int, unreadable: Callable[[str], str]) -> dict[int, str]:
    """Why turns stay text, by position: what the memory keeps anyway, the last word of either side, a recall of this turn.

    Either side's last word, or a recall, that was still in force when it had left the newest `keep_last` turns stays text for
    good: drawing it later would change the batches around it.
    """
    by_id = reasons_for_text(turns, keep_last, unreadable)
    reasons = {position: by_id[turn.id] for position, turn in enumerate(turns) if turn.id in by_id}
    users = [i for i, turn in enumerate(turns) if turn.role == "user" and (turn.content or turn.attachments)]
    answers = [i for i, turn in enumerate(turns) if turn.role == "assistant" and turn.content]
    recalls = [i for i, turn in enumerate(turns) if any(call.name == RECALL_TOOL for call in turn.tool_calls)]
    for role, spoken in (("user", users), ("assistant", answers)):
        for position, following in pairwise((*spoken, len(turns) + keep_last)):
            if following - position > keep_last:
                reasons.setdefault(
                    position, f"the last {role} message" + (" of its time" if following < len(turns) else "")
                )
    for position in recalls:
        over = users[bisect_right(users, position)] if users and users[-1] > position else len(turns) + keep_last
        if over - position > keep_last:
            reasons.setdefault(position, "recalled within its turn")
    return reasons
