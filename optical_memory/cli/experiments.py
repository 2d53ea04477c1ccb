"""Commands that compare systems: evaluate needles, evaluate dialogue, evaluate all."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optical_memory.cli.output import add_grid_option, add_model_options, asked_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optical_memory.evaluation.benchmarks.benchmark import Judge
    from optical_memory.evaluation.run import Run, RunFile
    from optical_memory.model import Model


def add_tasks(tasks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    needles = tasks.add_parser(
        "needles", help="planted facts by length, depth, age and kind, for every system at one budget"
    )
    needles.set_defaults(run=_needles)
    dialogue = tasks.add_parser(
        "dialogue", help="LoCoMo, bAbI in BABILong's form, BFCL memory and QMSum, for every system at one budget"
    )
    dialogue.set_defaults(run=_dialogue)
    dialogue.add_argument("--judge", metavar="MODULE:NAME", help="a function (question, answers, answer) -> 0..1")
    every = tasks.add_parser("all", help="needles and dialogue, and Fox with --full, in one file")
    every.set_defaults(run=_all)
    for task in (needles, dialogue, every):
        task.add_argument("--text", type=Path, metavar="DIR", help="a folder of UTF-8 text to hide facts in")
        task.add_argument("--systems", metavar="A,B", help="which systems (all that need no trained decoder)")
        scope = task.add_mutually_exclusive_group()
        scope.add_argument("--quick", action="store_true", help="minutes on two cores; so it is without --full")
        scope.add_argument("--full", action="store_true", help="everything; says first what that takes")
        task.add_argument("--seed", type=int, default=0)
        add_grid_option(task)
        add_model_options(task)
    for task in (dialogue, every):
        task.add_argument(
            "--data", type=Path, required=True, metavar="DIR", help="benchmarks' files (evaluation/benchmarks/)"
        )
    for task, required in ((needles, False), (dialogue, False), (every, True)):
        task.add_argument(
            "--out", type=Path, required=required, metavar="RUN", help="the run's file: resumed if it is there"
        )


def _needles(options: argparse.Namespace) -> int:
    return _finish(options, run_needles(asked_model(options), options, _file(options)))


def _dialogue(options: argparse.Namespace) -> int:
    return _finish(options, run_dialogue(asked_model(options), options, _file(options)))


def _all(options: argparse.Namespace) -> int:
    """One task after the other, each resumed from a file of its own beside `--out` until all are there."""
    from optical_memory.evaluation.fox import OUTPUTS, evaluate_fox
    from optical_memory.evaluation.run import RunBook, RunFile, fresh_run, write_whole

    model = asked_model(options)
    parts = {name: options.out.with_suffix(f".{name}.json") for name in ("needles", "dialogue")}
    runs = [
        run_needles(model, options, RunFile(parts["needles"])),
        run_dialogue(model, options, RunFile(parts["dialogue"])),
    ]
    folders = {path.parent for name in OUTPUTS.values() for path in options.data.rglob(name)}
    for folder in sorted(folders) if options.full else ():  # takes minutes, whatever the plan
        fox = fresh_run("fox", {"data": folder.name}, model)
        runs.append(fox.model_copy(update={"figures": evaluate_fox(model, folder)}))
    book = RunBook(runs=runs)
    write_whole(options.out, book)
    for path in parts.values():
        path.unlink()
    print(book.model_dump_json(indent=2) if options.json else options.out)
    return 0


def run_needles(model: "Model", options: argparse.Namespace, file: "RunFile | None") -> "Run":
    from dataclasses import replace

    from optical_memory.evaluation.haystack import hiding_place
    from optical_memory.evaluation.needle_task import NeedlePlan, cost_of, evaluate_needles, full
    from optical_memory.evaluation.systems.catalogue import build

    text, names = hiding_place(options.text), _systems(options)
    plan = replace(
        full() if options.full else NeedlePlan(), systems=names, text=_named(options, text), seed=options.seed
    )
    systems = build(names, model)
    if options.full:
        print(cost_of(text, plan, systems), file=sys.stderr, flush=True)
    return evaluate_needles(model, text, plan, systems, file)


def run_dialogue(model: "Model", options: argparse.Namespace, file: "RunFile | None") -> "Run":
    from dataclasses import replace

    from optical_memory.evaluation.dialogue import DialoguePlan, cost_of, evaluate_dialogue, full, questions_of
    from optical_memory.evaluation.haystack import hiding_place
    from optical_memory.evaluation.systems.catalogue import build

    names = _systems(options)
    plan = replace(full() if options.full else DialoguePlan(), systems=names, data=options.data.name, seed=options.seed)
    systems = build(names, model)
    asked = questions_of(options.data, hiding_place(options.text), plan)
    told = (
        text for own in asked for text in (*(turn["content"] for turn in own.conversation.history), own.question.text)
    )
    plan = replace(plan, data=f"{options.data.name} {_digest(told)}")
    if options.full:
        print(cost_of(asked, plan, systems), file=sys.stderr, flush=True)
    return evaluate_dialogue(model, asked, plan, systems, file, _judge(getattr(options, "judge", None)))


def _finish(options: argparse.Namespace, run: "Run") -> int:
    from optical_memory.evaluation.report import as_table

    print(run.model_dump_json(indent=2) if options.json else as_table(run.figures))
    return 0


def _file(options: argparse.Namespace) -> "RunFile | None":
    from optical_memory.evaluation.run import RunFile

    return RunFile(options.out) if options.out else None


def _systems(options: argparse.Namespace) -> tuple[str, ...]:
    from optical_memory.evaluation.systems.catalogue import DEFAULT

    return tuple(options.systems.split(",")) if options.systems else DEFAULT


def _named(options: argparse.Namespace, text: str) -> str:
    """What a run's file tells the text by: two folders of one name are two texts."""
    return "bundled" if options.text is None else f"{options.text.name} {_digest([text])}"


def _digest(texts: "Iterable[str]") -> str:
    from hashlib import blake2b

    found = blake2b(digest_size=8)
    for text in texts:
        found.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return found.hexdigest()


def _judge(name: str | None) -> "Judge | None":
    """The function that `module:name` names. Raises OpticalMemoryError if there is none."""
    from importlib import import_module

    from optical_memory.errors import OpticalMemoryError

    if name is None:
        return None
    module, _, attribute = name.partition(":")
    try:
        judge: Judge = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise OpticalMemoryError(f"--judge takes MODULE:NAME of a function, got {name!r}: {error}") from error
    return judge
