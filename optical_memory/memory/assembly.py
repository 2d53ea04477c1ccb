"""Parts, report and dry run of a draft whose pages have their places."""

from collections.abc import Sequence

import torch

from optical_memory.encoded import EncodedPage
from optical_memory.memory.budget import Option
from optical_memory.memory.context import Context, OutPage, PagePart, TextPart
from optical_memory.memory.draft import Draft, TokenCounter, ends_of
from optical_memory.memory.keeping import Kept
from optical_memory.memory.report import OutReport, PageReport, Plan, PlanRow, Report, SpanReport, TextReport
from optical_memory.memory.schedule import PageFacts
from optical_memory.memory.turn import tool_units

Part = TextPart | PagePart


def assemble(draft: Draft, kept: Sequence[Kept]) -> tuple[list[Part], list[OutPage]]:
    """Parts in the order of the conversation (a page stands where its first turn does), and what has left the context."""
    turns, positions = draft.turns, draft.positions
    placed: list[tuple[tuple[int, int], Part]] = [
        ((positions[turn.id], -1), TextPart(turn, draft.reasons[turn.id])) for turn in turns if turn.id in draft.reasons
    ]
    in_unit = {turns[position].id for unit in tool_units(turns) for position in unit}
    number, out = 0, []
    for order, (drafted, place) in enumerate(zip(draft.pages, kept, strict=True)):
        page, where = drafted.page, (positions[drafted.page.sources[0]], order)
        if place.stored is not None:
            number += 1
            stored = place.stored
            page_part = PagePart(
                number, page, stored.encoded, stored.fidelity, drafted.text_tokens, stored.wrong, place.errata, order
            )
            placed.append((where, page_part))
        elif place.option.kind == "text":
            for source in page.sources:
                first, last = ends_of(page, source)
                turn = turns[positions[source]]
                end = None if (first.start, last.end) == (0, len(turn.text)) else last.end
                reason = place.trouble or "cheaper as text"
                part = TextPart(turn, reason, first.start, end, detached=source in in_unit)
                placed.append(((positions[source], order), part))
        else:
            out.append(OutPage(page, drafted.text_tokens, order))
    return [part for _, part in sorted(placed, key=lambda item: item[0])], out


def report_of(
    model: str,
    draft: Draft,
    parts: Sequence[Part],
    out: Sequence[OutPage],
    count: TokenCounter,
    last: Context | None,
    seconds: float,
) -> Report:
    """What was done; `last` is the context before, for what a prompt cache still holds of it."""
    before = sum(draft.turn_tokens)
    pages, texts, costs = [], [], []
    for part in parts:
        if isinstance(part, TextPart):
            texts.append(TextReport(turn=part.turn.id, tokens=count([part.text])[0], reason=part.reason))
            costs.append(texts[-1].tokens)
            continue
        errata = count([part.note])[0] if part.errata else 0
        spans = [
            SpanReport(turn=span.source, label=span.label, start=span.start, end=span.end, fidelity=share)
            for span, share in (part.spans if part.fidelity is not None else ())
        ]
        costs.append(part.encoded.sequence_length + errata)
        pages.append(
            PageReport(
                number=part.number,
                mode=part.encoded.mode.name,
                sequence_length=part.encoded.sequence_length,
                text_tokens=part.text_tokens,
                fidelity=part.fidelity,
                worst_span=min((span.fidelity for span in spans), default=None),
                errata_tokens=errata,
                turns=list(part.page.sources),
                spans=spans,
            )
        )
    after = sum(costs)
    earlier = [part.splice_parts() for part in last.parts] if last is not None else []
    unchanged = 0
    for part, cost, had in zip(parts, costs, earlier, strict=False):
        if not _same(part.splice_parts(), had):
            break
        unchanged += cost
    return Report(
        model=model,
        tokens_before=before,
        tokens_after=after,
        ratio=before / after if after else 1.0,
        seconds=seconds,
        pages=pages,
        texts=texts,
        out=[OutReport(text_tokens=page.text_tokens, turns=list(page.page.sources)) for page in out],
        unchanged_tokens=unchanged,
    )


def plan_of(draft: Draft, facts: Sequence[PageFacts], options: Sequence[Option]) -> Plan:
    """A dry run as rows."""
    rows = [
        PlanRow(
            age=own.age,
            salience=own.salience,
            keep=option.mode.name if option.mode is not None else option.kind,
            tokens=option.cost,
            text_tokens=own.text_tokens,
            fidelity=option.fidelity,
            turns=list(page.page.sources),
        )
        for page, own, option in zip(draft.pages, facts, options, strict=True)
    ]
    after = draft.fixed_tokens + sum(row.tokens for row in rows)
    return Plan(tokens_before=sum(draft.turn_tokens), tokens_after=after, pages=rows)


def _same(pieces: Sequence[str | EncodedPage], others: Sequence[str | EncodedPage]) -> bool:
    """Equal text, and visual tokens equal bit for bit."""
    return len(pieces) == len(others) and all(
        piece.mode == other.mode and torch.equal(piece.tokens, other.tokens)
        if isinstance(piece, EncodedPage) and isinstance(other, EncodedPage)
        else isinstance(piece, str) and piece == other
        for piece, other in zip(pieces, others, strict=True)
    )
