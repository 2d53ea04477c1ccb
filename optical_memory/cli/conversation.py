"""Commands over one conversation file: compress, plan, read, recall, ask."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optical_memory.cli.output import (
    add_grid_option,
    add_model_options,
    asked_model,
    count,
    positive,
    print_json,
    share,
)
from optical_memory.errors import OpticalMemoryError
from renderers.fonts import MARKER_BASE, is_marker

if TYPE_CHECKING:
    from optical_memory.memory.keeping import Progress
    from optical_memory.memory.optical_memory import OpticalMemory


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("file", type=Path, help="chat JSON, JSON lines, or plain text")
        sub.add_argument(
            "--store", type=Path, metavar="DIR", help="a folder where the conversation outlives the command"
        )
        sub.add_argument("--scope", default="", help="whose conversation it is in the store: tenant/user/thread")
        sub.add_argument("--keep-last", type=count, default=4, metavar="N", help="newest turns that stay text (4)")
        add_grid_option(sub)
        add_model_options(sub)
        return sub

    compress = command("compress", _compress, "Draw and encode the older turns of a conversation; print what it saves.")
    compress.add_argument("--out", type=Path, metavar="DIR", help="write the pages as PNGs and the messages as JSON")
    compress.add_argument("--spans", action="store_true", help="print the fidelity of every stretch of a turn, too")
    compress.add_argument(
        "--ledger",
        type=share,
        metavar="SHARE",
        help="beside each PNG, strings as text: at most this share of its tokens",
    )
    plan = command("plan", _plan, "Show how each page would be kept and what it would cost; nothing is encoded.")
    for sub in (compress, plan):
        sub.add_argument("--schedule", choices=("default", "paper", "gentle", "aggressive", "none"), default="default")
        sub.add_argument("--budget", type=count, metavar="TOKENS", help="what the whole context may take")
        sub.add_argument(
            "--min-fidelity", type=share, default=0.0, metavar="SHARE", help="no page reads worse than this"
        )
        sub.add_argument(
            "--lossless", action="store_true", help="keep what the reader gets wrong as text beside each page"
        )
    read = command("read", _read, "Read a conversation's pages back from their visual tokens.")
    read.add_argument("--page", type=int, metavar="N", help="only this page")
    recall = command("recall", _recall, "Find the pages that matter to a query.")
    recall.add_argument("query")
    recall.add_argument("--limit", type=positive, default=3, metavar="N")
    ask = command("ask", _ask, "Let the decoder answer over the spliced context.")
    ask.add_argument("question")


def _plan(options: argparse.Namespace) -> int:
    from optical_memory.memory.files import load_history

    memory = _memory(options)
    plan = memory.plan(load_history(options.file))
    if options.json:
        print_json(plan.model_dump())
    else:
        print(plan)
    return 0


def _forgetting(options: argparse.Namespace) -> dict[str, Any]:
    """The memory's options that some commands have: schedule, its bounds, errata."""
    from optical_memory.memory.schedule import PRESETS

    if not hasattr(options, "schedule"):
        return {}
    schedule = PRESETS[options.schedule](budget=options.budget, min_fidelity=options.min_fidelity)
    return {"schedule": schedule, "lossless": options.lossless}


def _memory(options: argparse.Namespace, on_progress: "Progress | None" = None) -> "OpticalMemory":
    """An empty memory, or what the store holds."""
    from optical_memory.memory.optical_memory import OpticalMemory

    return OpticalMemory(
        asked_model(options),
        keep_last=options.keep_last,
        store=options.store,
        scope=options.scope,
        on_progress=on_progress,
        **_forgetting(options),
    )


def _memory_of(options: argparse.Namespace) -> "OpticalMemory":
    """A memory that has compressed the file, with a bar on standard error if it takes more than two seconds."""
    from tqdm import tqdm

    from optical_memory.memory.files import load_history

    history = load_history(options.file)
    with tqdm(delay=2, unit="page", desc="encoding", leave=False, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        memory = _memory(options, progress)
        memory.compress(history)
    return memory


def _compress(options: argparse.Namespace) -> int:
    from optical_memory.memory.ledger import Ledger

    if options.ledger is not None and options.out is None:
        raise OpticalMemoryError("--ledger is written beside the pages: give --out DIR too")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)  # before the work, which a bad place would waste
    context = _memory_of(options).context
    if options.out is not None:
        for part in context.pages:
            (options.out / f"page-{part.number:03}-{part.encoded.mode.name.lower()}.png").write_bytes(context.png(part))
        ledger = Ledger(options.ledger) if options.ledger is not None else None
        text = json.dumps(context.messages(ledger=ledger), indent=1, ensure_ascii=False)
        (options.out / "messages.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    if options.json:
        print_json(context.report.model_dump())
    else:
        print(context.report)
        if options.spans:
            print(context.report.spans_table())
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
                "spans": [
                    {"turn": span.source, "start": span.start, "end": span.end, "fidelity": right}
                    for span, right in (part.spans if part.fidelity is not None else ())
                ],
                "text": reading.text,
                "probabilities": [round(float(p), 4) for p in reading.probabilities[: len(reading.text)]],
            }
        )
    if options.json:
        print_json(rows)
        return 0
    for row in rows:
        legible = "not measured" if row["fidelity"] is None else f"{row['fidelity']:.2%} of its characters read right"
        print(f"page {row['page']}, {row['mode']}, {legible}")
        print(_visible(str(row["text"])))
    return 0


def _visible(text: str) -> str:
    """Text for a terminal: the marker codes of a page as bracketed letters."""
    return "".join(f"\n[{chr(ord(c) - MARKER_BASE)}] " if is_marker(ord(c)) else c for c in text)


def _recall(options: argparse.Namespace) -> int:
    found = _memory_of(options).recall(options.query, options.limit)
    rows = [
        {
            "page": item.number,
            "score": round(item.score, 4),
            "turns": list(item.turns),
            "spans": [{"turn": span.source, "start": span.start, "end": span.end} for span in item.spans],
            "mode": item.mode.name,
            "certainty": round(item.certainty, 4),
            "text": item.text,
        }
        for item in found
    ]
    if options.json:
        print_json(rows)
        return 0
    for row, item in zip(rows, found, strict=True):
        where = "a page out of the context" if row["page"] is None else f"page {row['page']}"
        print(f"{where}, score {row['score']:.2f}, read at {row['mode']} with certainty {row['certainty']:.2%}")
        print(item.by_turns)
    if not rows:
        print("no page shares a word with the query")
    return 0


def _ask(options: argparse.Namespace) -> int:
    answer = _memory_of(options).ask(options.question)
    if options.json:
        print_json({"question": options.question, "answer": answer})
    else:
        print(answer)
    return 0
