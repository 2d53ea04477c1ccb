"""Prices of a page by each provider's rule, against their published arithmetic worked out by hand."""

from pathlib import Path

import pytest

from optical_memory.errors import OpticalMemoryError
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
        ("gemini-3-flash-preview", "gemini-3"),
        ("gemini-3.1-pro-preview", "gemini-3"),
        ("gemini-2.5-pro-preview-06-05", "gemini-2.5"),
        ("gemini-2.5-flash-lite", "gemini-2.5"),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("o4-mini", "o4-mini"),
        ("o1-preview", "o1"),
        ("gpt-5-chat-latest", "gpt-5"),
        ("gpt-5-2025-08-07:of-pro-team", "gpt-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet"),
        ("claude-opus-4-5@20251101", "claude-opus"),
        ("claude-sonnet-4-6-latest", "claude-sonnet"),
        ("Qwen/Qwen3-VL-8B-Instruct", "qwen3-vl"),
    ],
)
def test_names_find_their_row(model: str, row: str) -> None:
    assert reader_named(model).name == row


@pytest.mark.parametrize("model", ["gpt-50", "gpt-5.9", "o17", "claude", "", "llama"])
def test_a_name_that_only_looks_alike_is_unknown_and_gets_text(model: str) -> None:
    reader = reader_named(model)
    assert reader.mode() is None and "unknown" in (reader.why_not() or "")


@pytest.mark.parametrize(
    "model",
    """o3-mini o1-mini o3-pro o1-pro gpt-5-pro gpt-5.2-pro gpt-5-nano gpt-4.1-nano gpt-5.4-nano gpt-5.4-mini gpt-5.1-codex-mini
    gpt-5-codex gpt-4o-audio-preview gpt-4o-realtime-preview gpt-4o-transcribe gpt-4o-mini-tts gpt-4o-search-preview
    gpt-5-search-api o3-deep-research o4-mini-deep-research gemini-2.5-flash-preview-tts gemini-3-pro-image-preview
    gpt-4o-mini-audio-preview gpt-4.1-mini-pro openai/o3-mini-2025-01-31 o3-pro:batch""".split(),
)
def test_another_model_of_a_family_is_unknown_unless_a_row_names_it(model: str) -> None:
    assert "unknown" in (reader_named(model).why_not() or "")
    mine = Reader(name="mine", models=(model,), price=Flat(per_picture=5))
    assert reader_named(model, [mine]) == mine == reader_named(f"{model}-2026-01-01", [mine])
    whole = Reader(name="whole", models=(model[: model.index("-") + 1],), price=Flat(per_picture=5))
    assert reader_named(model, [whole]) == whole


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[{"name": "a", "models": [""], "price": {"kind": "flat", "per_picture": 9}}]',
            "row 1, models, 0: String should have",
        ),
        (
            '[{"name": "a", "models": ["a"], "price": {"kind": "flat"}}]',
            "row 1, price, flat, per_picture: Field required",
        ),
        ("{}", "readers: Input should be a valid"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_row_and_field(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "readers.json").write_text(text)
    with pytest.raises(OpticalMemoryError, match=told):
        load_readers(tmp_path / "readers.json")


def test_a_row_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    for act in (check_saving, lambda path: save_reader(path, reader_named("gpt-5"))):
        with pytest.raises(OpticalMemoryError, match=r"absent/readers\.json cannot be written: No such file.*folder"):
            act(tmp_path / "absent" / "readers.json")
