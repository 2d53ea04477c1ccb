"""Commands that measure: evaluate reading, fox, answers, facts, speed, adapters, proxy, store, loop.

The others are in experiments.py and remembering.py.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from optical_memory.cli import experiments, remembering
from optical_memory.cli.output import add_model_options, check_fonts, count, print_json, tell, write_run
from optical_memory.modes import MODES

if TYPE_CHECKING:
    from optical_memory.evaluation.report import Figure
    from optical_memory.model import Model

HOSTED = ("gpt-5", "claude-sonnet-4-6", "gpt-4o", "gpt-5.4", "optical-memory")
SPEED_PARTS = ("pages", "reader", "encoder", "decoder", "reuse")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = commands.add_parser("evaluate", help="Measure reading, Fox, needles, dialogue or speed.")
    tasks = evaluate.add_subparsers(dest="task", required=True, metavar="TASK")
    reading = tasks.add_parser("reading", help="characters read right on whole pages, by mode")
    reading.add_argument(
        "--text", type=Path, required=True, metavar="DIR", help="UTF-8 text that was not trained on: a folder or a file"
    )
    reading.add_argument("--face", type=Path, nargs="+", metavar="FILE", help="instead: at Base, in these font files")
    reading.add_argument("--pages", type=count, default=24, metavar="N", help="pages of each kind and mode (24)")
    reading.add_argument("--seed", type=int, default=0)
    fox = tasks.add_parser("fox", help="the Fox benchmark's text, beside DeepSeek-OCR's own outputs")
    fox.add_argument("--data", type=Path, required=True, metavar="DIR", help="truth and outputs (evaluation/fox.py)")
    fox.add_argument("--decoder-pages", type=int, default=0, metavar="N", help="let the decoder read N pages, too (0)")
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
    remembering.add_tasks(tasks)
    experiments.add_tasks(tasks)
    proxy = tasks.add_parser("proxy", help="what the proxy adds before the first byte, with many streams open")
    proxy.add_argument("--histories", type=Path, required=True, nargs="+", metavar="FILE", help="conversations to send")
    proxy.add_argument("--streams", type=count, default=200, metavar="N", help="streams open at once (200)")
    proxy.add_argument("--serve", action="store_true", help="the event loop of `serve` as well, on the CPU")
    proxy.add_argument("--json", action="store_true", help="one JSON document on standard output")
    proxy.set_defaults(run=_evaluate_proxy)
    adapters = tasks.add_parser(
        "adapters", help="conversations through every adapter and the proxy, by the bytes sent, and what readers charge"
    )
    adapters.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder of conversations in JSON")
    adapters.add_argument("--reader", action="append", metavar="NAME", help="price this reader; may be given again")
    adapters.add_argument("--requests", type=count, default=3, metavar="N", help="requests of each conversation (3)")
    adapters.add_argument("--json", action="store_true", help="one JSON document on standard output")
    adapters.set_defaults(run=_evaluate_adapters)
    store = tasks.add_parser("store", help="what a store's operations cost as it grows")
    store.add_argument("--pages", type=count, default=10_000, metavar="N", help="how many it grows to (10,000)")
    store.add_argument("--folder", type=Path, metavar="DIR", help="grow this store on, and keep it")
    answers = tasks.add_parser(
        "answers", help="what the decoder answers to questions over whole pages, to the character"
    )
    answers.add_argument("--questions", type=count, default=50, metavar="N", help="of each kind (50)")
    facts = tasks.add_parser("facts", help="what the decoder answers about facts told in passing, to the character")
    for task, pages in ((answers, 8), (facts, 16)):
        task.add_argument("--text", type=Path, metavar="DIR", help="a folder of UTF-8 text to hide facts in")
        task.add_argument("--pages", type=count, default=pages, metavar="N", help=f"pages in the context ({pages})")
        task.add_argument("--mode", choices=tuple(MODES), default="Small", help="of the pages (Small)")
        task.add_argument("--seed", type=int, default=0)
    loop = tasks.add_parser("loop", help="how long an event loop waits while a memory works")
    loop.add_argument("--history", type=Path, required=True, metavar="FILE", help="a conversation")
    for task in (reading, fox, answers, facts, speed, store, loop):
        task.set_defaults(run=_evaluate)
        task.add_argument("--out", type=Path, metavar="RUN", help="write a run's file, for `report`")
        add_model_options(task)


def _evaluate_adapters(options: argparse.Namespace) -> int:
    from optical_memory.trials.adapters import try_adapters

    found = try_adapters(options.data, options.reader or HOSTED, max(1, options.requests))
    if options.json:
        print_json(found.model_dump())
    else:
        print(found)
    return int(any(route.num_faults for route in found.routes))


def _evaluate_proxy(options: argparse.Namespace) -> int:
    from optical_memory.memory.files import load_history
    from optical_memory.trials.load import measure

    found = measure([load_history(path) for path in options.histories], max(2, options.streams))
    if options.serve:
        from optical_memory.trials.serving import server_lags

        found = found.model_copy(update={"lags": {**found.lags, **server_lags()}})
    if options.json:
        print_json(found.model_dump())
    else:
        print(found)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from optical_memory.loading import load_model

    model = load_model(options.model, options.device)
    if options.task == "loop":
        from optical_memory.evaluation.loop_lag import evaluate_loop
        from optical_memory.memory.files import load_history

        figures = evaluate_loop(options.model, options.device, load_history(options.history))
    else:
        figures = _figures(model, options)
    write_run(options, model, figures)
    tell(figures, options)
    return 0


def _figures(model: "Model", options: argparse.Namespace) -> "list[Figure]":
    if options.task == "reading":
        from optical_memory.evaluation.reading import evaluate_faces, evaluate_reading

        if options.face:
            check_fonts(options.face)
            return evaluate_faces(model, options.text, options.face, options.pages, options.seed)
        return evaluate_reading(model, options.text, options.pages, options.seed)
    if options.task == "fox":
        from optical_memory.evaluation.fox import evaluate_fox

        return evaluate_fox(model, options.data, options.decoder_pages)
    if options.task in ("answers", "facts"):
        from optical_memory.evaluation.answers import evaluate_answers
        from optical_memory.evaluation.haystack import hiding_place
        from optical_memory.evaluation.told import evaluate_facts

        text, mode = hiding_place(options.text), MODES[options.mode]
        if options.task == "facts":
            return evaluate_facts(model, text, options.pages, mode, options.seed)
        return evaluate_answers(model, text, options.questions, options.pages, mode, options.seed)
    if options.task == "store":
        from optical_memory.evaluation.store_growth import evaluate_store

        return evaluate_store(model, options.pages, options.folder)
    return _speed(model, options)


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
