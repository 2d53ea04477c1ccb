"""Needle tests: `optical-memory evaluate needles`. Length x depth x kind x task for every system, at one true budget."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from tqdm import tqdm

from optical_memory.evaluation.haystack import Haystack, Trial, cycle, draw_trial
from optical_memory.evaluation.needles import TASKS, VALUES, verdict
from optical_memory.evaluation.report import Figure, wilson
from optical_memory.evaluation.run import Outcome, Run, RunFile, canonical, commit, grouped, machine
from optical_memory.evaluation.systems.protocol import System
from optical_memory.model import Model

VERDICTS = ("right", "wrong", "silently wrong", "refused")


@dataclass(frozen=True, slots=True)
class NeedlePlan:
    """What is asked; as it stands, what two cores do in three minutes.

    `budget_share`: the budget of every system, as a share of the history's text tokens.
    """

    lengths: tuple[int, ...] = (2000, 4000)
    depths: tuple[float, ...] = (0.0, 0.5, 1.0)
    kinds: tuple[str, ...] = ("word", "number", "uuid")
    tasks: tuple[str, ...] = ("single", "absent")
    trials: int = 1
    budget_share: float = 0.1
    systems: tuple[str, ...] = ()
    text: str = ""
    seed: int = 0

    @property
    def num_trials(self) -> int:
        return len(self.lengths) * len(self.depths) * len(self.kinds) * len(self.tasks) * self.trials


def full() -> NeedlePlan:
    """Every kind and task, 1k to 128k text tokens, eleven depths."""
    return NeedlePlan(
        lengths=(1000, 4000, 16000, 64000, 128000),
        depths=tuple(round(step / 10, 1) for step in range(11)),
        kinds=tuple(VALUES),
        tasks=TASKS,
        trials=3,
    )


def evaluate_needles(model: Model, text: str, plan: NeedlePlan, systems: Sequence[System], file: RunFile | None) -> Run:
    """Runs what the file does not hold yet. The same seed draws the same trials, whatever was done before."""
    fresh = Run(
        task="needles",
        plan=canonical(asdict(plan)),
        model=model.config.name,
        fingerprint=model.fingerprint,
        commit=commit(),
        machine=machine(),
    )
    run = file.open(fresh) if file is not None else fresh
    done = {(o.system, o.kind, o.task, o.length, o.depth, o.trial) for o in run.outcomes}
    bar = tqdm(total=plan.num_trials * len(systems), initial=len(done), unit="question", delay=2)
    haystacks = {length: cycle(text, length) for length in plan.lengths}
    for cell in _cells(plan):
        missing = [system for system in systems if (system.name, *cell) not in done]
        trial = _draw(haystacks, cell, plan) if missing else None
        for system in missing:
            assert trial is not None
            run.outcomes.append(_ask(system, trial, cell, plan))
            bar.update()
        if missing and file is not None:
            file.save(run)
    bar.close()
    run.figures = figures_of(run)
    if file is not None:
        file.save(run)
    return run


Cell = tuple[str, str, int, float, int]


def _cells(plan: NeedlePlan) -> list[Cell]:
    """(kind, task, length, depth, trial) of every question."""
    return [
        (kind, task, length, depth, number)
        for length in plan.lengths
        for depth in plan.depths
        for kind in plan.kinds
        for task in plan.tasks
        for number in range(plan.trials)
    ]


def _draw(haystacks: Mapping[int, Haystack], cell: Cell, plan: NeedlePlan) -> Trial:
    kind, task, length, depth, number = cell
    key = (plan.seed, length, plan.depths.index(depth), plan.kinds.index(kind), plan.tasks.index(task), number)
    return draw_trial(haystacks[length], kind, task, depth, np.random.default_rng(key))


def _ask(system: System, trial: Trial, cell: Cell, plan: NeedlePlan) -> Outcome:
    kind, task, length, depth, number = cell
    budget = max(1, int(length * plan.budget_share))
    began = time.perf_counter()
    answer = system.answer(trial.history, trial.quest.question, budget)
    first = trial.quest.statements[0]
    holder = next(index for index, turn in enumerate(trial.history) if first in turn["content"])
    return Outcome(
        system=system.name,
        kind=kind,
        task=task,
        length=length,
        depth=depth,
        trial=number,
        budget=budget,
        tokens=answer.tokens,
        age=len(trial.history) - 1 - holder,
        verdict=verdict(answer.text, answer.certainty, trial.quest),
        seconds=round(time.perf_counter() - began, 4),
    )


def figures_of(run: Run) -> list[Figure]:
    """Shares of every verdict by system, task and kind, with Wilson intervals."""
    figures = []
    for (system, task, kind), outcomes in grouped(run.outcomes, "system", "task", "kind"):
        for name in VERDICTS:
            count = sum(outcome.verdict == name for outcome in outcomes)
            low, high = wilson(count, len(outcomes))
            figures.append(
                Figure(
                    task=f"needles, {task}",
                    system=system,
                    mode=kind,
                    sequence_length=round(float(np.mean([outcome.tokens for outcome in outcomes]))),
                    metric=name,
                    value=count / len(outcomes),
                    low=low,
                    high=high,
                    n=len(outcomes),
                )
            )
    return figures
