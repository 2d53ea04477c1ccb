"""What a view did, what it costs by the reader's rule, and what it costs the prompt cache; leaves the library as JSON."""

from pydantic import BaseModel, ConfigDict


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class BatchReport(_Row):
    """Messages `first` to `last` (counted from 0) on `pages` pages; `local_tokens` is what our own encoder would take."""

    first: int
    last: int
    pages: int
    text_tokens: int
    page_tokens: int
    local_tokens: int
    payback_turns: float
    """Turns until re-drawing this batch has paid for what it took out of a warm prompt cache, when nothing stands behind it
    but the present tail (write 1.25, read 0.1)."""


class TextReport(_Row):
    """A message that stays as it came, and why."""

    message: int
    tokens: int
    reason: str


class ViewReport(_Row):
    """Text tokens are counted in DeepSeek's vocabulary times the reader's factor, pages by the reader's price rule.

    `hosted_ratio` is what this reader saves on what is drawn, `local_ratio` what our own model would on the same pages.
    """

    reader: str
    shape: str
    tokens_before: int
    tokens_after: int
    hosted_ratio: float
    local_ratio: float
    batches: list[BatchReport]
    texts: list[TextReport]
    reason: str | None = None
    """Why nothing was drawn, if nothing was."""
    seconds: float = 0.0

    @property
    def saved(self) -> int:
        return self.tokens_before - self.tokens_after

    @property
    def num_pages(self) -> int:
        return sum(batch.pages for batch in self.batches)

    def __str__(self) -> str:
        lines = [
            f"{self.reader}: {self.tokens_before:,} tokens -> {self.tokens_after:,} with {self.num_pages} pages; "
            f"on what is drawn {self.hosted_ratio:.1f}x hosted, {self.local_ratio:.1f}x local"
        ]
        lines += [f"  nothing is drawn: {self.reason}"] if self.reason else []
        lines += [
            f"  messages {batch.first} to {batch.last}: {batch.text_tokens:,} -> {batch.page_tokens:,} tokens, "
            f"{batch.pages} pages, pays back a warm cache after {batch.payback_turns:.0f} turns"
            for batch in self.batches
        ]
        lines += [f"  message {text.message}: {text.tokens:,} tokens of text, {text.reason}" for text in self.texts]
        return "\n".join(lines)


def payback_turns(text_tokens: int, page_tokens: int, tail_tokens: int) -> float:
    """Turns after which drawing cached text has paid for the cache that it broke: infinite where pages are not cheaper."""
    if page_tokens >= text_tokens or text_tokens == 0:
        return float("inf")
    ratio = text_tokens / max(1, page_tokens)
    return (1.15 / ratio + 1.15 * tail_tokens / text_tokens) / (0.1 * (1 - 1 / ratio))
