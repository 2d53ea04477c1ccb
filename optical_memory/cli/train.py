"""Commands that make a model: train encoder, train decoder, train reader, train face, train export."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optical_memory.cli.output import check_fonts, positive
from optical_memory.errors import InvalidHistoryError

if TYPE_CHECKING:
    from optical_memory.training.own_readout import Outcome

ENCODER_RECIPE_NAMES = (
    "crops",
    "pages",
    "grids",
    "polish",
    "settle",
    "faces",
    "varied",
    "scripts",
    "families",
    "glyphs",
    "letters",
    "kinds",
    "places",
    "firmer_places",
    "dense",
    "many_faces",
    "small_letters",
    "small_and_dense",
    "accents",
    "unaligned",
    "both_grids",
    "faces_again",
    "frequent_accents",
    "more_accents",
    "accents_at_small",
    "dotless",
    "signs",
    "more_signs",
    "signs_at_large",
)
_WITH_FACES = ENCODER_RECIPE_NAMES[ENCODER_RECIPE_NAMES.index("faces") :]
"""Since then every leg has been set in other faces, too."""
DECODER_RECIPE_NAMES = (
    "answers",
    "more_answers",
    "closer_answers",
    "surer_answers",
    "near_misses",
    "longer_values",
    "told_in_passing",
    "told_in_many_ways",
    "readier_answers",
    "reading",
    "contexts",
)
READER_RECIPE_NAMES = ("reader",)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser("train", help="Train a model; goes on where a run stopped.")
    stages = train.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for stage, names in (
        ("encoder", ENCODER_RECIPE_NAMES),
        ("decoder", DECODER_RECIPE_NAMES),
        ("reader", READER_RECIPE_NAMES),
    ):
        sub = stages.add_parser(stage, help=f"train the {stage}")
        sub.set_defaults(run=_train)
        sub.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="any folder of UTF-8 text")
        sub.add_argument(
            "--run", type=Path, required=True, dest="run_folder", metavar="DIR", help="where the run lives"
        )
        sub.add_argument("--recipe", choices=names, default=names[0])
        sub.add_argument("--steps", type=int, metavar="N")
        if stage == "encoder":
            sub.add_argument(
                "--faces",
                type=Path,
                metavar="DIR",
                help=f"font files that the recipes {', '.join(_WITH_FACES)} take beside the bundled ones",
            )
        sub.add_argument("--device")
        sub.add_argument(
            "--from",
            type=Path,
            dest="start_from",
            metavar="PATH",
            required=stage != "encoder",
            help="the run, or the checkpoint file, whose weights to start from: of every part that it holds",
        )
    own = stages.add_parser(
        "face",
        help="set the readout to a face of your own, at Base and Large: a minute or two on two cores; with --corpus teach the "
        "encoder, too, in every mode: a quarter of an hour",
    )
    own.set_defaults(run=_learn_face)
    own.add_argument("--font", type=Path, required=True, metavar="FILE", help="a scalable font, monospaced and upright")
    own.add_argument("--corpus", type=Path, metavar="DIR", help="any folder of UTF-8 text, with --run")
    own.add_argument("--run", type=Path, dest="run_folder", metavar="DIR", help="where the run lives, with --corpus")
    own.add_argument("--steps", type=positive, metavar="N", help="of the run, with --corpus (300)")
    own.add_argument("--device")
    own.add_argument("--from", type=Path, dest="start_from", metavar="FILE", help="a checkpoint file (the bundled one)")
    own.add_argument("--out", type=Path, required=True, metavar="FILE")
    export = stages.add_parser("export", help="write a checkpoint from runs")
    export.set_defaults(run=_export)
    export.add_argument(
        "--encoder",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="a run, several whose weights are averaged, or a checkpoint file",
    )
    export.add_argument("--share", type=float, nargs="+", metavar="X", help="of each run in the mean (all alike)")
    export.add_argument("--decoder", type=Path, metavar="PATH", help="a run, or a checkpoint file")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")


def _train(options: argparse.Namespace) -> int:
    from optical_memory.config import default
    from optical_memory.device import choose_device

    device = choose_device(options.device)
    steps = {} if options.steps is None else {"steps": options.steps}
    if options.stage == "encoder":
        from optical_memory.training.encoder_recipes import ENCODER_RECIPES
        from optical_memory.training.encoder_stage import train_encoder

        choices: dict[str, Any] = steps | _faces_of(options)
        recipe = ENCODER_RECIPES[options.recipe](**choices)
        train_encoder(default(), recipe, options.corpus, options.run_folder, device, options.start_from)
    elif options.stage == "reader":
        from optical_memory.training.reader_stage import READER_RECIPES, train_reader

        chosen = READER_RECIPES[options.recipe](**steps)
        train_reader(default(), chosen, options.corpus, options.start_from, options.run_folder, device)
    else:
        from optical_memory.training.decoder_recipes import DECODER_RECIPES
        from optical_memory.training.decoder_stage import train_decoder

        train_decoder(
            default(),
            DECODER_RECIPES[options.recipe](**steps),
            options.corpus,
            options.start_from,
            options.run_folder,
            device,
        )
    return 0


def _faces_of(options: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Raises InvalidHistoryError if the folder holds no font, or the recipe takes none."""
    if options.faces is None:
        return {}
    files = sorted(str(path) for path in options.faces.rglob("*") if path.suffix.lower() in (".ttf", ".otf"))
    if not files or options.recipe not in _WITH_FACES:
        raise InvalidHistoryError(
            f"--faces {options.faces} holds {len(files)} font files; give a folder of .ttf or .otf files, and "
            f"--recipe {' or '.join(_WITH_FACES)}"
        )
    return {"others": ("dejavu", *files)}


def _learn_face(options: argparse.Namespace) -> int:
    from optical_memory.checkpoint import BUNDLED
    from optical_memory.device import choose_device

    check_fonts([options.font])
    alone = options.corpus is None
    if alone != (options.run_folder is None) or (alone and options.steps is not None):
        raise InvalidHistoryError(
            "train face takes both --corpus and --run, and --steps if you like, to teach encoder and readout, or none of them, "
            "to set the readout alone"
        )
    font, device, start_from = str(options.font), choose_device(options.device), options.start_from or BUNDLED
    how = f"optical-memory compress FILE --model {options.out}"
    if alone:
        from optical_memory.training.own_readout import set_readout

        _tell_tried(set_readout(font, options.out, device, start_from))
    else:
        from optical_memory.training.own_face import STEPS, learn_face

        steps = options.steps or STEPS
        learn_face(font, options.corpus, options.run_folder, options.out, device, start_from, steps)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB; {how}")
    return 0


def _tell_tried(outcome: "Outcome") -> None:
    print("characters right on pages that nothing was learnt from:")
    for page in outcome.tried:
        columns, rows = page.grid
        kind = f"{page.mode.name}, {columns}x{rows}, {'text' if page.is_text else 'random strings'}"
        print(f"  {kind:32} {page.before:8.2%} -> {page.after:.2%}")
    if not outcome.is_learnt:
        print("the readout as it was reads the pages better that this file sets: it was kept")


def _export(options: argparse.Namespace) -> int:
    from optical_memory.config import default
    from optical_memory.training.export import export

    export(default(), options.encoder, options.decoder, options.out, options.share)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
    return 0
