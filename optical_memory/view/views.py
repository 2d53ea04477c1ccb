"""What an adapter holds: a viewer for each reader that requests name, over one cache of drawings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from optical_memory.memory.turn import Turn
from optical_memory.modes import NATIVE_MODES
from optical_memory.readers import Reader, reader_named
from optical_memory.view.counts import TokenCounts
from optical_memory.view.drawing import Drawings
from optical_memory.view.recall import recall
from optical_memory.view.thread import Thread
from optical_memory.view.viewer import KEEP_LAST, PAGES_IN_BATCH, View, Viewer, check_counts

SCOPES = 256
"""Viewers kept at once, one for each reader and scope."""


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """All that decides the bytes of a view but the history: what another process needs to make the same."""

    reader: Reader | None = None
    readers: tuple[Reader, ...] = ()
    trust_cell: int | None = None
    keep_last: int = KEEP_LAST
    pages_in_batch: int = PAGES_IN_BATCH
    strict: bool = False

    def __post_init__(self) -> None:
        check_counts(keep_last=self.keep_last, pages_in_batch=self.pages_in_batch)
        if self.trust_cell is not None:
            check_counts(trust_cell=self.trust_cell)


class Views:
    """Views for whatever model a request names.

    `reader`: the reader to assume whatever the name. `readers`: rows of one's own, as `calibrate` writes them. `trust_cell`:
    readers of the table are taken at your word to read cells of that many pixels. `latest` is the view made last, for the reader
    `latest_model`.

    Making it loads the vocabulary and the typeface, so that no request and no event loop waits for them later.
    """

    def __init__(
        self,
        reader: Reader | str | None = None,
        *,
        readers: Iterable[Reader] = (),
        trust_cell: int | None = None,
        keep_last: int = KEEP_LAST,
        pages_in_batch: int = PAGES_IN_BATCH,
        strict: bool = False,
    ) -> None:
        own = tuple(readers)
        chosen = reader_named(reader, own) if isinstance(reader, str) else reader
        self.options = ViewOptions(chosen, own, trust_cell, keep_last, pages_in_batch, strict)
        self.latest: View | None = None
        self.latest_model = ""
        self._drawings = Drawings()
        self._counts = TokenCounts()
        self._lock = Lock()
        self._thread = Thread()
        self._viewers: dict[tuple[str, str], Viewer] = {}
        self._counts.of(["a"])
        Drawings().pages([Turn("user", "a")], 0, NATIVE_MODES[0].side)

    @classmethod
    def of(cls, options: ViewOptions) -> "Views":
        """Views with caches of their own that make the same bytes as any others of these options."""
        return cls(
            options.reader,
            readers=options.readers,
            trust_cell=options.trust_cell,
            keep_last=options.keep_last,
            pages_in_batch=options.pages_in_batch,
            strict=options.strict,
        )

    def view(self, messages: Sequence[Any], model: str = "", shape: str | None = None, scope: str = "") -> View:
        """The view for the reader of that name. Fails open unless `strict`."""
        view = self.viewer(model, scope).view(messages, shape)
        self.latest, self.latest_model = view, model
        self._thread.follow(messages, view, model, scope)
        return view

    def viewer(self, model: str = "", scope: str = "") -> Viewer:
        with self._lock:
            viewer = self._viewers.pop((model, scope), None)
            if viewer is None:
                viewer = Viewer(
                    self._reader(model),
                    keep_last=self.options.keep_last,
                    pages_in_batch=self.options.pages_in_batch,
                    drawings=self._drawings,
                    counts=self._counts,
                    scope=scope,
                    strict=self.options.strict,
                )
                if len(self._viewers) >= SCOPES:
                    del self._viewers[next(iter(self._viewers))]
            self._viewers[model, scope] = viewer  # the one used last stands last
            return viewer

    def _reader(self, model: str) -> Reader:
        options = self.options
        reader = options.reader or reader_named(model, options.readers)
        if options.trust_cell is not None and reader.never is None and reader.proven_cell is None:
            return reader.trusted(options.trust_cell)
        return reader

    def recall(
        self,
        query: str,
        messages: Sequence[Any] | None = None,
        model: str | None = None,
        shape: str | None = None,
        limit: int = 3,
    ) -> str:
        """The answer of the tool `recall_memory`: exact text from the pages of a history as the reader `model` is shown it, or the
        reader that was shown pages last: whoever calls the tool is rarely told which one that is.

        Without `messages` it looks into the latest pages, as long as all requests were of one conversation; once they are of
        several it raises OpticalMemoryError, as it would answer one user from what another said. Conversations that open with the
        same words, and have no pages yet that tell them apart, are taken for one: whoever serves several passes `messages`.
        """
        name = model if model is not None else self._thread.model or self.latest_model
        view = self._thread.only() if messages is None else self.viewer(name).view(messages, shape)
        return recall(view.pages if view is not None else (), query, limit)
