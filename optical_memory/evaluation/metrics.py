"""Scores, as the benchmarks define them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optical_memory.errors import MissingExtraError


def set_precision(output: str, truth: str) -> float:
    """Share of the output's distinct words that occur in the truth (DeepSeek-OCR's "precision": no order, no repetition)."""
    words = set(output.split())
    return len(words & set(truth.split())) / len(words) if words else 0.0


def set_recall(output: str, truth: str) -> float:
    """Share of the truth's distinct words that occur in the output."""
    return set_precision(truth, output)


def string_match_all(answer: str, references: Sequence[str]) -> float:
    """Share of the references that stand in the answer, case aside (RULER, arXiv 2404.06654)."""
    lowered = answer.lower()
    return sum(reference.lower() in lowered for reference in references) / len(references) if references else 0.0


def character_error_rate(output: str, truth: str) -> float:
    """Levenshtein distance in characters over the length of the longer text, 0..1."""
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError as error:
        raise MissingExtraError("this score needs rapidfuzz: pip install 'optical-memory[evaluate]'") from error
    return float(Levenshtein.normalized_distance(output, truth))


def reliability(
    probabilities: NDArray[np.floating], right: NDArray[np.bool_], num_bins: int = 15
) -> list[tuple[float, float, int]]:
    """(mean probability, share right, count) of every bin of equal width over 0..1 that is not empty."""
    bins = np.minimum((probabilities * num_bins).astype(int), num_bins - 1)
    return [
        (float(probabilities[bins == index].mean()), float(right[bins == index].mean()), int((bins == index).sum()))
        for index in np.unique(bins)
    ]


def expected_calibration_error(curve: Sequence[tuple[float, float, int]]) -> float:
    """Mean distance between probability and share right over a reliability curve, weighted by count (arXiv 1706.04599)."""
    total = sum(count for _, _, count in curve)
    return sum(abs(stated - found) * count for stated, found, count in curve) / total if total else 0.0


def mean_interval(values: Sequence[float], seed: int = 0, draws: int = 2000) -> tuple[float, float, float]:
    """(mean, low, high): 95 % interval by resampling the values."""
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = array[rng.integers(0, len(array), (draws, len(array)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(array.mean()), float(low), float(high)
