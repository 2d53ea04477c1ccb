"""The command line, `optical-memory COMMAND`: one file for each family of commands.

Nothing heavy is imported before a command is known.
"""

import argparse
import io
import sys
from collections.abc import Sequence

from optical_memory.cli import adapt, conversation, evaluate, forget, models, report, train
from optical_memory.errors import OpticalMemoryError


def parser() -> argparse.ArgumentParser:
    """Every command and option there is."""
    root = argparse.ArgumentParser(
        prog="optical-memory", description="A long memory for LLM agents, kept as visual tokens."
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for family in (conversation, forget, models, train, evaluate, report, adapt):
        family.add_commands(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. 0: done; 1: an error of ours or of the system's, told in one line; 2: wrong usage; 130: interrupted."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character shows a mark in its place
    try:
        return int(options.run(options))
    except OpticalMemoryError as error:
        print(f"optical-memory: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"optical-memory: {': '.join(filter(None, (error.filename, error.strerror or str(error))))}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130
