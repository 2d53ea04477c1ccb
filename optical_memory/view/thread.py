"""The conversation that requests belong to, if they all belong to one: it may be looked into without saying whose it is."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.turn import Turn
from optical_memory.memory.wire import SHAPES, shape_of
from optical_memory.view.viewer import View

UNKNOWN = b""
"""The opening of what is no history."""
SEVERAL = (
    "requests of more than one conversation were made, and which one asks is not known: pass its messages, "
    "recall(query, messages, shape=...)"
)


@dataclass(slots=True)
class Thread:
    """`view`: the latest that has pages, for the reader `model`. Safe to share between threads.

    Two histories are of one conversation if they open with the same words, up to the first that a user says, and their pages, where
    the same reader has some of both, begin alike.
    """

    view: View | None = None
    model: str = ""
    _opening: bytes | None = None
    _forked: bool = False
    _lock: Lock = field(default_factory=Lock)

    def follow(self, messages: Sequence[Any], view: View, model: str, scope: str) -> None:
        """Takes note of a request and its view."""
        opening = opening_of(messages, view.report.shape, scope)
        with self._lock:
            self._forked |= self._opening not in (None, opening) or self._turns_from(view, model)
            self._opening = opening
            if view.pages:
                self.view, self.model = view, model

    def only(self) -> View | None:
        """The view with pages of the one conversation there is. Raises OpticalMemoryError if there are several."""
        if self._forked:
            raise OpticalMemoryError(SEVERAL)
        return self.view

    def _turns_from(self, view: View, model: str) -> bool:
        before = self.view.pages if self.view is not None and self.model == model else ()
        return bool(before and view.pages) and before[0].text != view.pages[0].text


def opening_of(messages: Sequence[Any], shape: str, scope: str) -> bytes:
    """A digest of whose history it is and of its words, up to the first that a user says."""
    hasher = hashlib.blake2b(scope.encode(), digest_size=16)
    try:
        read = SHAPES[shape if shape in SHAPES else shape_of(messages)].read
        for index, message in enumerate(messages):
            turn = message if isinstance(message, Turn) else read(message, index)
            hasher.update(f"\0{turn.role}\0{turn.text}".encode("utf-8", "surrogatepass"))
            if turn.role == "user" and turn.content:
                break
    except Exception:  # whatever a caller sends, the request goes on
        return UNKNOWN
    return hasher.digest()
