"""What the decoder answers, asked as `OpticalMemory.ask` asks: needles in whole pages. `optical-memory evaluate answers`.

Right is the value itself and not a character more; right about a needle that is not there is the refusal itself.
"""

import numpy as np
from tqdm import tqdm

from optical_memory.evaluation.haystack import draw_trial, filling
from optical_memory.evaluation.report import Figure, wilson
from optical_memory.evaluation.systems.optical import one_mode
from optical_memory.evaluation.systems.shelf import Shelf
from optical_memory.language.quoting import REFUSAL
from optical_memory.model import Model
from optical_memory.modes import SMALL, Mode

KINDS = ("word", "number")


def evaluate_answers(
    model: Model, text: str, num_questions: int, num_pages: int = 8, mode: Mode = SMALL, seed: int = 0
) -> list[Figure]:
    """For each kind of needle, `num_questions` that are there and as many that are not, in pages of one mode and no other text.

    The pages are laid out on the sparsest of the model's grids that keeps step with the mode."""
    model = model.in_step(mode)
    haystack = filling(text, num_pages * model.grid.num_cells)
    shelf = Shelf(model)
    bar = tqdm(total=2 * len(KINDS) * num_questions, unit="question", delay=2)
    figures = []
    for kind_number, kind in enumerate(KINDS):
        for task in ("single", "absent"):
            right, handed, tokens = 0, 0, 0
            for number in range(num_questions):
                rng = np.random.default_rng((seed, kind_number, number))
                trial = draw_trial(haystack, kind, task, (number + 0.5) / num_questions, rng)
                kept = shelf.remember(trial.history, one_mode(mode), read=False)
                assert kept.memory is not None, "only a budget can leave nothing"
                wanted = trial.quest.references[0] if trial.quest.references else REFUSAL
                handed += wanted in kept.memory.passage_for(trial.quest.question)
                right += kept.memory.ask(trial.quest.question).strip() == wanted
                tokens += kept.tokens
                bar.update()
            told = {"right, exact": right} | ({"held by the passage": handed} if task == "single" else {})
            for metric, count in told.items():
                low, high = wilson(count, num_questions)
                figures.append(
                    Figure(
                        task=f"answers, {task}, {num_pages} pages of {model.grid.columns} x {model.grid.rows}",
                        system=f"{model.config.name} decoder",
                        mode=mode.name,
                        sequence_length=round(tokens / num_questions),
                        metric=f"{metric}, {kind}",
                        value=count / num_questions,
                        low=low,
                        high=high,
                        n=num_questions,
                    )
                )
    bar.close()
    return figures
