"""Needle tests: `optical-memory evaluate needles`. Age x mode x depth x length x kind for every system, at one true budget."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from tqdm import tqdm

from optical_memory.evaluation.cost import duration, measure
from optical_memory.evaluation.haystack import Haystack, Trial, cycle, draw_trial
from optical_memory.evaluation.metrics import mean_interval, string_match_all
from optical_memory.evaluation.needles import TASKS, VALUES, verdict
from optical_memory.evaluation.report import Figure, wilson
from optical_memory.evaluation.run import Outcome, Run, RunFile, fresh_run, grouped
from optical_memory.evaluation.systems.protocol import System
from optical_memory.model import Model

VERDICTS = ("right", "wrong", "silently wrong", "refused")
MATCH = "string_match_all"
AGES = (0, 4, 8, 16, 32, 64, 128, 512, 2048)
"""Edges of the bands of age, in turns, by which figures are told."""


@dataclass(frozen=True, slots=True)
class NeedlePlan:
    """What is asked; as it stands, what two cores do in three minutes.

    `budget_share`: the budget of every system, as a share of the history's text tokens. From `sparse_from` text tokens on
    only single needles of the first kind are asked for, once at every other depth.
    """

    lengths: tuple[int, ...] = (2000, 8000)
    depths: tuple[float, ...] = (0.0, 0.5, 1.0)
    kinds: tuple[str, ...] = ("uuid", "number", "word")
    tasks: tuple[str, ...] = ("single", "multi-query", "absent")
    trials: int = 1
    budget_share: float = 0.1
    systems: tuple[str, ...] = ()
    text: str = ""
    seed: int = 0
    sparse_from: int = 256_000

    def cells(self) -> "list[Cell]":
        """(kind, task, length, depth, trial) of every question, by length."""
        return [
            (kind, task, length, depth, number)
            for length in self.lengths
            for depth in (self.depths if length < self.sparse_from else self.depths[::2])
            for kind in (self.kinds if length < self.sparse_from else self.kinds[:1])
            for task in (self.tasks if length < self.sparse_from else self.tasks[:1])
            for number in range(self.trials if length < self.sparse_from else 1)
        ]


Cell = tuple[str, str, int, float, int]


def full() -> NeedlePlan:
    """Every kind and task to 128k text tokens at eleven depths, single needles to 1M."""
    return NeedlePlan(
        lengths=(1000, 4000, 16000, 64000, 128000, 1_000_000),
        depths=tuple(round(step / 10, 1) for step in range(11)),
        kinds=("uuid", *(kind for kind in VALUES if kind != "uuid")),
        tasks=TASKS,
        trials=3,
    )


def evaluate_needles(model: Model, text: str, plan: NeedlePlan, systems: Sequence[System], file: RunFile | None) -> Run:
    """Runs what the file does not hold yet. The same seed draws the same trials, whatever was done before."""
    fresh = fresh_run("needles", asdict(plan), model)
    run = file.open(fresh) if file is not None else fresh
    done = {(o.system, o.kind, o.task, o.length, o.depth, o.trial) for o in run.outcomes}
    cells = plan.cells()
    bar = tqdm(total=len(cells) * len(systems), initial=len(done), unit="question", delay=2)
    haystacks: dict[int, Haystack] = {}
    for cell in cells:
        missing = [system for system in systems if (system.name, *cell) not in done]
        if missing:
            if cell[2] not in haystacks:
                haystacks = {cell[2]: cycle(text, cell[2])}
            trial = draw(haystacks, cell, plan)
            for system in missing:
                run.outcomes.append(ask(system, trial, cell, plan))
                bar.update()
            if file is not None:
                file.save(run)
    bar.close()
    run.figures = figures_of(run)
    if file is not None:
        file.save(run)
    return run


def draw(haystacks: Mapping[int, Haystack], cell: Cell, plan: NeedlePlan) -> Trial:
    """The trial of a cell."""
    kind, task, length, depth, number = cell
    key = (plan.seed, length, plan.depths.index(depth), plan.kinds.index(kind), plan.tasks.index(task), number)
    return draw_trial(haystacks[length], kind, task, depth, np.random.default_rng(key))


def ask(system: System, trial: Trial, cell: Cell, plan: NeedlePlan) -> Outcome:
    """One question to one system."""
    kind, task, length, depth, number = cell
    budget = max(1, int(length * plan.budget_share))
    began = time.perf_counter()
    answer = system.answer(trial.history, trial.quest.question, budget)
    quest = trial.quest
    return Outcome(
        system=system.name,
        kind=kind,
        task=task,
        length=length,
        depth=depth,
        trial=number,
        budget=budget,
        tokens=answer.tokens,
        age=len(trial.history) - 1 - trial.places[0],
        verdict=verdict(answer.text, answer.certainty, quest),
        seconds=round(time.perf_counter() - began, 4),
        scores={MATCH: string_match_all(answer.text, quest.references)} if quest.references else {},
    )


def figures_of(run: Run) -> list[Figure]:
    """Shares of every verdict with Wilson intervals: by system, task and kind; by system and age; by system, length and depth."""
    figures = []
    for (system, task, kind), outcomes in grouped(run.outcomes, "system", "task", "kind"):
        figures += _verdicts(f"needles, {task}", system, kind, outcomes)
        scores = [outcome.scores[MATCH] for outcome in outcomes if MATCH in outcome.scores]
        if scores:
            value, low, high = mean_interval(scores)
            figures.append(_figure(f"needles, {task}", system, kind, MATCH, (value, low, high), outcomes))
    planted = [outcome for outcome in run.outcomes if outcome.task != "absent"]
    for (system,), outcomes in grouped(planted, "system"):
        for first, last in zip(AGES, (*AGES[1:], None), strict=True):
            band = [own for own in outcomes if own.age >= first and (last is None or own.age < last)]
            if band:
                name = f"{first} turns and more" if last is None else f"{first} to {last - 1} turns"
                figures += _verdicts("needles, by age", system, name, band, VERDICTS[:1])
    for (system, length, depth), outcomes in grouped(planted, "system", "length", "depth"):
        place = f"{length:,} text tokens, depth {depth:.0%}"
        figures += _verdicts("needles, by length and depth", system, place, outcomes, VERDICTS[:1])
    return figures


def _verdicts(
    task: str, system: str, kind: str, outcomes: Sequence[Outcome], names: Sequence[str] = VERDICTS
) -> list[Figure]:
    figures = []
    for name in names:
        count = sum(outcome.verdict == name for outcome in outcomes)
        bounds = wilson(count, len(outcomes))
        figures.append(_figure(task, system, kind, name, (count / len(outcomes), *bounds), outcomes))
    return figures


def _figure(
    task: str, system: str, kind: str, metric: str, values: tuple[float, float, float], outcomes: Sequence[Outcome]
) -> Figure:
    value, low, high = values
    return Figure(
        task=task,
        system=system,
        mode=kind,
        sequence_length=round(float(np.mean([outcome.tokens for outcome in outcomes]))),
        metric=metric,
        value=value,
        low=low,
        high=high,
        n=len(outcomes),
    )


def cost_of(text: str, plan: NeedlePlan, systems: Sequence[System], pilot_tokens: int = 4000) -> str:
    """What the plan takes, in words; two trials of `pilot_tokens` are asked for it."""
    haystack = cycle(text, pilot_tokens)
    trials = [
        draw_trial(haystack, plan.kinds[0], "single", depth, np.random.default_rng(plan.seed)) for depth in (0.5, 0.6)
    ]
    first, second = ((trial.history, trial.quest.question) for trial in trials)
    rates = measure(systems, first, second, pilot_tokens, plan.budget_share)
    cells = plan.cells()
    new, total = sum(plan.lengths), sum(cell[2] for cell in cells)
    return (
        f"{len(cells):,} questions to each of {len(systems)} systems over {total:,} text tokens: about "
        f"{duration(rates.seconds(new, total - new))} here, judged by two questions of {pilot_tokens:,} text tokens"
    )
