"""Characters read right on whole pages: `optical-memory evaluate reading --text DIR`. Natural text and random strings."""

import base64
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.metrics import expected_calibration_error, reliability, share_bootstrap
from optical_memory.evaluation.report import Figure
from optical_memory.model import Model
from optical_memory.modes import BASE, NATIVE_MODES, Mode
from renderers import Face, GlyphAtlas, Grid, Page, draw, find_face, glyph_atlas, lay_out, to_rgb, transcript_blocks


def evaluate_reading(model: Model, folder: Path, num_pages: int, seed: int = 0) -> list[Figure]:
    """Per grid and mode, for natural and random pages: share of characters read right, and how far the probabilities are off."""
    rng = np.random.default_rng(seed)
    grids = [Grid(columns, rows) for columns, rows in model.config.typography.grids]
    figures = []
    num_measured = sum(grid.fills(mode.side) for grid in grids for mode in NATIVE_MODES)
    bar = tqdm(total=2 * num_measured * num_pages, unit="page", delay=2)
    for grid in grids:
        pages = {
            "natural": natural_pages(model, folder, num_pages, rng, grid),
            "random": random_pages(model, num_pages, rng, grid),
        }
        for mode in (mode for mode in NATIVE_MODES if grid.fills(mode.side)):
            for kind, kind_pages in pages.items():
                figures += _measure(model, kind_pages, mode, kind, rng, bar)
    bar.close()
    return figures


def evaluate_faces(model: Model, folder: Path, fonts: Sequence[Path], num_pages: int, seed: int = 0) -> list[Figure]:
    """The same at Base for pages that are set in other faces, one after the other: the readout was trained on the pixel face
    above all. What a face lacks is left out of the text; characters that it draws alike count as one."""
    figures = []
    for font in fonts:
        face = find_face(str(font))
        rng = np.random.default_rng(seed)
        grids = [Grid(columns, rows) for columns, rows in model.config.typography.grids]
        for grid in (grid for grid in grids if grid.fills(BASE.side)):
            pages = natural_pages(model, folder, num_pages, rng, grid, face)
            figures += _measure(model, pages, BASE, f"natural, {face.name}", rng, None, face)
    return figures


def _measure(
    model: Model,
    pages: Sequence[Page],
    mode: Mode,
    kind: str,
    rng: np.random.Generator,
    bar: "tqdm[Any] | None" = None,
    face: Face | None = None,
) -> list[Figure]:
    """The figures of pages of one kind and grid in one mode; in the model's own face if no other is given."""
    rights, probabilities = [], []
    for page in pages:
        if face is None:
            encoded = model.encode([page], mode)
            reading = model.read(encoded, page.grid)[0]
            right = reading.codes == page.codes
        else:
            picture = Image.fromarray(to_rgb(draw(page, mode.side, face), model.colours))
            encoded = model.encode_pictures([picture], mode)
            reading = model.read(encoded, page.grid)[0]
            right = _drawn_alike(reading.codes, page.codes, _atlas(face, page.grid))
        rights.append(right[page.source_cells])
        probabilities.append(reading.probabilities[page.source_cells])
        if bar is not None:
            bar.update()
    num_right = np.array([page_rights.sum() for page_rights in rights])
    total = np.array([len(page_rights) for page_rights in rights])
    low, high = share_bootstrap(num_right, total, rng)
    error = expected_calibration_error(reliability(np.concatenate(probabilities), np.concatenate(rights)))
    grid = pages[0].grid
    plain = Figure(
        task=f"reading, {grid.columns} x {grid.rows}",
        system=f"{model.config.name} readout",
        mode=mode.name,
        sequence_length=mode.sequence_length(),
        metric=f"characters right, {kind}",
        value=float(num_right.sum() / total.sum()),
        low=low,
        high=high,
        n=int(total.sum()),
    )
    calibration = {"metric": f"calibration error, {kind}", "value": error, "low": error, "high": error}
    return [plain, plain.model_copy(update=calibration)]


def _atlas(face: Face, grid: Grid) -> GlyphAtlas:
    return glyph_atlas(face, BASE.side // grid.columns, BASE.side // grid.rows)


def _drawn_alike(read: NDArray[np.uint32], written: NDArray[np.uint32], atlas: GlyphAtlas) -> NDArray[np.bool_]:
    """(cells,) Whether what was read is drawn as what stands there: some faces draw a backslash as a yen sign."""
    slots = atlas.slots(np.stack([read, written]))
    glyphs = atlas.levels[slots]
    return np.asarray((glyphs[0] == glyphs[1]).all((1, 2)))


def natural_pages(
    model: Model,
    folder: Path,
    num_pages: int,
    rng: np.random.Generator,
    grid: Grid | None = None,
    face: Face | None = None,
) -> list[Page]:
    """Full pages from random places of the readable text of a folder, or of one file; characters that the model does not read,
    or `face` does not have, are left out."""
    grid = grid or model.grid
    atlas = None if face is None else _atlas(face, grid)
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    texts = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        strange = set(model.unreadable(text))
        if atlas is not None:
            strange |= {character for character in set(text) if character > " " and not atlas.draws(ord(character))}
        kept = "".join(character for character in text if character not in strange)
        if len(kept) >= 0.97 * len(text):
            texts.append(kept)
    corpus = "".join(texts)
    size = grid.num_cells - 1
    if len(corpus) < size:
        raise InvalidHistoryError(f"{folder} holds {len(corpus)} readable characters; a page takes {size}")
    starts = rng.integers(0, len(corpus) - size + 1, num_pages)
    return [_page(corpus[start : start + size], grid) for start in starts]


def random_pages(model: Model, num_pages: int, rng: np.random.Generator, grid: Grid | None = None) -> list[Page]:
    """Full pages of UUIDs, hashes, numbers, base64 and paths: nothing that a language model could guess."""
    grid = grid or model.grid
    pages = []
    for _ in range(num_pages):
        words: list[str] = []
        length = 0
        while length < grid.num_cells:
            word = _random_word(rng)
            words.append(word)
            length += len(word) + 1
        pages.append(_page(" ".join(words)[: grid.num_cells - 1], grid))
    return pages


def _random_word(rng: np.random.Generator) -> str:
    kind = int(rng.integers(5))
    if kind == 0:
        return str(uuid.UUID(bytes=rng.bytes(16), version=4))
    if kind == 1:
        return rng.bytes(20).hex()
    if kind == 2:
        return str(rng.integers(10**9, 10**10))
    if kind == 3:
        return base64.b64encode(rng.bytes(24)).decode("ascii")
    return "/" + "/".join(rng.bytes(3).hex() for _ in range(3)) + ".py"


def _page(text: str, grid: Grid) -> Page:
    return lay_out(transcript_blocks(text, "user", "text"), grid)[0]
