"""Text to grid: every character keeps its place in the source, and pages that are full never change again."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from renderers import EMPTY, Block, Grid, Page, lay_out, transcript_blocks
from renderers.fonts import MARKER_BASE
from renderers.page import decode_codes, encode_text
from renderers.transcript import LABELS, MARK_STYLE, MARKS, style_of

MARK = MARKER_BASE + ord("U")
ANY_CHARACTER = st.one_of(st.characters(categories=None), st.sampled_from("\n\n\t\0\r \ud800\udfffaé日\U0001f642"))
ANY_TEXT = st.one_of(
    st.text(ANY_CHARACTER, max_size=40),
    st.builds(lambda text, times: text * times, st.text(ANY_CHARACTER, max_size=9), st.integers(0, 60)),
)


def examples(count: int) -> settings:
    """Slow machines are no failure."""
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def grids(draw: st.DrawFn, break_lines: bool | None = None) -> Grid:
    """From two cells up: a marked block needs one beside its marker."""
    small_or_any = st.one_of(st.integers(1, 6), st.integers(1, 70))
    columns, rows = draw(st.tuples(small_or_any, small_or_any).filter(lambda size: size != (1, 1)))
    return Grid(columns, rows, draw(st.booleans()) if break_lines is None else break_lines)


@st.composite
def blocks_of_text(draw: st.DrawFn, text: st.SearchStrategy[str] = ANY_TEXT, max_size: int = 6) -> list[Block]:
    return [
        Block(
            draw(text),
            f"label {index}",
            f"source {index}",
            draw(st.integers(0, 1000)),
            style=1 + index,
            mark=draw(st.sampled_from((EMPTY, MARK))),
            mark_style=9,
        )
        for index in range(draw(st.integers(0, max_size)))
    ]


def characters_placed(pages: list[Page]) -> list[tuple[str, int, int]]:
    """(source, position there, code) of every cell that a span owns, in reading order."""
    placed = []
    for page in pages:
        seen: Counter[int] = Counter()
        for cell in np.flatnonzero(page.owners >= 0):
            owner = int(page.owners[cell])
            span = page.spans[owner]
            placed.append((span.source, span.start + seen[owner], int(page.codes[cell])))
            seen[owner] += 1
    return placed


def as_facts(page: Page) -> tuple[object, ...]:
    return page.grid, page.spans, page.codes.tobytes(), page.styles.tobytes(), page.owners.tobytes()


@given(blocks_of_text(), grids())
@examples(150)
def test_every_character_stands_in_one_cell_in_source_order(blocks: list[Block], grid: Grid) -> None:
    expected = [
        (block.source, block.start + index, ord(character))
        for block in blocks
        for index, character in enumerate(block.text)
    ]
    assert characters_placed(lay_out(blocks, grid)) == expected


@given(blocks_of_text(), grids())
@examples(80)
def test_joined_pages_are_the_joined_blocks(blocks: list[Block], grid: Grid) -> None:
    pages = lay_out(blocks, grid)
    assert "".join(page.text for page in pages) == "".join(block.text for block in blocks)
    assert sum(page.num_characters for page in pages) == sum(len(block.text) for block in blocks)


@given(blocks_of_text(), grids())
@examples(80)
def test_spans_own_the_cells_that_they_name(blocks: list[Block], grid: Grid) -> None:
    for page in lay_out(blocks, grid):
        free = 0
        for index, span in enumerate(page.spans):
            first, end = span.cells
            owned = np.flatnonzero(page.owners == index)
            assert free <= first < end <= grid.num_cells
            assert (owned[0], owned[-1]) == (first, end - 1)
            assert len(owned) == span.end - span.start
            free = end


@given(blocks_of_text(), grids())
@examples(80)
def test_spans_of_a_block_adjoin_across_pages(blocks: list[Block], grid: Grid) -> None:
    spans = [span for page in lay_out(blocks, grid) for span in page.spans]
    for block in blocks:
        own = [span for span in spans if span.source == block.source]
        borders = [block.start, *(span.end for span in own)]
        assert [span.start for span in own] == borders[:-1]
        assert borders[-1] == block.start + len(block.text)
        assert {span.label for span in own} <= {block.label}


@given(blocks_of_text(), blocks_of_text(max_size=3), grids())
@examples(100)
def test_more_blocks_change_no_page_but_the_last(blocks: list[Block], more: list[Block], grid: Grid) -> None:
    before, after = lay_out(blocks, grid), lay_out([*blocks, *more], grid)
    assert len(after) >= len(before)
    kept = before[:-1]
    assert [as_facts(page) for page in after[: len(kept)]] == [as_facts(page) for page in kept]


@given(st.text(st.sampled_from("ab\n"), max_size=300), grids(break_lines=True))
@examples(100)
def test_after_a_newline_the_next_character_starts_a_row(text: str, grid: Grid) -> None:
    cells = np.concatenate([np.empty(0, int), *(np.flatnonzero(page.source_cells) for page in _pages(text, grid))])
    for index in range(1, len(text)):
        if text[index - 1] == "\n":
            assert cells[index] % grid.columns == 0


@given(st.text(st.sampled_from("ab\n"), max_size=300), grids(break_lines=True))
@examples(100)
def test_only_a_newline_leaves_cells_empty(text: str, grid: Grid) -> None:
    for page in _pages(text, grid):
        cells = np.flatnonzero(page.source_cells)
        for cell, following in pairwise(cells):
            assert following == cell + 1 or page.codes[cell] == ord("\n")


@given(ANY_TEXT, grids(break_lines=False))
@examples(60)
def test_without_line_breaks_pages_are_full_but_the_last(text: str, grid: Grid) -> None:
    pages = _pages(text, grid)
    assert len(pages) == -(-len(text) // grid.num_cells)
    assert all(page.num_characters == grid.num_cells for page in pages[:-1])


@given(blocks_of_text(), grids())
@examples(100)
def test_a_marker_stands_before_a_marked_block_on_each_of_its_pages(blocks: list[Block], grid: Grid) -> None:
    marked = {block.source for block in blocks if block.mark != EMPTY}
    for page in lay_out(blocks, grid):
        for span in page.spans:
            if span.source in marked:
                before = span.cells[0] - 1
                assert before >= 0
                assert (page.codes[before], page.styles[before], page.owners[before]) == (MARK, 9, -1)


@given(blocks_of_text(), grids())
@examples(60)
def test_cells_without_a_source_are_markers_or_empty(blocks: list[Block], grid: Grid) -> None:
    for page in lay_out(blocks, grid):
        assert set(page.codes[~page.source_cells].tolist()) <= {EMPTY, MARK}


@given(blocks_of_text(), grids())
@examples(60)
def test_characters_wear_the_style_of_their_block(blocks: list[Block], grid: Grid) -> None:
    styles = {block.source: block.style for block in blocks}
    for page in lay_out(blocks, grid):
        for index, span in enumerate(page.spans):
            assert set(page.styles[page.owners == index].tolist()) == {styles[span.source]}


@pytest.mark.parametrize("mark", [EMPTY, MARK])
@pytest.mark.parametrize("break_lines", [False, True])
def test_a_line_of_50_000_characters(mark: int, break_lines: bool) -> None:
    line = "".join(chr(0x21 + index % 94) for index in range(50_000))
    pages = lay_out([Block(line, "line", "s", mark=mark)], Grid(64, 64, break_lines))
    room = 64 * 64 - (mark != EMPTY)
    assert [page.num_characters for page in pages] == [room] * (50_000 // room) + [50_000 % room]
    assert "".join(page.text for page in pages) == line


def test_no_blocks_and_empty_blocks_make_no_page() -> None:
    assert lay_out([], Grid()) == []
    assert lay_out([Block("", "a", "s"), Block("", "b", "t")], Grid()) == []


def test_an_empty_marked_block_leaves_its_marker() -> None:
    (page,) = lay_out([Block("", "a", "s", mark=MARK), Block("x", "b", "t")], Grid(4, 1))
    assert page.codes.tolist() == [MARK, ord("x"), EMPTY, EMPTY]
    assert page.sources == ("t",)


def test_a_marker_never_stands_alone_at_the_end_of_a_page() -> None:
    first, second = lay_out([Block("abc", "a", "s"), Block("d", "b", "t", mark=MARK)], Grid(4, 1))
    assert first.codes.tolist() == [*b"abc", EMPTY]
    assert second.codes.tolist() == [MARK, ord("d"), EMPTY, EMPTY]


def test_one_cell_cannot_hold_a_marked_block() -> None:
    with pytest.raises(ValueError, match="cannot hold a marked block"):
        lay_out([Block("a", "a", "s", mark=MARK)], Grid(1, 1))


@pytest.mark.parametrize(("columns", "rows"), [(0, 4), (4, 0), (-1, 4)])
def test_a_grid_needs_cells(columns: int, rows: int) -> None:
    with pytest.raises(ValueError, match=f"{columns} x {rows}"):
        Grid(columns, rows)


def test_a_page_cannot_be_written_to() -> None:
    (page,) = _pages("abc", Grid(4, 1))
    with pytest.raises(ValueError, match="read-only"):
        page.codes[0] = 1


def test_the_digest_tells_apart_what_looks_different() -> None:
    plain = Block("ab", "a", "s")
    variants = [
        (plain, Grid(4, 2)),
        (plain, Grid(2, 4)),
        (Block("ac", "a", "s"), Grid(4, 2)),
        (Block("ab", "a", "s", style=1), Grid(4, 2)),
        (Block("ab", "a", "s", mark=MARK), Grid(4, 2)),
    ]
    assert len({lay_out([block], grid)[0].digest for block, grid in variants}) == len(variants)


def test_the_digest_knows_no_source() -> None:
    here, there = (lay_out([Block("ab", label, label, start)], Grid(4, 2)) for label, start in (("a", 0), ("b", 7)))
    assert here[0].digest == there[0].digest


@given(st.text(ANY_CHARACTER))
@examples(100)
def test_codes_are_the_text_both_ways(text: str) -> None:
    codes = encode_text(text)
    assert codes.tolist() == [ord(character) for character in text]
    assert decode_codes(codes) == text


MARKDOWN = st.lists(
    st.sampled_from(("```", "```python", "```\n", "\n", "code", " ", "`", "text\n", "\ud800")), max_size=30
).map("".join)


@given(MARKDOWN, st.sampled_from(sorted(MARKS)), st.integers(0, 99))
@examples(150)
def test_transcript_blocks_are_the_text_in_order(text: str, label: str, start: int) -> None:
    blocks = list(transcript_blocks(text, label, "s", start))
    position = start
    for block in blocks:
        assert block.start == position
        position += len(block.text)
    assert "".join(block.text for block in blocks) == text
    assert (blocks[0].mark, blocks[0].mark_style) == (MARKS[label], MARK_STYLE)


def test_fenced_code_has_a_style_of_its_own() -> None:
    blocks = list(transcript_blocks("see:\n```py\nx = 1\n```\nthen", "assistant", "s"))
    assert [(block.text, block.style) for block in blocks] == [
        ("see:\n", style_of("assistant")),
        ("```py\nx = 1\n```", style_of("code")),
        ("\nthen", style_of("assistant")),
    ]


def test_a_turn_has_one_marker_however_much_code_it_holds() -> None:
    blocks = transcript_blocks("```\na\n```\n```\nb\n```", "user", "s")
    (page,) = lay_out(blocks, Grid(64, 1))
    assert np.flatnonzero(page.codes == MARKS["user"]).tolist() == [0]


def test_a_page_that_goes_on_with_code_opens_with_the_turns_marker() -> None:
    text = "see:\n```py\n" + "x = 1\n" * 30 + "```\n" + "prose " * 30
    for page in lay_out(transcript_blocks(text, "assistant", "s"), Grid(10, 5)):
        assert page.codes[0] == MARKS["assistant"]


def test_only_turns_have_markers() -> None:
    assert set(MARKS) == set(LABELS) - {"code"}
    with pytest.raises(ValueError, match="'code'"):
        list(transcript_blocks("x", "code", "s"))


def _pages(text: str, grid: Grid) -> list[Page]:
    return lay_out([Block(text, "a", "s")], grid)


def test_cells_keep_step_with_patches_where_one_divides_the_other() -> None:
    assert Grid(64, 64).divides(512, 16) and Grid(80, 80).divides(640, 16) and Grid(128, 64).divides(512, 16)
    assert Grid(64, 64).fills(640) and not Grid(64, 64).divides(640, 16)
    assert not Grid(80, 80).fills(512)
