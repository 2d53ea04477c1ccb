"""Scores, as the benchmarks define them."""

import re
import string
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optical_memory.errors import MissingExtraError

_BOOTSTRAP = 2000


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


@cache
def _stemmer() -> Any:
    try:
        import snowballstemmer
    except ImportError as error:
        raise MissingExtraError("this score needs snowballstemmer: pip install 'optical-memory[evaluate]'") from error
    return snowballstemmer.stemmer("porter")


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Porter's stem of a word in lower case."""
    return str(_stemmer().stemWord(word))


def answer_words(text: str) -> list[str]:
    """Stems in order, without case, punctuation and the words that LoCoMo drops (arXiv 2402.17753)."""
    plain = text.replace(",", "").lower().translate(str.maketrans("", "", string.punctuation))
    return [stem(word) for word in re.sub(r"\b(a|an|the|and)\b", " ", plain).split()]


def token_f1(answer: str, truth: str) -> float:
    """Harmonic mean of precision and recall over the words of `answer_words`, repetitions counted."""
    told, true = answer_words(answer), answer_words(truth)
    common = sum((Counter(told) & Counter(true)).values())
    return 2 * common / (len(told) + len(true)) if common else 0.0


def listed_f1(answer: str, truth: str) -> float:
    """Token F1 where the truth lists several things by commas: each truth's best match among the answer's, averaged."""
    told = [part for part in answer.split(",") if part.strip()]
    true = [part for part in truth.split(",") if part.strip()]
    return float(np.mean([max((token_f1(one, part) for one in told), default=0.0) for part in true])) if true else 0.0


def rouge_1(answer: str, truth: str) -> float:
    """F1 of the stems of all words, repetitions counted (ROUGE-1, Lin 2004)."""
    told, true = (Counter(map(stem, re.findall(r"\w+", text.lower()))) for text in (answer, truth))
    common = (told & true).total()
    return 2 * common / (told.total() + true.total()) if common else 0.0


def contains_answer(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text as whole words, case and punctuation aside (BFCL's agentic checker)."""
    plain = f" {_standard(text)} "
    return any(f" {wanted} " in plain for wanted in map(_standard, answers) if wanted)


def _standard(text: str) -> str:
    return " ".join(re.sub(r"[,./\-_*^()!?;:\"'`]", " ", text.lower()).split())


def only_label(answer: str, label: str, question: str, labels: Collection[str]) -> bool:
    """Whether `label` is the one task label in the answer that the question did not hold (BABILong, arXiv 2406.10149).

    Of a label that is a list, "a,b", every part must be there.
    """
    lowered = answer.lower().split("\n")[0]
    told = {one for one in labels if re.search(rf"\b{re.escape(one)}\b", lowered)}
    told -= {one for one in labels if re.search(rf"\b{re.escape(one)}\b", question.lower())}
    return told == set(label.lower().split(","))


def share_in_order(words: Sequence[str], text: Sequence[str]) -> float:
    """Share of `words` that stand in `text` in their order (longest common subsequence)."""
    try:
        from rapidfuzz.distance import LCSseq
    except ImportError as error:
        raise MissingExtraError("this score needs rapidfuzz: pip install 'optical-memory[evaluate]'") from error
    return float(LCSseq.similarity(words, text)) / len(words) if words else 1.0


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


def mean_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """(mean, low, high): 95 % interval by resampling the values."""
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = array[rng.integers(0, len(array), (_BOOTSTRAP, len(array)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(array.mean()), float(low), float(high)


def share_bootstrap(right: NDArray[Any], total: NDArray[Any], rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of sum(right) / sum(total) where errors come in bunches, of a page or a turn: resamples whole ones."""
    right, total = right[total > 0], total[total > 0]
    if not len(total):
        return 0.0, 1.0
    draws = rng.integers(0, len(total), (_BOOTSTRAP, len(total)))
    low, high = np.quantile(right[draws].sum(1) / total[draws].sum(1), [0.025, 0.975])
    return float(low), float(high)
