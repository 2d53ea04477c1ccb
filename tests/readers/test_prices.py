"""Prices of a page by each provider's rule, against their published arithmetic worked out by hand."""

from pathlib import Path

import pytest

from optical_memory.modes import NATIVE_MODES
from optical_memory.readers import Reader, check_saving, load_readers, reader_named, save_reader
from optical_memory.readers.prices import Flat, Measured
from optical_memory.readers.table import READERS


@pytest.mark.parametrize(
    ("model", "prices"),
    [
        ("claude-sonnet-4-6", (361, 529, 1369, 1521)),
        ("gpt-4o", (255, 765, 765, 765)),
        ("gpt-5", (210, 630, 630, 630)),
        ("gpt-5.4", (308, 480, 1229, 1920)),
        ("gpt-4o-mini", (8500, 25501, 25501, 25501)),
        ("gemini-3-low", (280, 280, 280, 280)),
        ("qwen3-vl", (256, 400, 1024, 1600)),
        ("optical-memory", (73, 111, 273, 421)),
    ],
)
def test_a_page_costs_what_the_provider_says(model: str, prices: tuple[int, ...]) -> None:
    reader = reader_named(model)
    assert tuple(reader.price.tokens(mode.side, mode.side) for mode in NATIVE_MODES) == prices


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("gpt-5", "gpt-5"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("gpt-5-mini", "gpt-5-mini"),
        ("gpt-5.4", "gpt-5.4"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-2024-11-20", "gpt-4o"),
        ("anthropic/claude-haiku-4-5-20251001", "claude-haiku"),
        ("models/gemini-3-pro-preview", "gemini-3"),
    ],
)
def test_names_find_their_row(model: str, row: str) -> None:
    assert reader_named(model).name == row


@pytest.mark.parametrize("model", ["gpt-50", "gpt-5.9", "o17", "claude", "", "llama"])
def test_a_name_that_only_looks_alike_is_unknown_and_gets_text(model: str) -> None:
    reader = reader_named(model)
    assert reader.mode() is None and "unknown" in (reader.why_not() or "")


def test_no_hosted_reader_counts_as_proven() -> None:
    assert [reader.name for reader in READERS if reader.proven_cell is not None] == ["optical-memory"]
    assert "calibrate" in (reader_named("gpt-5").why_not() or "")


def test_the_cheapest_legible_mode_is_chosen() -> None:
    assert [str(reader_named("gpt-4o").trusted(cell).mode()) for cell in (4, 8, 9, 16, 20, 21)] == [
        "Tiny",
        "Tiny",
        "Small",
        "Base",
        "Large",
        "None",
    ]
    assert reader_named("gpt-4o-mini").trusted(8).mode() is None


def test_rows_of_ones_own_come_first_and_survive_a_file(tmp_path: object) -> None:
    path = Path(str(tmp_path)) / "readers.json"
    mine = Reader(name="mine", models=("gpt-5",), price=Measured(by_side=((512, 99), (1024, 300))), proven_cell=8)
    save_reader(path, Reader(name="other", models=("x",), price=Flat(per_picture=5)))
    save_reader(path, mine)
    save_reader(path, mine)
    rows = load_readers(path)
    assert [row.name for row in rows] == ["other", "mine"] and rows[1] == mine
    assert reader_named("gpt-5-2025-08-07", rows) == mine
    assert [mine.price.tokens(side, side) for side in (512, 640, 1024, 1280)] == [99, 300, 300, 300]


def test_asking_whether_a_row_can_be_kept_changes_nothing(tmp_path: Path) -> None:
    table, link = tmp_path / "readers.json", tmp_path / "link.json"
    check_saving(table)
    assert not table.exists()
    link.symlink_to(table)
    check_saving(link)
    assert link.is_symlink() and not table.exists()
    save_reader(link, reader_named("gpt-5"))
    written = table.read_bytes()
    check_saving(link)
    assert table.read_bytes() == written
