"""Commands that measure: evaluate reading, evaluate fox, evaluate speed, evaluate proxy; experiments.py has the others."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from optical_memory.cli import experiments
from optical_memory.cli.output import add_model_options, count, print_json

if TYPE_CHECKING:
    from optical_memory.evaluation.report import Figure
    from optical_memory.model import Model

SPEED_PARTS = ("pages", "encoder", "decoder")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = commands.add_parser("evaluate", help="Measure reading, Fox, needles, dialogue or speed.")
    tasks = evaluate.add_subparsers(dest="task", required=True, metavar="TASK")
    reading = tasks.add_parser("reading", help="characters read right on whole pages, by mode")
    reading.add_argument(
        "--text", type=Path, required=True, metavar="DIR", help="a folder of UTF-8 text that was not trained on"
    )
    reading.add_argument("--pages", type=count, default=24, metavar="N", help="pages of each kind and mode (24)")
    reading.add_argument("--seed", type=int, default=0)
    fox = tasks.add_parser("fox", help="the Fox benchmark's text, beside DeepSeek-OCR's own outputs")
    fox.add_argument("--data", type=Path, required=True, metavar="DIR", help="truth and outputs (evaluation/fox.py)")
    speed = tasks.add_parser(
        "speed", help="pages, and encoder and decoder at official width, beside their peers and floors"
    )
    speed.add_argument("--part", action="append", choices=SPEED_PARTS, help="only this part; may be given again")
    speed.add_argument("--batch", type=count, metavar="N", help="pictures at once (1 on a CPU, 32 on an accelerator)")
    speed.add_argument("--context", type=count, metavar="N", help="Tiny pages before the first token (4, or 100)")
    speed.add_argument("--rounds", type=count, metavar="N", help="measured rounds (3, or 7)")
    speed.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), help="the encoder's (float32, or bfloat16)"
    )
    experiments.add_tasks(tasks)
    proxy = tasks.add_parser("proxy", help="what the proxy adds before the first byte, with many streams open")
    proxy.add_argument("--histories", type=Path, required=True, nargs="+", metavar="FILE", help="conversations to send")
    proxy.add_argument("--streams", type=count, default=200, metavar="N", help="streams open at once (200)")
    proxy.add_argument("--json", action="store_true", help="one JSON document on standard output")
    proxy.set_defaults(run=_evaluate_proxy)
    for task in (reading, fox, speed):
        task.set_defaults(run=_evaluate)
        task.add_argument("--out", type=Path, metavar="RUN", help="write a run's file, for `report`")
        add_model_options(task)


def _evaluate_proxy(options: argparse.Namespace) -> int:
    from optical_memory.memory.files import load_history
    from optical_memory.proxy.load import measure

    found = measure([load_history(path) for path in options.histories], max(2, options.streams))
    if options.json:
        print_json(found.model_dump())
    else:
        print(found)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from optical_memory.evaluation.report import as_table
    from optical_memory.model import load_model

    model = load_model(options.model, options.device)
    if options.task == "reading":
        from optical_memory.evaluation.reading import evaluate_reading

        figures = evaluate_reading(model, options.text, options.pages, options.seed)
    elif options.task == "fox":
        from optical_memory.evaluation.fox import evaluate_fox

        figures = evaluate_fox(model, options.data)
    else:
        figures = _speed(model, options)
    if options.out is not None:
        from optical_memory.evaluation.run import fresh_run, write_whole

        given = {name: str(value) for name, value in vars(options).items() if name not in ("run", "out", "json")}
        write_whole(options.out, fresh_run(options.task, given, model).model_copy(update={"figures": figures}))
    if options.json:
        print_json({"figures": [figure.model_dump() for figure in figures]})
    else:
        print(as_table(figures))
    return 0


def _speed(model: "Model", options: argparse.Namespace) -> "list[Figure]":
    from dataclasses import replace

    from optical_memory.device import choose_dtype
    from optical_memory.evaluation.speed import evaluate_speed, load_for

    load = load_for(model.device)
    given = {"batch": options.batch, "num_pages": options.context, "rounds": options.rounds}
    load = replace(load, **{name: max(1, value) for name, value in given.items() if value is not None})
    if options.dtype is not None:
        load = replace(load, dtype=choose_dtype(options.dtype, model.device))
    return evaluate_speed(model, options.part or SPEED_PARTS, load)
