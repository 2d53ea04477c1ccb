"""The command that shows what a model is made of, and what its visual tokens cost."""

import argparse

from optical_memory.cli.output import add_model_options, print_json


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "Show what a model is made of and what its visual tokens cost; `deepseek-ocr` is known without its weights."
    models = commands.add_parser("models", help=text, description=text)
    models.set_defaults(run=_models)
    add_model_options(models)


def _models(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from optical_memory.config import deepseek_ocr
    from optical_memory.footprint import as_rows, cache_bytes, footprints

    shown: dict[str, object]
    if options.model == "deepseek-ocr":
        config, notes = deepseek_ocr(), {"weights": "not here: this is the architecture"}
        shown, heading = {"path": None, "bytes": None}, f"{config.name}: architecture"
    else:
        from optical_memory.loading import open_checkpoint

        checkpoint = open_checkpoint(options.model)
        config, notes = checkpoint.config, checkpoint.notes
        shown = {"path": checkpoint.path.name, "bytes": checkpoint.num_bytes}
        heading = f"{config.name}: {checkpoint.num_bytes / 1e6:.1f} MB, {len(checkpoint.names)} tensors"
    if options.json:
        costs = [asdict(item) for item in footprints(config)]
        print_json(
            shown | {"notes": notes, "config": asdict(config), "footprint": costs, "cache_bytes": cache_bytes(config)}
        )
        return 0
    print(heading)
    for name, value in (asdict(config) | notes).items():
        print(f"  {name}: {value}")
    print(as_rows(footprints(config)))
    return 0
