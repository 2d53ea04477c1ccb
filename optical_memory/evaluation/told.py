"""Facts told in passing, asked for as `OpticalMemory.ask` asks, in words of every day. `optical-memory evaluate facts`.

Right is the value to the character, but for a full stop behind it; right about what nobody told is the refusal.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.facts import FACTS, Fact
from optical_memory.evaluation.haystack import as_history, filling, planted
from optical_memory.evaluation.report import Figure, wilson
from optical_memory.evaluation.systems.optical import one_mode
from optical_memory.evaluation.systems.shelf import Shelf
from optical_memory.language.quoting import REFUSAL
from optical_memory.model import Model
from optical_memory.modes import SMALL, Mode

_GROUPS = {"looked at in training": True, "not looked at": False}


def evaluate_facts(
    model: Model, text: str, num_pages: int = 16, mode: Mode = SMALL, seed: int = 0, facts: Sequence[Fact] = FACTS
) -> list[Figure]:
    """All facts in one conversation, each in a turn of its own, on pages of one mode and no other text.

    Raises InvalidHistoryError for so few pages that there are fewer turns than facts.
    """
    model = model.in_step(mode)
    turns = list(filling(text, num_pages * model.grid.num_cells).turns)
    if len(turns) < len(facts):
        raise InvalidHistoryError(
            f"{num_pages} pages hold {len(turns)} turns, {len(facts)} facts want one each: ask over more"
        )
    places = np.random.default_rng(seed).choice(len(turns), len(facts), replace=False)
    for place, fact in zip(places, facts, strict=True):
        turns[place] = planted(turns[place], fact.told, 0.5)
    kept = Shelf(model).remember(as_history(turns), one_mode(mode), read=False)
    memory = kept.memory
    assert memory is not None, "only a budget can leave nothing"
    groups = {"all": list(facts)}
    groups |= {name: [fact for fact in facts if fact.was_looked_at == was] for name, was in _GROUPS.items()}
    right: Counter[tuple[str, Fact]] = Counter()
    for fact in tqdm(facts, unit="fact", delay=2):
        said = memory.ask(fact.question).strip()
        right["right, exact", fact] += said.rstrip(".") == fact.value
        right["right, among other words", fact] += fact.value in said
        right["held by the passage", fact] += fact.value in memory.passage_for(fact.question)
        right["refused where nobody told", fact] += memory.ask(fact.missing).strip() == REFUSAL
    figures = []
    for name, group in groups.items():
        for metric in dict.fromkeys(metric for metric, _ in right if group):
            count = sum(right[metric, fact] for fact in group)
            low, high = wilson(count, len(group))
            figures.append(
                Figure(
                    task=f"facts told in passing, {num_pages} pages of {model.grid.columns} x {model.grid.rows}",
                    system=f"{model.config.name} decoder",
                    mode=mode.name,
                    sequence_length=kept.tokens,
                    metric=f"{metric}, {name}",
                    value=count / len(group),
                    low=low,
                    high=high,
                    n=len(group),
                )
            )
    return figures
