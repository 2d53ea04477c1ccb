"""What whole conversations cost a hosted reader: as text, as cached text, and with pages, every request of them counted.

The prompt cache is the arithmetic of the providers: what a request shares with the one before it is read from the cache, the
rest is written into it. Where a provider caches up to marks, text has its mark at the very end and pages have it on the last
page. No hosted model is asked; answers are left out. The cache is warm throughout, which is text's best case.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from pydantic import BaseModel, ConfigDict

from optical_memory.memory.turn import parse_history
from optical_memory.readers import Reader, reader_named
from optical_memory.trials.conversations import Conversation
from optical_memory.view import Viewer, ViewReport
from optical_memory.view.counts import TokenCounts
from optical_memory.view.steps import requests


class HostedCost(BaseModel):
    """Sums over conversations. Tokens are those of every conversation's last request, dollars those of all its requests;
    None where the table has no price."""

    model_config = ConfigDict(frozen=True)

    reader: str
    conversations: int
    requests: int
    text_tokens: int
    view_tokens: int
    drawn_text_tokens: int
    drawn_page_tokens: int
    local_page_tokens: int
    """What the pages would cost our own model."""
    pages: int
    rewrites: int
    reread_tokens: int
    """Taken out of a warm cache by all rewrites."""
    dollars_text: float | None
    dollars_cached_text: float | None
    dollars_pages: float | None
    dollars_cached_pages: float | None
    dollars_reread: float | None

    def __str__(self) -> str:
        ratios = (
            f"whole {self.text_tokens / self.view_tokens:.1f}x, drawn "
            f"{self.drawn_text_tokens / max(1, self.drawn_page_tokens):.1f}x hosted, "
            f"{self.drawn_text_tokens / max(1, self.local_page_tokens):.1f}x local"
        )
        lines = [
            f"{self.reader}: {self.text_tokens:,} tokens -> {self.view_tokens:,} with {self.pages} pages in the last "
            f"requests of {self.conversations}; {ratios}",
            f"  {self.requests:,} requests, {self.rewrites} rewrites, {self.reread_tokens:,} tokens out of a warm cache",
        ]
        if self.dollars_text is not None:
            lines.append(
                f"  ${self.dollars_text:.3f} as text, ${self.dollars_cached_text:.3f} cached; ${self.dollars_pages:.3f} with "
                f"pages, ${self.dollars_cached_pages:.3f} cached, ${self.dollars_reread:.3f} of it for rewrites"
            )
        return "\n".join(lines)


def hosted_costs(conversations: Sequence[Conversation], readers: Sequence[str], cell: int) -> list[HostedCost]:
    """One row for each reader, taken at one's word to read cells of that size where nobody measured it."""
    rows = [reader_named(name) for name in readers]
    rows = [row.trusted(cell) if row.never is None and row.proven_cell is None else row for row in rows]
    counts = TokenCounts()
    return [_cost(conversations, row, counts) for row in rows]


def _cost(conversations: Sequence[Conversation], reader: Reader, counts: TokenCounts) -> HostedCost:
    viewer = Viewer(reader, counts=counts, strict=True)
    reports, bills = [], []
    for conversation in conversations:
        turns = parse_history(conversation.messages, "openai")
        tokens = [round(count * reader.text_factor) for count in counts.of([turn.text for turn in turns])]
        lengths = list(requests(turns))
        if lengths:
            report = viewer.view(conversation.messages[: lengths[-1]], "openai").report
            reports.append(report)
            bills.append(replay(report, tokens, lengths, reader.cached_to_mark))
    batches = [batch for report in reports for batch in report.batches]
    rewrites = [rewrite for report in reports for rewrite in report.rewrites]
    drawn = sum(batch.text_tokens for batch in batches)
    page = sum(batch.page_tokens for batch in batches)
    text = sum(bill.last_text for bill in bills)
    money = reader.money
    terms = [bill.dollars(reader) for bill in bills]
    return HostedCost(
        reader=reader.name,
        conversations=len(reports),
        requests=sum(bill.requests for bill in bills),
        text_tokens=text,
        view_tokens=text - drawn + page,
        drawn_text_tokens=drawn,
        drawn_page_tokens=page,
        local_page_tokens=sum(batch.local_tokens for batch in batches),
        pages=sum(report.num_pages for report in reports),
        rewrites=len(rewrites),
        reread_tokens=sum(rewrite.reread_tokens for rewrite in rewrites),
        dollars_text=None if money is None else sum(term[0] for term in terms),
        dollars_cached_text=None if money is None else sum(term[1] for term in terms),
        dollars_pages=None if money is None else sum(term[2] for term in terms),
        dollars_cached_pages=None if money is None else sum(term[3] for term in terms),
        dollars_reread=None if money is None else sum(rewrite.reread_dollars or 0.0 for rewrite in rewrites),
    )


class Bill(BaseModel):
    """Tokens over all requests of a conversation: sent in all, of those read from a warm cache, and neither read nor written."""

    model_config = ConfigDict(frozen=True)

    requests: int
    last_text: int
    text: int
    text_cached: int
    view: int
    view_cached: int
    view_plain: int

    def dollars(self, reader: Reader) -> tuple[float, float, float, float]:
        """Of text, cached text, pages, cached pages."""
        if reader.money is None:
            return 0.0, 0.0, 0.0, 0.0
        money = reader.money

        def cached(tokens: int, hits: int, plain: int) -> float:
            written = tokens - hits - plain
            return (hits * money.cached + plain * money.text + written * money.text * money.write) / 1e6

        return (
            self.text * money.text / 1e6,
            cached(self.text, self.text_cached, 0),
            self.view * money.text / 1e6,
            cached(self.view, self.view_cached, self.view_plain),
        )


def replay(report: ViewReport, tokens: Sequence[int], lengths: Sequence[int], to_mark: bool = False) -> Bill:
    """Every request of a conversation, from the report of its last one: a view only ever adds to the one before it, but for
    its rewrites, and the report tells when each was made. `to_mark`: the cache ends with the last page."""
    sums = [0, *accumulate(tokens)]
    rewrites = {rewrite.at: rewrite for rewrite in report.rewrites}
    saved = marked = cached_before = 0
    text = text_cached = view = view_cached = view_plain = 0
    for previous, length in pairwise((0, *lengths)):
        rewrite = rewrites.get(length)
        hits = cached_before
        if rewrite is not None:
            saved += rewrite.text_tokens - rewrite.page_tokens
            marked = sums[rewrite.last + 1] - saved
            hits = cached_before if to_mark else sums[length] - saved - rewrite.reread_tokens
        now = sums[length] - saved
        text, text_cached = text + sums[length], text_cached + sums[previous]
        view, view_cached = view + now, view_cached + hits
        view_plain += now - marked if to_mark else 0
        cached_before = marked if to_mark else now
    return Bill(
        requests=len(lengths),
        last_text=sums[lengths[-1]],
        text=text,
        text_cached=text_cached,
        view=view,
        view_cached=view_cached,
        view_plain=view_plain,
    )
