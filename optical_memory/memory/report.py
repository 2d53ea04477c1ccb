"""What a compression did and what it cost; leaves the library as JSON."""

from pydantic import BaseModel, ConfigDict


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class SpanReport(_Row):
    """Characters `start:end` of a turn that stand on the page, and the share of them that is read right."""

    turn: str
    label: str
    start: int
    end: int
    fidelity: float


class PageReport(_Row):
    """One page: `text_tokens` is what its text would cost, `sequence_length` what it costs now."""

    number: int
    mode: str
    sequence_length: int
    text_tokens: int
    fidelity: float | None
    """Measured; None where the model has no reader."""
    worst_span: float | None = None
    """The fidelity of the span that reads worst."""
    errata_tokens: int = 0
    turns: list[str]
    spans: list[SpanReport] = []
    """Measured one by one; empty where nothing was."""


class TextReport(_Row):
    """A turn, or the part of one, that stays text, and why."""

    turn: str
    tokens: int
    reason: str


class OutReport(_Row):
    """A page that has left the context: recall still finds it."""

    text_tokens: int
    turns: list[str]


class Report(_Row):
    """`unchanged_tokens` are those before the first part that differs from the last context: a prompt cache still has them.

    Tokens are counted in DeepSeek's vocabulary before, and by true sequence length (newlines, separator) after."""

    model: str
    tokens_before: int
    tokens_after: int
    ratio: float
    seconds: float
    pages: list[PageReport]
    texts: list[TextReport]
    out: list[OutReport] = []
    unchanged_tokens: int = 0
    notes: list[str] = []
    """What went wrong on the way and was got round, such as a full disk."""

    @property
    def fidelity(self) -> float:
        """Mean over the pages measured, weighted by their text; 1 if there is none."""
        measured = [(page.fidelity, page.text_tokens) for page in self.pages if page.fidelity is not None]
        weight = sum(tokens for _, tokens in measured)
        return sum(share * tokens for share, tokens in measured) / weight if weight else 1.0

    def spans_table(self) -> str:
        """Every span of every page with its fidelity, a line each."""
        return "\n".join(
            f"page {page.number:<3} {_share(span.fidelity)}  {span.turn} {span.label.replace('_', ' ')}, "
            f"characters {span.start} to {span.end}"
            for page in self.pages
            for span in page.spans
        )

    def __str__(self) -> str:
        lines = [
            f"{self.tokens_before:,} tokens -> {self.tokens_after:,} ({self.ratio:.1f}x) in {self.seconds:.1f} s, "
            f"{len(self.pages)} pages, {self.fidelity:.2%} of their characters legible"
        ]
        lines += [
            f"  page {page.number:<3} {page.mode:<6} {page.text_tokens:>5} -> {page.sequence_length:>4} tokens  "
            f"{_share(page.fidelity)}  {_turn_range(page.turns)}"
            + (f", errata {page.errata_tokens} tokens" if page.errata_tokens else "")
            for page in self.pages
        ]
        lines += [
            f"  out      {page.text_tokens:>12} tokens  {_turn_range(page.turns)}: by recall only" for page in self.out
        ]
        lines += [f"  text     {text.tokens:>12} tokens  {text.turn}: {text.reason}" for text in self.texts]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


class PlanRow(_Row):
    """How one page would be kept: in a mode, as `text`, or `out` of the context. Tokens with errata; fidelity foreseen."""

    age: float
    salience: float
    keep: str
    tokens: int
    text_tokens: int
    fidelity: float
    turns: list[str]


class Plan(_Row):
    """A dry run."""

    tokens_before: int
    tokens_after: int
    pages: list[PlanRow]

    def __str__(self) -> str:
        lines = [f"{self.tokens_before:,} tokens -> {self.tokens_after:,}, foreseen; nothing was encoded"]
        lines += [
            f"  {row.keep:<8} {row.text_tokens:>5} -> {row.tokens:>4} tokens  {row.fidelity:7.2%}  age {row.age:g}, "
            f"salience {row.salience:.1f}  {_turn_range(row.turns)}"
            for row in self.pages
        ]
        return "\n".join(lines)


def _turn_range(turns: list[str]) -> str:
    return turns[0] if len(turns) == 1 else f"{turns[0]} to {turns[-1]} ({len(turns)} turns)"


def _share(fidelity: float | None) -> str:
    return "      ?" if fidelity is None else f"{fidelity:7.2%}"
