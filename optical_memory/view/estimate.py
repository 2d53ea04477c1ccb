"""What a conversation costs a reader as text, as cached text and as pages, and whether pages pay."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from optical_memory.memory.turn import parse_history
from optical_memory.readers import Reader
from optical_memory.view.viewer import Viewer

PRESUMED_CELL = 8
"""The cell that an unproven reader is priced at, so that its figures can be seen before anybody measures it."""


class Estimate(BaseModel):
    """Tokens of one request. Dollars are None where the table has no price. `pays`: now, by a proven reader."""

    model_config = ConfigDict(frozen=True)

    reader: str
    evidence: str
    text_tokens: int
    view_tokens: int
    pages: int
    hosted_ratio: float
    local_ratio: float
    dollars_text: float | None
    dollars_cached_text: float | None
    dollars_view: float | None
    dollars_cached_view: float | None
    reread_tokens: int
    """What the latest rewrite took out of a warm prompt cache, and what that cost over the cached price."""
    dollars_reread: float | None
    payback_turns: float | None
    pays: bool
    pays_against_cache: bool
    reason: str | None

    def __str__(self) -> str:
        def money(value: float | None) -> str:
            return "" if value is None else f"  ${value:.6f}"

        lines = [
            f"{self.reader} ({self.evidence})",
            f"  as text         {self.text_tokens:>9,} tokens{money(self.dollars_text)}",
            f"  as cached text  {self.text_tokens:>9,} tokens{money(self.dollars_cached_text)}",
            f"  with pages      {self.view_tokens:>9,} tokens{money(self.dollars_view)}  ({self.pages} pages)",
            f"  pages cached    {self.view_tokens:>9,} tokens{money(self.dollars_cached_view)}",
            f"  on what is drawn: {self.hosted_ratio:.1f}x hosted, {self.local_ratio:.1f}x by our own model",
        ]
        if self.payback_turns is not None:
            lines.append(
                f"  latest rewrite  {self.reread_tokens:>9,} tokens out of a warm cache{money(self.dollars_reread)}"
            )
            lines.append(f"  a warm cache is paid back after {self.payback_turns:.0f} requests, a cold one at once")
        lines.append("  pages pay" if self.pays else f"  pages do not pay: {self.reason}")
        return "\n".join(lines)


def estimate(
    history: Sequence[Mapping[str, Any]], reader: Reader, keep_last: int, trust_cell: int | None = None
) -> Estimate:
    """The figures of one history. A reader that nobody measured is priced as if it read the smallest page."""
    refusal = reader.why_not()
    if trust_cell is not None and reader.never is None:
        reader = reader.trusted(trust_cell)
        refusal = reader.why_not()
    presumed = reader if reader.never is not None or reader.proven_cell is not None else reader.trusted(PRESUMED_CELL)
    viewer = Viewer(presumed, keep_last=max(1, keep_last), strict=True)
    report = viewer.view(history).report
    before, after = report.tokens_before, report.tokens_after
    if not report.num_pages:
        texts = [turn.text for turn in parse_history(history)]
        before = after = before or round(sum(viewer.counts.of(texts)) * reader.text_factor)
        refusal = refusal or report.reason
    money = reader.money
    latest = report.rewrites[-1] if report.rewrites else None
    cheaper = refusal is None and after < before
    cached_view = None if money is None else after * money.cached / 1e6
    cached_text = None if money is None else before * money.cached / 1e6
    return Estimate(
        reader=reader.name,
        evidence=reader.evidence,
        text_tokens=before,
        view_tokens=after,
        pages=report.num_pages,
        hosted_ratio=report.hosted_ratio,
        local_ratio=report.local_ratio,
        dollars_text=None if money is None else before * money.text / 1e6,
        dollars_cached_text=cached_text,
        dollars_view=None if money is None else after * money.text / 1e6,
        dollars_cached_view=cached_view,
        reread_tokens=latest.reread_tokens if latest is not None else 0,
        dollars_reread=latest.reread_dollars if latest is not None else None,
        payback_turns=latest.payback_turns if latest is not None else None,
        pays=cheaper,
        pays_against_cache=cheaper and money is not None and after * money.text < before * money.cached,
        reason=refusal,
    )
