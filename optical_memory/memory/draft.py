"""A history laid out: which turns stay text, which stand on which page, what each would cost as text. Nothing is encoded here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.fidelity import PageModel
from optical_memory.memory.paging import PageStart, lay_out_from
from optical_memory.memory.schedule import Unit
from optical_memory.memory.selection import reasons_for_text
from optical_memory.memory.turn import Turn
from renderers import Block, Page, Span, transcript_blocks


@dataclass(slots=True)
class TokenCounter:
    """Text tokens; what the last history counted is not counted anew, what no history asks for any more is let go."""

    _counts: dict[str, int] = field(default_factory=dict)
    _earlier: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        """A new history."""
        self._earlier, self._counts = self._counts, {}

    def __call__(self, texts: Sequence[str]) -> list[int]:
        unknown = [text for text in dict.fromkeys(texts) if text not in self._counts]
        new = [text for text in unknown if text not in self._earlier]
        counted = dict(zip(new, count_text_tokens(new), strict=True))
        self._counts |= {text: counted.get(text, self._earlier.get(text, 0)) for text in unknown}
        return [self._counts[text] for text in texts]


@dataclass(frozen=True, slots=True, eq=False)
class DraftPage:
    """A page and the stretches of source text on it, one per turn; `newest` is the position of its newest turn."""

    page: Page
    texts: tuple[str, ...]
    text_tokens: int
    newest: int


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """`reasons` why turns stay text, by id; `positions` of turns, by id; `fixed_tokens` of the turns that stay text."""

    turns: tuple[Turn, ...]
    reasons: dict[str, str]
    positions: dict[str, int]
    pages: tuple[DraftPage, ...]
    fixed_tokens: int
    turn_tokens: tuple[int, ...]

    def ages(self, unit: Unit, now: int, renewed: Mapping[str, int]) -> list[float]:
        """Of each page, since its newest turn, seen from the turn at position `now`; `renewed`: a turn's later position.

        Turns without a time are as old as the one before them; a clock that goes backwards stands still.
        """
        newest = [max([page.newest, *(renewed.get(source, 0) for source in page.page.sources)]) for page in self.pages]
        if unit == "turns":
            clock: list[float] = list(range(len(self.turns)))
        elif unit == "tokens":
            clock = list(accumulate(self.turn_tokens))
        else:
            known = next((turn.time for turn in self.turns if turn.time is not None), 0.0)
            clock = list(accumulate((turn.time or known for turn in self.turns), max))
        return [max(0.0, clock[now] - clock[min(position, now)]) for position in newest]


def draft_of(
    turns: Sequence[Turn], keep_last: int, model: PageModel, count: TokenCounter, starts: Iterable[PageStart] = ()
) -> Draft:
    """Lays out a history; the newest `keep_last` turns stay text, and at each of `starts` a new page begins."""
    reasons = reasons_for_text(turns, keep_last, model.unreadable)
    sources = {turn.id: turn.text for turn in turns}
    positions = {turn.id: position for position, turn in enumerate(turns)}
    blocks = blocks_of(turn for turn in turns if turn.id not in reasons)
    laid_out = lay_out_from(blocks, model.grid, [(turns[start.position].id, start.offset) for start in starts])
    turn_tokens = count([turn.text for turn in turns])
    pages = []
    for page in laid_out:
        if not page.spans:  # a marker alone says nothing
            continue
        stretches = (ends_of(page, source) for source in page.sources)
        texts = tuple(sources[first.source][first.start : last.end] for first, last in stretches)
        pages.append(DraftPage(page, texts, sum(count(texts)), positions[page.sources[-1]]))
    fixed = sum(tokens for turn, tokens in zip(turns, turn_tokens, strict=True) if turn.id in reasons)
    return Draft(tuple(turns), reasons, positions, tuple(pages), fixed, tuple(turn_tokens))


def ends_of(page: Page, source: str) -> tuple[Span, Span]:
    """The first and the last span of a source on a page."""
    spans = [span for span in page.spans if span.source == source]
    return min(spans, key=lambda span: span.start), max(spans, key=lambda span: span.end)


def blocks_of(turns: Iterable[Turn]) -> list[Block]:
    """Turns as a renderer takes them: a block for each stretch of one kind, under its turn's id."""
    blocks: list[Block] = []
    for turn in turns:
        start = 0
        for label, text in turn.passages():
            blocks += transcript_blocks(text, label, turn.id, start)
            start += len(text)
    return blocks
