"""Haystacks: text of a folder cycled to a length in text tokens, needles at depths, cut into the turns of a conversation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.needles import Quest, draw_quest
from optical_memory.language.tokenizer import count_text_tokens, deepseek_bpe

TURN_TOKENS = 160
"""Text tokens of a turn, about: a paragraph."""
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Haystack:
    """The text to hide things in. `text_tokens` counts it in DeepSeek's vocabulary."""

    text: str
    text_tokens: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A conversation that holds a quest's needles, and how deep the first one lies, 0..1 from the oldest turn."""

    history: tuple[dict[str, str], ...]
    quest: Quest
    text_tokens: int
    depth: float


def read_folder(folder: Path) -> str:
    """The UTF-8 text of a folder, files in order of name. Raises InvalidHistoryError if there is none."""
    texts = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
    text = "\n".join(texts).strip()
    if not text:
        raise InvalidHistoryError(f"{folder} holds no UTF-8 text to build haystacks from")
    return text


def cycle(text: str, text_tokens: int) -> Haystack:
    """`text` repeated and cut to a length in text tokens, ending with a whole word; shorter text is cycled."""
    if text_tokens < 1:
        raise InvalidHistoryError(f"a haystack has at least one text token, got {text_tokens}")
    encoding = deepseek_bpe().encode(text, add_special_tokens=False)
    whole, rest = divmod(text_tokens, len(encoding.ids))
    end = encoding.offsets[rest - 1][1] if rest else 0
    cycled = (text + "\n") * whole + text[:end]
    cycled = cycled[: cycled.rindex(" ")] if " " in cycled else cycled
    return Haystack(cycled, text_tokens)


def draw_trial(haystack: Haystack, kind: str, task: str, depth: float, rng: np.random.Generator) -> Trial:
    """Plants a quest: the first needle at `depth`, moved back to the full stop before it, the others anywhere.

    A quest whose keys or values stand in the haystack by chance is drawn again.
    """
    for _ in range(_ATTEMPTS):
        quest = draw_quest(kind, task, rng)
        if not any(word in haystack.text for word in (*quest.keys, *quest.references)):
            break
    else:
        raise InvalidHistoryError(f"{_ATTEMPTS} needles in a row stood in the haystack by chance; use another text")
    depths = [depth, *rng.random(len(quest.statements) - 1)]
    text = haystack.text
    planted = sorted(zip(depths, quest.statements, strict=True), reverse=True)
    for where, told in planted:
        place = sentence_end(text, int(where * len(text)))
        text = f"{text[:place]} {told}{text[place:]}"
    return Trial(as_turns(text, quest.statements), quest, haystack.text_tokens, depth)


def sentence_end(text: str, place: int) -> int:
    """The place behind the full stop at or before `place`; 0 if there is none."""
    return text.rfind(".", 0, place) + 1


def as_turns(text: str, unbroken: tuple[str, ...] = ()) -> tuple[dict[str, str], ...]:
    """`text` as user and assistant messages of about TURN_TOKENS each, cut at white space and outside `unbroken` strings."""
    size = max(1, len(text) * TURN_TOKENS // max(1, count_text_tokens([text])[0]))
    turns: list[dict[str, str]] = []
    start = 0
    while start < len(text):
        end = text.find(" ", start + size)
        end = len(text) if end < 0 else end
        for told in unbroken:
            place = text.find(told, max(0, end - len(told)), end + len(told))
            if 0 <= place < end:
                end = max(end, place + len(told))
        turns.append({"role": "assistant" if len(turns) % 2 else "user", "content": text[start:end]})
        start = end
    return tuple(turns)
