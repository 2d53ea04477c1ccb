"""Pages to train on: set as the renderer sets them, of the characters, in the faces and cut as a portion says."""

import numpy as np
import torch

from optical_memory.config import ReadoutConfig
from optical_memory.modes import BASE, LARGE, SMALL, TINY
from optical_memory.training.alphabet import Alphabet
from optical_memory.training.page_text import PageText
from optical_memory.training.pages import PageEngine, Portion, densest
from optical_memory.training.wear import Wear
from renderers import FIXED, Grid, draw, find_face, glyph_atlas, lay_out, transcript_blocks
from renderers.fonts import is_marker

CPU = torch.device("cpu")
PLAIN = {"mixed_share": 0.0, "sparse_share": 0.0, "typeset_share": 0.0}


def test_page_composed_on_the_device_equals_the_renderers() -> None:
    alphabet = Alphabet.of("ab ")
    letters = np.random.default_rng(0).integers(0, 3, 20_000).astype(np.int32)
    engine = PageEngine(PageText(letters, alphabet, 0.0, **PLAIN), alphabet, CPU)
    batch = engine.batch(Portion(TINY, 1), np.random.default_rng(5))
    characters = "".join("ab "[index] for index in batch.targets[0])
    page = lay_out([*transcript_blocks(characters, "user", "t")], Grid(64, 64))[0]
    picture = draw(page, TINY.side, FIXED)
    ink = batch.pixels[0].mean(0) < 0
    drawn = torch.from_numpy((picture % 16) > 7)
    # transcript_blocks puts one marker first, so that the renderer's page is one cell ahead.
    ours = ink.view(64, 8, 64, 8).transpose(1, 2).reshape(4096, 8, 8)
    theirs = drawn.view(64, 8, 64, 8).transpose(1, 2).reshape(4096, 8, 8)
    assert torch.equal(ours[:4000], theirs[1:4001])


def test_cells_of_a_cut_lie_in_the_cut() -> None:
    alphabet = Alphabet.of("ab")
    text = PageText(np.zeros(9000, dtype=np.int32), alphabet, 0.0)
    engine = PageEngine(text, alphabet, CPU)
    for portion in (Portion(SMALL, 3, crop=2), Portion(LARGE, 2, crop=8)):
        for seed in range(5):
            batch = engine.batch(portion, np.random.default_rng(seed))
            cells = batch.cells
            assert batch.pixels.shape == (portion.views, 3, portion.crop * 64, portion.crop * 64)  # type: ignore[operator]
            assert -cells.left >= 0 and -cells.top >= 0
            assert cells.columns * cells.width - cells.left <= batch.pixels.shape[3]
            assert cells.rows * cells.height - cells.top <= batch.pixels.shape[2]


def test_a_page_can_have_the_quotes_of_a_printed_book() -> None:
    alphabet = Alphabet.of("a\"'“”’‘ ")
    typed = alphabet.encode("a\"a' " * 900)
    text = PageText(typed, alphabet, 0.0, mixed_share=0.0, sparse_share=0.0, typeset_share=1.0)
    drawn = {alphabet.characters[index] for index in text.draw(4096, np.random.default_rng(0))}
    assert drawn == set("a“”’‘ ")


def test_a_portion_has_random_strings_as_often_as_it_says() -> None:
    alphabet = Alphabet.of("a" + ReadoutConfig().alphabet.replace("a", ""))
    text = PageText(alphabet.encode("a" * 5000), alphabet, 0.0, mixed_share=0.0, sparse_share=0.0)
    engine = PageEngine(text, alphabet, CPU)
    natural, random = (
        engine.batch(Portion(TINY, 3, random_share=share), np.random.default_rng(0)).targets for share in (None, 1.0)
    )
    letter = int(alphabet.index[ord("a")])
    assert (natural == letter).float().mean() > 0.9
    assert (random == letter).float().mean() < 0.1


def test_a_portion_has_other_scripts_as_often_as_it_says() -> None:
    alphabet = Alphabet.of("".join(c for c in ReadoutConfig().alphabet if not is_marker(ord(c))))
    text = PageText(alphabet.encode("typed words " * 500), alphabet, 0.0, scripts_share=0.0, **PLAIN)
    engine = PageEngine(text, alphabet, CPU)
    for share in (None, 1.0):
        pages = engine.batch(Portion(TINY, 4, scripts_share=share), np.random.default_rng(0)).targets
        foreign = [any(alphabet.characters[index] >= "\xc0" for index in page) for page in pages]
        assert foreign == [share == 1.0] * 4


def test_most_cells_of_the_smallest_mode_suit_a_memory() -> None:
    outlines = [Portion(LARGE, 1, grid=(80, 80)), Portion(BASE, 1), Portion(BASE, 1, grid=(128, 64))]
    assert densest(outlines) == (128, 64)
    assert densest([*outlines, Portion(TINY, 1)]) == (64, 64)


def test_wear_belongs_to_a_portion() -> None:
    alphabet = Alphabet.of("ab ")
    text = PageText(np.zeros(9000, dtype=np.int32), alphabet, 0.0)
    engine = PageEngine(text, alphabet, CPU)
    plain = engine.batch(Portion(TINY, 1), np.random.default_rng(5))
    worn = engine.batch(Portion(TINY, 1, wear=Wear(inks=1.0)), np.random.default_rng(5))
    assert torch.equal(plain.targets, worn.targets)
    assert not torch.equal(plain.pixels, worn.pixels)


def test_every_line_of_a_page_can_be_in_a_face_of_its_own() -> None:
    alphabet = Alphabet.of("abcdefg")
    letters = np.random.default_rng(0).integers(0, 7, 20_000).astype(np.int32)
    engine = PageEngine(PageText(letters, alphabet, 0.0, **PLAIN), alphabet, CPU)
    faces = ("fixed", "dejavu")
    batch = engine.batch(Portion(BASE, 1, faces=faces, faces_per_batch=8), np.random.default_rng(3))
    ink = (batch.pixels[0].mean(0) < 0).view(64, 16, 64, 16).transpose(1, 2)  # (rows, columns, height, width)
    codes = np.array([ord(character) for character in alphabet.characters], dtype=np.uint32)
    lines: list[set[str]] = [set() for _ in range(64)]
    for face in faces:
        atlas = glyph_atlas(find_face(face), 16, 16)
        drawn = torch.from_numpy(atlas.levels[atlas.slots(codes)] > 7)[batch.targets[0].view(64, 64)]
        for row, line in enumerate(lines):
            if torch.equal(ink[row], drawn[row]):
                line.add(face)
    assert all(len(line) == 1 for line in lines)
    assert set.union(*lines) == set(faces)


def test_lines_end_in_returns() -> None:
    alphabet = Alphabet.of(ReadoutConfig().alphabet)
    page = PageText(alphabet.encode("one \ntwo \n" * 50), alphabet, 0.0, **PLAIN, returns_share=1.0).draw(
        400, np.random.default_rng(1)
    )
    text = "".join(alphabet.characters[index] for index in page)
    assert text.count("\n") > 70
    assert "\n" not in text[1:].replace("\r\n", "")


def test_the_newest_characters_stray_as_often_as_all_others() -> None:
    alphabet = Alphabet.of("abc §¶✓✗")
    text = PageText(alphabet.encode("abc " * 500), alphabet, 0.0, **PLAIN, strays_share=1.0, newest="✓✗⚡")
    pages = [text.draw(4_000, np.random.default_rng(seed)) for seed in range(40)]
    counts = np.bincount(np.concatenate(pages), minlength=8)
    assert counts[6:].min() > 1.5 * counts[4:6].max(), "both have their share of the others, too"
    assert counts[6:].sum() / counts.sum() < 0.1


def test_characters_that_the_corpus_lacks_stray_into_its_text() -> None:
    alphabet = Alphabet.of(ReadoutConfig().alphabet)
    typed = alphabet.encode("the quick brown fox " * 500)
    text = PageText(typed, alphabet, 0.0, **PLAIN, strays_share=1.0)
    page = text.draw(100_000, np.random.default_rng(1))
    found = [alphabet.characters[index] for index in page[~np.isin(page, typed)]]
    strays = [character for character in found if not is_marker(ord(character))]
    assert 0.01 * len(page) < len(strays) < 0.06 * len(page)
    assert {"ﬁ", "×", "§", "→", "ж", "Z", "~"} <= set(strays)
    assert 0.4 < np.mean([not character.isalnum() for character in strays if character > "~"]) < 0.9
