"""The command line: `optical-memory compress FILE`, `read`, `recall`, `ask`, `train`, `evaluate`, `models`.

Nothing heavy is imported before a command is known.
"""

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optical_memory.errors import OpticalMemoryError

if TYPE_CHECKING:
    from optical_memory.memory.optical_memory import OpticalMemory

ENCODER_RECIPE_NAMES = ("crops", "pages")
DECODER_RECIPE_NAMES = ("reading",)


def parser() -> argparse.ArgumentParser:
    """Every command and option there is."""
    root = argparse.ArgumentParser(
        prog="optical-memory", description="A long memory for LLM agents, kept as visual tokens."
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, history: bool = True
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("--model", default="default", help="a model's name or checkpoint file")
        sub.add_argument("--device", help="the device to run on; the best one by default")
        if history:
            sub.add_argument("file", type=Path, help="chat JSON, JSON lines, or plain text")
            sub.add_argument("--keep-last", type=_count, default=4, metavar="N", help="newest turns that stay text (4)")
        sub.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else there")
        return sub

    compress = command("compress", _compress, "Draw and encode the older turns of a conversation; print what it saves.")
    compress.add_argument("--out", type=Path, metavar="DIR", help="write the pages as PNGs and the messages as JSON")
    read = command("read", _read, "Read a conversation's pages back from their visual tokens.")
    read.add_argument("--page", type=int, metavar="N", help="only this page")
    recall = command("recall", _recall, "Find the pages that matter to a query.")
    recall.add_argument("query")
    recall.add_argument("--limit", type=_count, default=3, metavar="N")
    ask = command("ask", _ask, "Let the decoder answer over the spliced context.")
    ask.add_argument("question")
    command("models", _models, "Show what a model is made of.", history=False)

    _add_train(commands)
    _add_evaluate(commands)
    return root


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser("train", help="Train a model; goes on where a run stopped.")
    stages = train.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for stage, names in (("encoder", ENCODER_RECIPE_NAMES), ("decoder", DECODER_RECIPE_NAMES)):
        sub = stages.add_parser(stage, help=f"train the {stage}")
        sub.set_defaults(run=_train)
        sub.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="any folder of UTF-8 text")
        sub.add_argument(
            "--run", type=Path, required=True, dest="run_folder", metavar="DIR", help="where the run lives"
        )
        sub.add_argument("--recipe", choices=names, default=names[0])
        sub.add_argument("--steps", type=int, metavar="N")
        sub.add_argument("--device")
        sub.add_argument(
            "--from",
            type=Path,
            dest="start_from",
            metavar="PATH",
            required=stage == "decoder",
            help="the run, or the checkpoint file, whose encoder to start from",
        )
    export = stages.add_parser("export", help="write a checkpoint from runs")
    export.set_defaults(run=_export)
    export.add_argument("--encoder", type=Path, required=True, metavar="DIR")
    export.add_argument("--decoder", type=Path, metavar="DIR")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")


def _add_evaluate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = commands.add_parser("evaluate", help="Measure reading, Fox or speed.")
    tasks = evaluate.add_subparsers(dest="task", required=True, metavar="TASK")
    reading = tasks.add_parser("reading", help="characters read right on whole pages, by mode")
    reading.add_argument(
        "--text", type=Path, required=True, metavar="DIR", help="a folder of UTF-8 text that was not trained on"
    )
    reading.add_argument("--pages", type=_count, default=24, metavar="N", help="pages of each kind and mode (24)")
    reading.add_argument("--seed", type=int, default=0)
    fox = tasks.add_parser("fox", help="the Fox benchmark's text, beside DeepSeek-OCR's own outputs")
    fox.add_argument("--data", type=Path, required=True, metavar="DIR", help="truth and outputs (evaluation/fox.py)")
    speed = tasks.add_parser("speed", help="rendering, encoding and reading, beside their peers")
    for task in (reading, fox, speed):
        task.set_defaults(run=_evaluate)
        task.add_argument("--model", default="default")
        task.add_argument("--device")
        task.add_argument("--json", action="store_true")


def _count(text: str) -> int:
    """A number that counts something, for argparse."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative; expected 0 or more")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. 0: done; 1: an error of ours, told in one line; 2: wrong usage; 130: interrupted."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character shows a mark in its place
    try:
        return int(options.run(options))
    except OpticalMemoryError as error:
        print(f"optical-memory: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def _memory_of(options: argparse.Namespace) -> "OpticalMemory":
    """A memory that has compressed the file, with a bar on standard error if it takes more than two seconds."""
    from tqdm import tqdm

    from optical_memory.memory.files import load_history
    from optical_memory.memory.optical_memory import OpticalMemory

    history = load_history(options.file)
    with tqdm(delay=2, unit="page", desc="encoding", leave=False, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        memory = OpticalMemory(options.model, device=options.device, keep_last=options.keep_last, on_progress=progress)
        memory.compress(history)
    return memory


def _compress(options: argparse.Namespace) -> int:
    context = _memory_of(options).context
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        for part in context.pages:
            (options.out / f"page-{part.number:03}-{part.encoded.mode.name.lower()}.png").write_bytes(context.png(part))
        text = json.dumps(context.messages("openai"), indent=1, ensure_ascii=False)
        (options.out / "messages.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    if options.json:
        _print_json(context.report.model_dump())
    else:
        print(context.report)
        if options.out is not None:
            print(f"{len(context.pages)} pages and messages.json in {options.out}")
    return 0


def _read(options: argparse.Namespace) -> int:
    memory = _memory_of(options)
    pages = memory.context.pages
    numbers = [options.page] if options.page is not None else [part.number for part in pages]
    rows = []
    for number in numbers:
        reading = memory.read(number)
        part = pages[number - 1]
        rows.append(
            {
                "page": number,
                "mode": part.encoded.mode.name,
                "fidelity": part.fidelity,
                "text": reading.text,
                "probabilities": [round(float(p), 4) for p in reading.probabilities[: len(reading.text)]],
            }
        )
    if options.json:
        _print_json(rows)
        return 0
    for row in rows:
        print(f"page {row['page']}, {row['mode']}, {row['fidelity']:.2%} of its characters read right")
        print(_visible(str(row["text"])))
    return 0


def _visible(text: str) -> str:
    """Text for a terminal: the marker codes of a page as bracketed letters."""
    return "".join(f"\n[{chr(ord(c) - 0xE000)}] " if 0xE000 <= ord(c) < 0xE080 else c for c in text)


def _recall(options: argparse.Namespace) -> int:
    found = _memory_of(options).recall(options.query, options.limit)
    rows = [
        {
            "page": item.number,
            "score": round(item.score, 4),
            "turns": list(item.turns),
            "mode": item.mode.name,
            "certainty": round(item.certainty, 4),
            "text": item.text,
        }
        for item in found
    ]
    if options.json:
        _print_json(rows)
        return 0
    for row in rows:
        print(
            f"page {row['page']}, score {row['score']:.2f}, read at {row['mode']} with certainty {row['certainty']:.2%}"
        )
        print(row["text"])
    if not rows:
        print("no page shares a word with the query")
    return 0


def _ask(options: argparse.Namespace) -> int:
    answer = _memory_of(options).ask(options.question)
    if options.json:
        _print_json({"question": options.question, "answer": answer})
    else:
        print(answer)
    return 0


def _models(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from optical_memory.checkpoint import BUNDLED, Checkpoint

    checkpoint = Checkpoint(BUNDLED if options.model == "default" else Path(options.model))
    size = checkpoint.path.stat().st_size
    if options.json:
        _print_json(
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


def _train(options: argparse.Namespace) -> int:
    from optical_memory.config import default
    from optical_memory.device import choose_device

    device = choose_device(options.device)
    steps = {} if options.steps is None else {"steps": options.steps}
    if options.stage == "encoder":
        from optical_memory.training.encoder_stage import train_encoder
        from optical_memory.training.recipes import ENCODER_RECIPES

        recipe = ENCODER_RECIPES[options.recipe](**steps)
        train_encoder(default(), recipe, options.corpus, options.run_folder, device, options.start_from)
    else:
        from optical_memory.training.decoder_stage import train_decoder
        from optical_memory.training.recipes import DECODER_RECIPES

        train_decoder(
            default(),
            DECODER_RECIPES[options.recipe](**steps),
            options.corpus,
            options.start_from,
            options.run_folder,
            device,
        )
    return 0


def _export(options: argparse.Namespace) -> int:
    from optical_memory.config import default
    from optical_memory.training.export import export

    export(default(), options.encoder, options.decoder, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
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
        _print_json({"figures": [figure.model_dump() for figure in figures]})
    else:
        print(as_table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
