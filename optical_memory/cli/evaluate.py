"""Commands that measure: evaluate reading, evaluate fox, evaluate speed, evaluate proxy."""

import argparse
from pathlib import Path

from optical_memory.cli.output import add_model_options, count, print_json


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = commands.add_parser("evaluate", help="Measure reading, Fox or speed.")
    tasks = evaluate.add_subparsers(dest="task", required=True, metavar="TASK")
    reading = tasks.add_parser("reading", help="characters read right on whole pages, by mode")
    reading.add_argument(
        "--text", type=Path, required=True, metavar="DIR", help="a folder of UTF-8 text that was not trained on"
    )
    reading.add_argument("--pages", type=count, default=24, metavar="N", help="pages of each kind and mode (24)")
    reading.add_argument("--seed", type=int, default=0)
    fox = tasks.add_parser("fox", help="the Fox benchmark's text, beside DeepSeek-OCR's own outputs")
    fox.add_argument("--data", type=Path, required=True, metavar="DIR", help="truth and outputs (evaluation/fox.py)")
    speed = tasks.add_parser("speed", help="rendering, encoding and reading, beside their peers")
    proxy = tasks.add_parser("proxy", help="what the proxy adds before the first byte, with many streams open")
    proxy.add_argument("--histories", type=Path, required=True, nargs="+", metavar="FILE", help="conversations to send")
    proxy.add_argument("--streams", type=count, default=200, metavar="N", help="streams open at once (200)")
    proxy.add_argument("--json", action="store_true", help="one JSON document on standard output")
    proxy.set_defaults(run=_evaluate_proxy)
    for task in (reading, fox, speed):
        task.set_defaults(run=_evaluate)
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
        from optical_memory.evaluation.speed import evaluate_speed

        figures = evaluate_speed(model)
    if options.json:
        print_json({"figures": [figure.model_dump() for figure in figures]})
    else:
        print(as_table(figures))
    return 0
