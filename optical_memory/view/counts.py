"""Tokens of texts, counted once for each text and kept for the latest ones."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from optical_memory.language.tokenizer import count_text_tokens


@dataclass(slots=True)
class TokenCounts:
    """Tokens of texts in DeepSeek's vocabulary; of the `size` texts used last, they are not counted anew."""

    size: int = 20_000
    _counts: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, texts: Sequence[str]) -> list[int]:
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._counts]
            counts = {text: self._counts[text] for text in texts if text in self._counts}
        counts |= dict(zip(new, count_text_tokens(new), strict=True))
        with self._lock:
            for text, count in counts.items():
                self._counts[text] = count
                self._counts.move_to_end(text)
            while len(self._counts) > self.size:
                self._counts.popitem(last=False)
        return [counts[text] for text in texts]
