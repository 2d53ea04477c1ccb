"""Stretches: what stands on a page turn by turn. On the page a marker parts two turns; its text alone runs one into the next."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from renderers import Span


def stretches(text: str, spans: Sequence[Span]) -> Iterator[str]:
    """The text that stands on a page, or was read from it, turn by turn."""
    position = 0
    for _, own in groupby(spans, key=lambda span: span.source):
        end = position + sum(span.end - span.start for span in own)
        yield text[position:end]
        position = end


def by_turns(text: str, spans: Sequence[Span]) -> str:
    """The same with a newline wherever a turn ends and another begins, for whoever reads it as text."""
    return "\n".join(stretches(text, spans))
