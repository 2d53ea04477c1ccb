"""Text to train on: any folder of UTF-8 files."""

import hashlib
from pathlib import Path

import numpy as np

from optical_memory.errors import InvalidHistoryError
from optical_memory.training.alphabet import Alphabet

MIN_READABLE = 0.97
"""A file takes part if at least this share of its characters is in the alphabet; the rest is left out."""
HELD_OUT = 0.02
"""The last part of every file is never trained on; it is what the progress bar's accuracy is measured on."""
_SKIPPED = {"SOURCE.txt"}


class Corpus:
    """The readable text of a folder, as class numbers, split into a training and a held-out part.

    Raises InvalidHistoryError if the folder holds no readable text.
    """

    def __init__(self, folder: Path, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        texts, self.num_files = [], 0
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in _SKIPPED):
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            classes = alphabet.encode(text)
            if text and len(classes) >= MIN_READABLE * len(text):
                texts.append(classes)
                self.num_files += 1
        if not texts:
            raise InvalidHistoryError(
                f"{folder} holds no UTF-8 file of which {MIN_READABLE:.0%} are characters that the model reads"
            )
        cuts = [int(len(text) * (1 - HELD_OUT)) for text in texts]
        self.training = np.concatenate([text[:cut] for text, cut in zip(texts, cuts, strict=True)])
        self.held_out = np.concatenate([text[cut:] for text, cut in zip(texts, cuts, strict=True)])

    @property
    def digest(self) -> str:
        return hashlib.blake2b(self.training.tobytes(), digest_size=8).hexdigest()
