"""Memory over dialogue: `optical-memory evaluate dialogue --data DIR`. Published benchmarks for every system and budget."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.benchmarks.babi import Babi
from optical_memory.evaluation.benchmarks.benchmark import Benchmark, Conversation, Judge, Question, evidence_recall
from optical_memory.evaluation.benchmarks.bfcl import BfclMemory
from optical_memory.evaluation.benchmarks.locomo import LoCoMo
from optical_memory.evaluation.benchmarks.qmsum import QmSum
from optical_memory.evaluation.cost import duration, measure
from optical_memory.evaluation.extraction import joined
from optical_memory.evaluation.metrics import contains_answer, mean_interval
from optical_memory.evaluation.report import Figure, wilson
from optical_memory.evaluation.run import Outcome, Run, RunFile, fresh_run, grouped
from optical_memory.evaluation.systems.protocol import Answer, System
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.model import Model

EVIDENCE, AT_HAND, JUDGED = "evidence recall", "answer at hand", "judged right"
SHORT = 6
"""Words of an answer up to which it is looked for in what reached the reader."""


@dataclass(frozen=True, slots=True)
class DialoguePlan:
    """What is asked; as it stands, what two cores do in three minutes.

    Of each benchmark `conversations` times `questions` questions, at most `questions` of a conversation. `budget_shares`: of
    the history's text tokens. bAbI's facts are scattered to `babi_lengths` text tokens, `babi_questions` a task and length.
    """

    conversations: int = 2
    questions: int = 12
    budget_shares: tuple[float, ...] = (0.1,)
    babi_lengths: tuple[int, ...] = (2000,)
    babi_questions: int = 2
    systems: tuple[str, ...] = ()
    data: str = ""
    seed: int = 0


def full() -> DialoguePlan:
    """Every question at three budgets; bAbI to 64k text tokens."""
    return DialoguePlan(
        conversations=1000,
        questions=1000,
        budget_shares=(0.05, 0.1, 0.2),
        babi_lengths=(4000, 16000, 64000),
        babi_questions=25,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a benchmark: its number in the run, its conversation and that one's text tokens."""

    number: int
    benchmark: Benchmark
    conversation: Conversation
    question: Question
    text_tokens: int


def questions_of(folder: Path, text: str, plan: DialoguePlan) -> list[Asked]:
    """What the plan asks of the benchmarks there are under a folder, conversation by conversation.

    `text`: what bAbI's facts are scattered over. Raises InvalidHistoryError if the folder holds none.
    """
    benchmarks: tuple[Benchmark, ...] = (
        LoCoMo(),
        Babi(text, plan.babi_lengths, plan.babi_questions, plan.seed),
        BfclMemory(),
        QmSum(),
    )
    asked: list[Asked] = []
    for place, benchmark in enumerate(benchmarks):
        rng = np.random.default_rng((plan.seed, place))
        conversations = benchmark.load(folder)
        room = plan.conversations * plan.questions
        for index in rng.permutation(len(conversations)):
            conversation = conversations[index]
            count = min(room, plan.questions, len(conversation.questions))
            if count == 0:
                continue
            room -= count
            tokens = sum(count_text_tokens([turn["content"] for turn in conversation.history]))
            chosen = sorted(rng.choice(len(conversation.questions), count, replace=False))
            for own in chosen:
                asked.append(Asked(len(asked), benchmark, conversation, conversation.questions[own], tokens))
    if not asked:
        names = ", ".join(benchmark.name for benchmark in benchmarks)
        raise InvalidHistoryError(
            f"{folder} holds no files of {names}; evaluation/benchmarks says how each one's files are called"
        )
    return asked


def evaluate_dialogue(
    model: Model,
    asked: Sequence[Asked],
    plan: DialoguePlan,
    systems: Sequence[System],
    file: RunFile | None,
    judge: Judge | None = None,
) -> Run:
    """Asks what the file does not hold yet. `judge` adds its opinion of every answer to the benchmarks' own scores."""
    fresh = fresh_run("dialogue", asdict(plan) | {"judge": _name_of(judge)}, model)
    run = file.open(fresh) if file is not None else fresh
    done = {(o.system, o.trial, o.budget) for o in run.outcomes}
    bar = tqdm(total=len(asked) * len(plan.budget_shares) * len(systems), initial=len(done), unit="question", delay=2)
    for share in plan.budget_shares:
        for own in asked:
            budget = max(1, int(own.text_tokens * share))
            missing = [system for system in systems if (system.name, own.number, budget) not in done]
            for system in missing:
                run.outcomes.append(ask(system, own, budget, judge))
                bar.update()
            last = own.number + 1 == len(asked) or asked[own.number + 1].conversation is not own.conversation
            if missing and last and file is not None:
                file.save(run)
    bar.close()
    run.figures = figures_of(run, plan)
    if file is not None:
        file.save(run)
    return run


def _name_of(judge: Judge | None) -> str:
    return "" if judge is None else f"{judge.__module__}:{getattr(judge, '__qualname__', type(judge).__qualname__)}"


def ask(system: System, asked: Asked, budget: int, judge: Judge | None) -> Outcome:
    """One question to one system."""
    history, question = asked.conversation.history, asked.question
    began = time.perf_counter()
    answer = system.answer(history, question.text, budget)
    seconds = time.perf_counter() - began
    scores = asked.benchmark.score(question, answer.text) | _reached(question, answer)
    if judge is not None:
        scores[JUDGED] = float(judge(question.text, question.answers, answer.text))
    first = min((evidence.turn for evidence in question.evidence), default=None)
    return Outcome(
        system=system.name,
        kind=question.kind,
        task=asked.benchmark.name,
        length=asked.text_tokens,
        depth=-1.0 if first is None else round(first / len(history), 4),
        trial=asked.number,
        budget=budget,
        tokens=answer.tokens,
        age=-1 if first is None else len(history) - 1 - first,
        verdict="",
        seconds=round(seconds, 4),
        scores={name: round(value, 6) for name, value in scores.items()},
    )


def _reached(question: Question, answer: Answer) -> dict[str, float]:
    """What holds of the context whoever reads it: the evidence and, where it is short, the answer stand in it."""
    scores = {}
    if question.evidence and (answer.passages or answer.tokens == 0):
        scores[EVIDENCE] = evidence_recall(question, answer.passages)
    short = [own for own in question.answers if len(own.split()) <= SHORT]
    if short and (answer.passages or answer.tokens == 0):
        scores[AT_HAND] = float(contains_answer(joined(answer.passages)[0], short))
    return scores


def figures_of(run: Run, plan: DialoguePlan) -> list[Figure]:
    """Means of every metric by benchmark, budget and system: Wilson intervals where it is right or wrong, else by resampling."""
    figures = []
    for share in plan.budget_shares:
        own = [outcome for outcome in run.outcomes if _share_of(outcome, plan) == share]
        for (task, system), outcomes in grouped(own, "task", "system"):
            for metric in dict.fromkeys(name for outcome in outcomes for name in outcome.scores):
                values = [outcome.scores[metric] for outcome in outcomes if metric in outcome.scores]
                figures.append(_figure(f"{task}, budget {share:.0%}", system, metric, values, outcomes))
    return figures


def _share_of(outcome: Outcome, plan: DialoguePlan) -> float:
    return min(plan.budget_shares, key=lambda share: abs(share - outcome.budget / outcome.length))


def _figure(task: str, system: str, metric: str, values: Sequence[float], outcomes: Sequence[Outcome]) -> Figure:
    value, low, high = mean_interval(values)
    if set(values) <= {0.0, 1.0}:
        low, high = wilson(round(sum(values)), len(values))
    return Figure(
        task=task,
        system=system,
        mode="",
        sequence_length=round(float(np.mean([outcome.tokens for outcome in outcomes]))),
        metric=metric,
        value=value,
        low=low,
        high=high,
        n=len(values),
    )


def cost_of(asked: Sequence[Asked], plan: DialoguePlan, systems: Sequence[System]) -> str:
    """What the plan takes, in words; the shortest conversation is asked about twice for it."""
    pilot = min(asked, key=lambda own: own.text_tokens)
    first, second = (pilot.conversation.history, pilot.question.text), (pilot.conversation.history, "Who said so?")
    rates = measure(systems, first, second, pilot.text_tokens, plan.budget_shares[0])
    conversations = {id(own.conversation): own.text_tokens for own in asked}
    new = len(plan.budget_shares) * sum(conversations.values())
    total = len(plan.budget_shares) * sum(own.text_tokens for own in asked)
    return (
        f"{len(asked) * len(plan.budget_shares):,} questions to each of {len(systems)} systems over {len(conversations):,} "
        f"conversations: about {duration(rates.seconds(new, total - new))} here, judged by two questions of "
        f"{pilot.text_tokens:,} text tokens"
    )
