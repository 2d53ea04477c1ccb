"""What a text cites, where a message notes it beside the text: drawn with the text, or it would be lost on a page."""

from collections.abc import Mapping
from typing import Any


def cited(notes: Any, text: str) -> tuple[list[str], list[str]]:
    """A line for each source of a field `annotations` that the text does not name itself, and the kinds of notes that are more
    than names and places."""
    lines: dict[str, None] = {}
    others: list[str] = []
    for note in notes if isinstance(notes, (list, tuple)) else [notes] if notes else []:
        names = _names(note)
        if names is None:
            others.append(str(note.get("type", "annotation")) if isinstance(note, Mapping) else "annotation")
        elif not all(name in text for name in names):
            lines[f"[cited: {', '.join(names)}]"] = None
    return list(lines), others


def _names(note: Any) -> list[str] | None:
    """Title, address, file and whatever else a note calls its source by; chat nests them under the note's type. None where there
    are none, or something else stands beside them."""
    if not isinstance(note, Mapping):
        return None
    kind = note.get("type")
    nested = note.get(kind) if isinstance(kind, str) else None
    fields = {**note, **nested} if isinstance(nested, Mapping) else note
    values = [value for key, value in fields.items() if key not in ("type", kind)]
    names = [value for value in values if isinstance(value, str) and value]
    return names if names and all(value is None or isinstance(value, (str, int, float)) for value in values) else None
