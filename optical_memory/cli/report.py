"""Runs into documents: `optical-memory report RUN.json [--html FILE] [--pictures DIR] [--markdown [--into FILE]]`."""

import argparse
from pathlib import Path


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "Print every figure of runs, or their short tables as Markdown, or write one HTML page, or their pictures."
    report = commands.add_parser("report", help=text, description=text)
    report.set_defaults(run=_report)
    report.add_argument("files", type=Path, nargs="+", metavar="RUN", help="what `evaluate ... --out` wrote")
    form = report.add_mutually_exclusive_group()
    form.add_argument("--html", type=Path, metavar="FILE", help="write a self-contained page")
    form.add_argument("--pictures", type=Path, metavar="DIR", help="write every plot as an SVG file")
    form.add_argument("--markdown", action="store_true", help="the short tables as Markdown")
    report.add_argument(
        "--into", type=Path, metavar="FILE", help="put the Markdown between the result marks of a document"
    )


def _report(options: argparse.Namespace) -> int:
    from optical_memory.evaluation.report import as_table
    from optical_memory.evaluation.run import read_runs

    runs = [run for file in options.files for run in read_runs(file)]
    if options.html is not None:
        from optical_memory.evaluation.page import as_html

        options.html.write_text(as_html(*runs), encoding="utf-8")
        print(options.html)
    elif options.pictures is not None:
        from optical_memory.evaluation.plots import write_pictures

        for path in write_pictures(runs, options.pictures):
            print(path)
    elif options.markdown or options.into is not None:
        from optical_memory.evaluation.summary import as_markdown, put_into

        if options.into is None:
            print(as_markdown(*runs), end="")
        else:
            put_into(options.into, as_markdown(*runs))
            print(options.into)
    else:
        print(as_table([figure for run in runs for figure in run.figures]))
    return 0
