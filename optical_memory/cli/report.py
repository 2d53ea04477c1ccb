"""The command that turns a run into documents: `optical-memory report RUN.json [--html FILE]`."""

import argparse
from pathlib import Path


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "Print a run's tables as Markdown, or write one HTML page."
    report = commands.add_parser("report", help=text, description=text)
    report.set_defaults(run=_report)
    report.add_argument("file", type=Path, metavar="RUN", help="what `evaluate needles --out` wrote")
    report.add_argument("--html", type=Path, metavar="FILE", help="write a self-contained page")


def _report(options: argparse.Namespace) -> int:
    from optical_memory.evaluation.page import as_html, as_markdown
    from optical_memory.evaluation.run import read_run

    run = read_run(options.file)
    if options.html is None:
        print(as_markdown(run), end="")
    else:
        options.html.write_text(as_html(run), encoding="utf-8")
        print(options.html)
    return 0
