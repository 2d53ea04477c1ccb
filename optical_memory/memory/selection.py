"""Which turns are drawn and which stay text, and why. Pure: turns in, reasons out."""

from collections.abc import Callable, Sequence

from optical_memory.memory.secrets import secret_in
from optical_memory.memory.strangers import are_told
from optical_memory.memory.turn import Turn, tool_units


def reasons_for_text(turns: Sequence[Turn], keep_last: int, unreadable: Callable[[str], str]) -> dict[str, str]:
    """Why turns stay text, by id; the others may be drawn.

    `unreadable` names the characters of a text that the model does not read; a few of them keep no turn off the pages. A tool
    call and its results are one unit: if one of them stays text, all do.
    """
    reasons: dict[str, str] = {}
    newest = protected_from(turns, keep_last)
    for position, turn in enumerate(turns):
        reason = _reason(turn, position >= newest, len(turns) - newest, unreadable)
        if reason is not None:
            reasons[turn.id] = reason
    for unit in tool_units(turns):
        kept = [position for position in unit if turns[position].id in reasons]
        for position in unit if kept else ():
            reasons.setdefault(turns[position].id, f"goes with {turns[kept[0]].id}, which stays text")
    return reasons


def _reason(turn: Turn, is_newest: bool, num_newest: int, unreadable: Callable[[str], str]) -> str | None:
    if turn.role == "system":
        return "system message"
    if is_newest:
        return f"one of the newest {num_newest} turns"
    if turn.kept:
        return turn.kept
    if turn.attachments:
        return f"holds {', '.join(sorted(set(turn.attachments)))}"
    if not turn.text:
        return None if turn.leads else "empty"
    if secret := secret_in(turn.text):
        return f"holds {secret}"
    strange = unreadable(turn.text)
    if strange and not are_told(strange, turn.text):
        return "characters that the model does not read: " + strange[:8].encode("unicode_escape").decode("ascii")
    return None


def protected_from(turns: Sequence[Turn], keep_last: int) -> int:
    """The first of the newest `keep_last` turns, moved back so that no tool result is parted from its call."""
    first = max(0, len(turns) - keep_last)
    units = tool_units(turns)
    while parted := [unit[0] for unit in units if unit[0] < first <= unit[-1]]:
        first = min(parted)
    return first
