"""Haystacks: text of a folder cycled to a length in text tokens and cut into turns; needles take the place of other text.

A turn that holds a needle stays as long as it was, so that haystacks of a length differ in a few pages only.
"""

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.needles import Quest, draw_quest
from optical_memory.language.tokenizer import deepseek_bpe

TURN_TOKENS = 160
"""Text tokens of a turn, about: a paragraph."""
CELL_TOKENS = 0.22
"""Text tokens to a cell of a page, about."""
_ATTEMPTS = 50


@dataclass(frozen=True)
class Haystack:
    """The text to hide things in. `text_tokens` counts it in DeepSeek's vocabulary."""

    text: str
    text_tokens: int

    @cached_property
    def turns(self) -> tuple[str, ...]:
        """The text cut at white space, about TURN_TOKENS each."""
        size = max(1, len(self.text) * TURN_TOKENS // max(1, self.text_tokens))
        turns, start = [], 0
        while start < len(self.text):
            end = self.text.find(" ", start + size)
            end = len(self.text) if end < 0 else end
            turns.append(self.text[start:end])
            start = end
        return tuple(turns)


@dataclass(frozen=True, slots=True)
class Trial:
    """A conversation that holds a quest's needles, and how deep the first one lies, 0..1 from the oldest turn.

    `places`: the turns that hold the statements, in their order.
    """

    history: tuple[dict[str, str], ...]
    quest: Quest
    text_tokens: int
    depth: float
    places: tuple[int, ...]


def hiding_place(folder: Path | None) -> str:
    """The text of a folder, or the bundled one."""
    if folder is not None:
        return read_folder(folder)
    return (resources.files("optical_memory.evaluation") / "haystack.txt").read_text(encoding="utf-8")


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
    if not text.strip():
        raise InvalidHistoryError("a haystack is built from text; what was given is empty")
    encoding = deepseek_bpe().encode(text, add_special_tokens=False)
    whole, rest = divmod(text_tokens, len(encoding.ids))
    end = encoding.offsets[rest - 1][1] if rest else 0
    cycled = (text + "\n") * whole + text[:end]
    cycled = cycled[: cycled.rindex(" ")] if " " in cycled else cycled
    return Haystack(cycled, text_tokens)


def filling(text: str, num_cells: int) -> Haystack:
    """`text` as `cycle` gives it, about as much as so many cells of pages hold."""
    return cycle(text, round(CELL_TOKENS * num_cells))


def draw_trial(haystack: Haystack, kind: str, task: str, depth: float, rng: np.random.Generator) -> Trial:
    """Plants a quest: the first needle at `depth`, behind the full stop before it, the others in any other turns.

    A quest whose keys or values stand in the haystack by chance is drawn again.
    """
    for _ in range(_ATTEMPTS):
        quest = draw_quest(kind, task, rng)
        if not any(word in haystack.text for word in (*quest.keys, *quest.references)):
            break
    else:
        raise InvalidHistoryError(f"{_ATTEMPTS} needles in a row stood in the haystack by chance; use another text")
    turns = list(haystack.turns)
    free = [place for place, turn in enumerate(turns) if len(turn) > max(map(len, quest.statements)) + 1]
    if len(free) < len(quest.statements):
        raise InvalidHistoryError(
            f"a haystack of {haystack.text_tokens} text tokens has room for {len(free)} needles of the kind {kind}; "
            f"{task} plants {len(quest.statements)}: make it longer"
        )
    places = []
    for where, told in zip([depth, *rng.random(len(quest.statements) - 1)], quest.statements, strict=True):
        place, inside = divmod(where * len(turns), 1.0)
        chosen = min(free, key=lambda turn: abs(turn - place))
        free.remove(chosen)
        inside = 1.0 if chosen < place else inside if chosen == place else 0.0
        turns[chosen] = planted(turns[chosen], told, inside)
        places.append(chosen)
    return Trial(as_history(turns), quest, haystack.text_tokens, depth, tuple(places))


def planted(turn: str, told: str, depth: float) -> str:
    """`turn` with `told` behind the full stop before `depth`, as long as it was: its end makes room."""
    room = len(turn) - len(told) - 1
    place = turn.rfind(".", 0, min(int(depth * len(turn)), room)) + 1
    return f"{turn[:place]} {told}{turn[place:]}"[: len(turn)]


def as_history(turns: "list[str] | tuple[str, ...]") -> tuple[dict[str, str], ...]:
    """Turns as messages, user and assistant by turns."""
    roles = ("user", "assistant")
    return tuple({"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns))
