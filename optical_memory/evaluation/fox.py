"""Fox, English: our pages beside DeepSeek-OCR's real outputs, by one scorer. `optical-memory evaluate fox --data DIR`.

DIR holds the 112 pages' truth, random-letter pages, and DeepSeek-OCR's outputs as the authors of arXiv 2601.03714 published them.
Each reader is on its own pages at equal tokens: DeepSeek-OCR reads any page, ours reads what our renderer drew.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.metrics import character_error_rate, mean_interval, set_precision
from optical_memory.evaluation.report import Figure
from optical_memory.memory.fidelity import source_text
from optical_memory.model import Model
from optical_memory.modes import BASE, NATIVE_MODES, SMALL, TINY, Mode
from renderers import lay_out, transcript_blocks

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
UNREADABLE = "?"
"""Drawn in place of a character that our model does not read; it counts as an error."""


def evaluate_fox(model: Model, data: Path) -> list[Figure]:
    """Set precision and 1 - CER for DeepSeek-OCR's outputs, and for our readout on the pages that fit one of ours."""
    truths = {
        "Fox": {page["image"]: str(page["gt_text"]) for page in _load(data / "data__data.json")},
        "random letters": {page["image"]: str(page["gt_text"]) for page in _load(data / "data__random.json")},
    }
    figures: list[Figure] = []
    for (shown, mode), name in OUTPUTS.items():
        truth = truths["random letters" if shown == "random letters" else "Fox"]
        pairs = [(str(page["ocr_text"]), truth[page["image"]]) for page in _load(data / name)["pages"]]
        figures += _figures(f"DeepSeek-OCR, {shown}", mode, pairs)
    for task, texts in truths.items():
        figures += _ours(model, task, list(texts.values()))
    return figures


def _ours(model: Model, task: str, texts: Sequence[str]) -> list[Figure]:
    """Our readout on one page each; texts that need more are left out, as n shows."""
    figures: list[Figure] = []
    strange = set(model.unreadable("".join(texts)))
    for mode in NATIVE_MODES:
        pairs = []
        for text in tqdm(texts, desc=f"{task}, {mode}", unit="page", delay=2, leave=False):
            drawn = "".join(UNREADABLE if character in strange else character for character in text)
            pages = lay_out(transcript_blocks(drawn, "user", "fox"), model.grid)
            if len(pages) == 1:
                reading = model.read(model.encode(pages, mode), model.grid)[0]
                pairs.append((source_text(pages[0], reading), text))
        figures += _figures(f"{model.config.name} readout, {task}", mode, pairs)
    return figures


def _figures(system: str, mode: Mode, pairs: Sequence[tuple[str, str]]) -> list[Figure]:
    scores = {
        "set precision": [set_precision(output, truth) for output, truth in pairs],
        "1 - CER": [1 - character_error_rate(output, truth) for output, truth in pairs],
    }
    figures = []
    for metric, values in scores.items():
        value, low, high = mean_interval(values)
        figures.append(
            Figure(
                task="fox",
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


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise InvalidHistoryError(f"{path} cannot be read ({error}); --data is the folder of Fox files") from error
