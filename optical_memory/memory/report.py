"""What a compression did and what it cost; leaves the library as JSON."""

from pydantic import BaseModel, ConfigDict


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class PageReport(_Row):
    """One page: `text_tokens` is what its text would cost, `sequence_length` what it costs now."""

    number: int
    mode: str
    sequence_length: int
    text_tokens: int
    fidelity: float
    turns: list[str]


class TextReport(_Row):
    """A turn, or the part of one, that stays text, and why."""

    turn: str
    tokens: int
    reason: str


class Report(_Row):
    """Tokens are counted in DeepSeek's vocabulary before, and by true sequence length (newlines, separator) after."""

    model: str
    tokens_before: int
    tokens_after: int
    ratio: float
    seconds: float
    pages: list[PageReport]
    texts: list[TextReport]

    @property
    def fidelity(self) -> float:
        """Mean over pages, weighted by their text; 1 if there is none."""
        weight = sum(page.text_tokens for page in self.pages)
        return sum(page.fidelity * page.text_tokens for page in self.pages) / weight if weight else 1.0

    def __str__(self) -> str:
        lines = [
            f"{self.tokens_before:,} tokens -> {self.tokens_after:,} ({self.ratio:.1f}x) in {self.seconds:.1f} s, "
            f"{len(self.pages)} pages, {self.fidelity:.2%} of their characters legible"
        ]
        lines += [
            f"  page {page.number:<3} {page.mode:<6} {page.text_tokens:>5} -> {page.sequence_length:>4} tokens  "
            f"{page.fidelity:7.2%}  {_turn_range(page.turns)}"
            for page in self.pages
        ]
        lines += [f"  text     {text.tokens:>12} tokens  {text.turn}: {text.reason}" for text in self.texts]
        return "\n".join(lines)


def _turn_range(turns: list[str]) -> str:
    return turns[0] if len(turns) == 1 else f"{turns[0]} to {turns[-1]} ({len(turns)} turns)"
