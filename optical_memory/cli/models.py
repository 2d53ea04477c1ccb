"""The command that shows what a model is made of."""

import argparse
from pathlib import Path

from optical_memory.cli.output import add_model_options, print_json


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "Show what a model is made of."
    models = commands.add_parser("models", help=text, description=text)
    models.set_defaults(run=_models)
    add_model_options(models)


def _models(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from optical_memory.checkpoint import BUNDLED, Checkpoint

    checkpoint = Checkpoint(BUNDLED if options.model == "default" else Path(options.model))
    size = checkpoint.path.stat().st_size
    if options.json:
        print_json(
            {
                "path": checkpoint.path.name,
                "bytes": size,
                "notes": checkpoint.notes,
                "config": asdict(checkpoint.config),
            }
        )
        return 0
    print(f"{checkpoint.config.name}: {size / 1e6:.1f} MB, {len(checkpoint.names)} tensors")
    for name, value in (asdict(checkpoint.config) | checkpoint.notes).items():
        print(f"  {name}: {value}")
    return 0
