"""What a view did, what it costs by the reader's rule, and what it costs the prompt cache; leaves the library as JSON."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from optical_memory.readers import Reader
from optical_memory.view.steps import Step, payback_turns


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


class RewriteReport(_Row):
    """A step at which batches were first shown, which took everything from message `first` on out of a warm prompt cache.

    It is told as if every request of the conversation had been sent this way; a cache that had gone cold loses nothing, nor
    does one that ends at the marks of the request, before anything that is drawn.
    """

    at: int
    """Messages that the request held."""
    first: int
    last: int
    in_loop: bool
    """Inside a running tool loop, where only the loop's own calls count towards the payback; the others are at a turn's end."""
    text_tokens: int
    page_tokens: int
    reread_tokens: int
    """Tokens read at full price that would have come from the cache: the new pages and every message behind them."""
    reread_dollars: float | None
    """What those cost more than from the cache, by the reader's prices; None if the table has none."""
    payback_turns: float
    """Requests, this one included, until the shorter history has saved that much at the cached price."""

    def __str__(self) -> str:
        money = "" if self.reread_dollars is None else f" (${self.reread_dollars:.6f} over their cached price)"
        place = "inside a tool loop" if self.in_loop else "at a turn's end"
        lost = f"a warm cache loses {self.reread_tokens:,} tokens{money}, paid back after {self.payback_turns:.0f} requests"
        return f"messages {self.first} to {self.last} were drawn {place}, at {self.at} messages: " + (
            lost if self.reread_tokens else "no cache reaches that far"
        )


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
    evidence: str
    """How it is known that the reader reads such pages."""
    shape: str
    tokens_before: int
    tokens_after: int
    hosted_ratio: float
    local_ratio: float
    batches: list[BatchReport]
    rewrites: list[RewriteReport]
    texts: list[TextReport]
    num_messages: int = 0
    reason: str | None = None
    """Why nothing was drawn, if nothing was."""
    seconds: float = 0.0

    @property
    def saved(self) -> int:
        return self.tokens_before - self.tokens_after

    @property
    def num_pages(self) -> int:
        return sum(batch.pages for batch in self.batches)

    @property
    def rewrite(self) -> RewriteReport | None:
        """The rewrite that this very request makes, if it makes one."""
        latest = self.rewrites[-1] if self.rewrites else None
        return latest if latest is not None and latest.at == self.num_messages else None

    def __str__(self) -> str:
        lines = [
            f"{self.reader}: {self.tokens_before:,} tokens -> {self.tokens_after:,} with {self.num_pages} pages; "
            f"on what is drawn {self.hosted_ratio:.1f}x hosted, {self.local_ratio:.1f}x local; legible by {self.evidence}"
        ]
        lines += [f"  nothing is drawn: {self.reason}"] if self.reason else []
        lines += [
            f"  messages {batch.first} to {batch.last}: {batch.text_tokens:,} -> {batch.page_tokens:,} tokens, "
            f"{batch.pages} pages"
            for batch in self.batches
        ]
        lines += [f"  {rewrite}" for rewrite in self.rewrites]
        lines += [f"  message {text.message}: {text.tokens:,} tokens of text, {text.reason}" for text in self.texts]
        return "\n".join(lines)


def rewrite_report(
    step: Step, batches: Sequence[BatchReport], tokens: Sequence[int], reader: Reader
) -> RewriteReport | None:
    """The report of a step at which these batches were shown; `tokens` of every message as text. None if there are none."""
    if not batches:
        return None
    text = sum(batch.text_tokens for batch in batches)
    page = sum(batch.page_tokens for batch in batches)
    tail = sum(tokens[batches[0].first : step.at]) - text
    reread = 0 if reader.cached_to_mark else page + tail
    return RewriteReport(
        at=step.at,
        first=batches[0].first,
        last=batches[-1].last,
        in_loop=step.in_loop,
        text_tokens=text,
        page_tokens=page,
        reread_tokens=reread,
        reread_dollars=None if reader.money is None else reader.money.misses(reread),
        payback_turns=payback_turns(text, page, tail, reader.cache),
    )
