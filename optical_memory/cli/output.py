"""What commands share at the terminal: options of a model, counts, JSON on standard output."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optical_memory.errors import InvalidHistoryError

if TYPE_CHECKING:
    from optical_memory.evaluation.report import Figure
    from optical_memory.model import Model
    from renderers import Grid


def add_model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="default", help="a model's name or checkpoint file")
    command.add_argument("--device", help="the device to run on; the best one by default")
    command.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else there")


def add_grid_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--grid",
        type=grid,
        metavar="COLUMNSxROWS",
        help="cells of a page, if not the model's own: 64x64 holds half the text, and is read a little better",
    )


def asked_model(options: argparse.Namespace) -> "Model":
    """The model that `--model` and `--device` name, on the grid of `--grid`, if one was asked for."""
    from optical_memory.loading import load_model

    model = load_model(options.model, options.device)
    if options.grid is None:
        return model
    return model.on_grid(replace(options.grid, break_lines=model.grid.break_lines))


def count(text: str) -> int:
    """A number that counts something, for argparse."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative; expected 0 or more")
    return number


def positive(text: str) -> int:
    """A number of things of which there must be one, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def port(text: str) -> int:
    """A port to listen on, for argparse. 0, which lets the system choose, is none: nobody would be told which it chose."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is no port to listen on; expected 1 to 65535")
    return number


def share(text: str) -> float:
    """A number from 0 to 1, for argparse."""
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is no share; expected 0 to 1")
    return number


def grid(text: str) -> "Grid":
    """Columns and rows of a page's cells, for argparse: "128x64"."""
    from renderers import Grid

    columns, _, rows = text.partition("x")
    try:
        return Grid(int(columns), int(rows))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no grid; expected columns and rows, as 128x64") from error


def check_fonts(fonts: Sequence[Path]) -> None:
    """Raises InvalidHistoryError unless each is a bundled face's name or a font file that can be drawn."""
    from renderers import find_face

    for font in fonts:
        try:
            find_face(str(font))
        except (ValueError, OSError) as error:
            raise InvalidHistoryError(str(error)) from error


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def write_run(options: argparse.Namespace, model: "Model", figures: "list[Figure]") -> None:
    """Figures as a run's file, for `report`; nothing where no `--out` was given."""
    from optical_memory.evaluation.run import fresh_run, write_whole

    if options.out is not None:
        given = {name: str(value) for name, value in vars(options).items() if name not in ("run", "out", "json")}
        write_whole(options.out, fresh_run(options.task, given, model).model_copy(update={"figures": figures}))


def tell(figures: "list[Figure]", options: argparse.Namespace) -> None:
    """Figures on standard output: a table, or one JSON document."""
    from optical_memory.evaluation.report import as_table

    if options.json:
        print_json({"figures": [figure.model_dump() for figure in figures]})
    else:
        print(as_table(figures))
