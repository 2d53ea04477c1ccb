"""Views that tell when they were at work, so that an event loop's lag can be laid beside it."""

import time
from collections.abc import Sequence
from typing import Any

from optical_memory.view import View, Views


class TimedViews(Views):
    """Views that note when each was begun and ended, on whatever thread."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.times: list[tuple[float, float]] = []

    def view(self, messages: Sequence[Any], model: str = "", shape: str | None = None, scope: str = "") -> View:
        begun = time.perf_counter()
        try:
            return super().view(messages, model, shape, scope)
        finally:
            self.times.append((begun, time.perf_counter()))
