"""When closed batches are first shown: in steps, each of which has to pay for itself.

A new page takes everything behind it out of the provider's prompt cache. So a step is taken only once as many requests have been
made since the last one as it takes to pay back: a conversation that goes on for as long again gains, one that stops at once has
lost no more than that step. Within a tool loop, where the cache is warm for certain, only the loop's own calls count, so that
a short loop is never disturbed and its pages come at its end, while a long one gains as well. Pure, and a longer history only adds
steps: between two of them every byte that was sent stays as it was.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

from optical_memory.memory.turn import Turn
from optical_memory.readers import Cache


@dataclass(frozen=True, slots=True)
class Batch:
    """Turns `start:end` that are drawn together, on pages of their own, of `cells` cells.

    It is closed for good once the turn at `closed_by` has left the newest turns: nothing can join it any more.
    """

    start: int
    end: int
    cells: int = 0
    closed_by: int = 0


@dataclass(frozen=True, slots=True)
class Costs:
    """What a view costs its reader: `text` tokens of each turn, `page` tokens of a page of `page_cells` cells, and the cache.
    A request may hold `max_pages`."""

    text: Sequence[int]
    page: int
    page_cells: int
    max_pages: int
    cache: Cache


@dataclass(frozen=True, slots=True)
class Step:
    """Batches number `first` to `end` - 1 were first shown in the request that held `at` messages."""

    first: int
    end: int
    at: int
    in_loop: bool


def payback_turns(text_tokens: int, page_tokens: int, tail_tokens: int, cache: Cache) -> float:
    """Requests until drawing cached text has paid for the cache that it broke, the first of them included.

    The pages and the tail behind them are written into the cache, where they would have been read from it; every request
    then saves what the pages are shorter, at the cached price. Infinite where pages are not cheaper, or cached text is free.
    """
    gain = cache.cached * (text_tokens - page_tokens)
    return (cache.write - cache.cached) * (page_tokens + tail_tokens) / gain if gain > 0 else float("inf")


def steps(
    turns: Sequence[Turn],
    batches: Sequence[Batch],
    segments: Sequence[tuple[int, int]],
    keep_last: int,
    costs: Costs,
) -> Iterator[Step]:
    """The steps of a history, in order, as if it had been sent at every turn and every call."""
    closings = [batch.closed_by for batch in batches]
    sheets = [ceil(batch.cells / costs.page_cells) for batch in batches]
    pages = [number * costs.page for number in sheets]
    before = [0, *accumulate(costs.text)]
    texts = [before[batch.end] - before[batch.start] for batch in batches]
    worth = [text > page for text, page in zip(texts, pages, strict=True)]
    room = accumulate(number * pays for number, pays in zip(sheets, worth, strict=True))
    worth = [pays and taken <= costs.max_pages for pays, taken in zip(worth, room, strict=True)]
    drawn_texts = [0, *accumulate(text * pays for text, pays in zip(texts, worth, strict=True))]
    drawn_pages = [0, *accumulate(page * pays for page, pays in zip(pages, worth, strict=True))]
    first_of = [start for start, end in segments for _ in range(start, end)]
    shown = since = looped = 0
    for length in requests(turns):
        in_loop = not _speaks(turns[length - 1])
        since, looped = since + 1, looped + 1 if in_loop else 0
        closed = bisect_left(closings, first_of[max(0, length - keep_last)])
        if closed <= shown:
            continue
        text, page = drawn_texts[closed] - drawn_texts[shown], drawn_pages[closed] - drawn_pages[shown]
        tail = before[length] - before[batches[shown].start] - text
        if not text:  # they stay text in any case, and disturb nothing
            yield Step(shown, closed, length, in_loop)
            shown = closed
        elif payback_turns(text, page, tail, costs.cache) <= (min(since, looped) if in_loop else since):
            yield Step(shown, closed, length, in_loop)
            shown, since = closed, 0


def _speaks(turn: Turn) -> bool:
    """Whether a user says something: a result beside which nothing is said belongs to the loop that it came in."""
    return turn.role == "user" and bool(turn.content or turn.attachments) and not turn.results


def requests(turns: Sequence[Turn]) -> Iterator[int]:
    """Lengths at which a history is sent: nothing of the assistant's stands last, and no call of its latest is still open."""
    open_calls: set[str] = set()
    follows_assistant = False
    for position, turn in enumerate(turns):
        if turn.role == "assistant":
            open_calls = {call.id for call in turn.tool_calls if call.id} | (open_calls if follows_assistant else set())
        else:
            open_calls -= set(turn.answered)
            if not open_calls or _speaks(turn):
                yield position + 1
        follows_assistant = turn.role == "assistant"
