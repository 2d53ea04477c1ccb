"""Commands that measure what the memory finds again and what fades: evaluate recall, evaluate fading."""

import argparse
from pathlib import Path

from optical_memory.cli.output import add_grid_option, add_model_options, asked_model, count, tell, write_run


def add_tasks(tasks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    recall = tasks.add_parser("recall", help="whether the pages that come first hold a question's evidence")
    recall.add_argument(
        "--pages", type=count, default=10_000, metavar="N", help="pages that a query is timed on (10,000)"
    )
    recall.add_argument("--limit", type=count, default=5, metavar="N", help="pages looked at for a question (5)")
    recall.add_argument("--json", action="store_true", help="one JSON document on standard output")
    recall.set_defaults(run=_recall)
    recall.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="conversations (evaluation/histories.py)"
    )
    recall.add_argument("--seed", type=int, default=0)

    fading = tasks.add_parser("fading", help="tokens, legible characters and exact strings by age, for every schedule")
    fading.set_defaults(run=_fading)
    fading.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="conversations (evaluation/histories.py)"
    )
    fading.add_argument("--most", type=count, default=4, metavar="N", help="conversations of each data set (4)")
    fading.add_argument("--seed", type=int, default=0)
    fading.add_argument("--out", type=Path, metavar="RUN", help="write a run's file, for `report`")
    add_grid_option(fading)
    add_model_options(fading)


def _fading(options: argparse.Namespace) -> int:
    from optical_memory.evaluation.fading import evaluate_fading
    from optical_memory.evaluation.histories import conversations_in, first_of_each

    conversations = first_of_each(conversations_in(options.data), options.most)
    model = asked_model(options)
    figures = evaluate_fading(model, conversations, options.seed)
    write_run(options, model, figures)
    tell(figures, options)
    return 0


def _recall(options: argparse.Namespace) -> int:
    from optical_memory.evaluation.histories import conversations_in
    from optical_memory.evaluation.recall import evaluate_recall

    conversations = conversations_in(options.data)
    figures = evaluate_recall(conversations, options.pages, options.seed, max(1, options.limit))
    tell(figures, options)
    return 0
