"""An alphabet: the characters that a readout tells apart, as class numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Characters as class numbers; `index` (0x110000,) holds -1 for what is not in it."""

    characters: str
    index: NDArray[np.int32]

    @classmethod
    def of(cls, characters: str) -> "Alphabet":
        index = np.full(0x110000, -1, dtype=np.int32)
        index[[ord(character) for character in characters]] = np.arange(len(characters))
        return cls(characters, index)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Class numbers of the characters of `text` that are in the alphabet."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        classes = self.index[codes]
        return classes[classes >= 0]
