"""Fox, English: our pages beside DeepSeek-OCR's real outputs, by one scorer. `optical-memory evaluate fox --data DIR`.

DIR holds the 112 pages' truth, random-letter pages, and DeepSeek-OCR's outputs as the authors of arXiv 2601.03714 published them.
Each reader is on its own pages at equal tokens: DeepSeek-OCR reads any page, ours reads what our renderer drew, one page a text
on the sparsest of the model's grids that holds it and whose cells keep step with the mode's patches.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.metrics import character_error_rate, mean_interval, set_precision
from optical_memory.evaluation.report import Figure
from optical_memory.memory.fidelity import source_text
from optical_memory.model import Model
from optical_memory.modes import BASE, NATIVE_MODES, SMALL, TINY, Mode
from renderers import Page, lay_out, transcript_blocks

OUTPUTS = {
    ("page images", TINY): "ocr__en_png_tiny_eval.json",
    ("page images", SMALL): "ocr__en_png_small_eval.json",
    ("page images", BASE): "ocr__en_png_1024_eval.json",
    ("text drawn again", TINY): "ocr__from_text_tiny_eval.json",
    ("text drawn again", SMALL): "ocr__from_text_small_eval.json",
    ("text drawn again", BASE): "ocr__from_text_base_eval.json",
    ("random letters", TINY): "random__random_tiny_eval.json",
    ("random letters", SMALL): "random__random_small_eval.json",
}
"""Whose outputs these are: what DeepSeek-OCR was shown, and its mode."""
BINS = tuple(range(600, 1400, 100))
"""Edges of table 2's bins of text tokens (arXiv 2510.18234)."""
UNREADABLE = "?"
"""Drawn in place of a character that our model does not read; it counts as an error."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One page: what was read and what stands there, `text_tokens` by the benchmark's own count."""

    output: str
    truth: str
    text_tokens: int


def evaluate_fox(model: Model, data: Path, decoder_pages: int = 0) -> list[Figure]:
    """Set precision and 1 - CER of DeepSeek-OCR's outputs and of our readout: over all pages, and by table 2's bins; of our
    decoder over as many pages as `decoder_pages`, evenly spread, which takes seconds each."""
    truths = {
        task: {page["image"]: (str(page["gt_text"]), int(page.get("token_count", 0))) for page in _load(data / name)}
        for task, name in (("Fox", "data__data.json"), ("random letters", "data__random.json"))
    }
    figures: list[Figure] = []
    for (shown, mode), name in OUTPUTS.items():
        truth = truths["random letters" if shown == "random letters" else "Fox"]
        pages = [Scored(str(page["ocr_text"]), *truth[page["image"]]) for page in _load(data / name)["pages"]]
        figures += _figures(f"DeepSeek-OCR, {shown}", mode, pages)
        if shown != "random letters":
            figures += _by_bin(f"DeepSeek-OCR, {shown}", mode, pages)
    for task, texts in truths.items():
        for mode in NATIVE_MODES:
            scored = _read_all(model, task, mode, list(texts.values()))
            figures += _figures(f"{model.config.name} readout, {task}", mode, scored)
            if task == "Fox":
                figures += _by_bin(f"{model.config.name} readout, {task}", mode, scored)
        if decoder_pages:
            chosen = list(texts.values())[:: max(1, len(texts) // decoder_pages)][:decoder_pages]
            figures += _figures(
                f"{model.config.name} decoder, {task}", SMALL, _read_all(model, task, SMALL, chosen, True)
            )
    return figures


def sparsest_page(model: Model, mode: Mode, text: str) -> Page | None:
    """The text on one page of the first grid that holds it and keeps step with the mode's patches; None if none does."""
    for grid in model.grids_in_step(mode):
        pages = lay_out(transcript_blocks(text, "user", "fox"), grid)
        if len(pages) == 1:
            return pages[0]
    return None


def _read_all(
    model: Model, task: str, mode: Mode, texts: Sequence[tuple[str, int]], by_decoder: bool = False
) -> list[Scored]:
    """Our readout, or our decoder, on one page each; texts that fit no page are left out, as n shows."""
    strange = set(model.unreadable("".join(text for text, _ in texts)))
    scored = []
    for text, text_tokens in tqdm(texts, desc=f"{task}, {mode}", unit="page", delay=2, leave=False):
        drawn = "".join(UNREADABLE if character in strange else character for character in text)
        page = sparsest_page(model, mode, drawn)
        if page is not None:
            encoded = model.encode([page], mode)
            reading = model.recite(encoded[0]) if by_decoder else model.read(encoded, page.grid)[0]
            scored.append(Scored(source_text(page, reading), text, text_tokens))
    return scored


def _figures(system: str, mode: Mode, pages: Sequence[Scored], task: str = "fox") -> list[Figure]:
    scores = {
        "set precision": [set_precision(page.output, page.truth) for page in pages],
        "1 - CER": [1 - character_error_rate(page.output, page.truth) for page in pages],
    }
    figures = []
    for metric, values in scores.items():
        if values:
            value, low, high = mean_interval(values)
            figures.append(
                Figure(
                    task=task,
                    system=system,
                    mode=mode.name,
                    sequence_length=mode.sequence_length(),
                    metric=metric,
                    value=value,
                    low=low,
                    high=high,
                    n=len(values),
                )
            )
    return figures


def _by_bin(system: str, mode: Mode, pages: Sequence[Scored]) -> list[Figure]:
    return [
        figure
        for low, high in itertools.pairwise(BINS)
        for figure in _figures(
            system,
            mode,
            [page for page in pages if low <= page.text_tokens < high],
            f"fox, {low} to {high} text tokens",
        )
    ]


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise InvalidHistoryError(f"{path} cannot be read ({error}); --data is the folder of Fox files") from error
