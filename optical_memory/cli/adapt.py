"""Commands for chat apps and agent loops: estimate, calibrate, proxy, serve."""

import argparse
import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optical_memory.cli.output import count, port, positive, print_json

if TYPE_CHECKING:
    from optical_memory.readers import Reader


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "Show what a conversation costs a reader as text, as cached text and as pages."
    estimate = commands.add_parser("estimate", help=text, description=text)
    estimate.set_defaults(run=_estimate)
    estimate.add_argument("file", type=Path, help="chat JSON, JSON lines, or plain text")
    estimate.add_argument("--reader", required=True, metavar="NAME", help="a model's name")
    estimate.add_argument("--json", action="store_true", help="one JSON document on standard output")
    _add_view_options(estimate)

    text = "Measure with needles which type a reader reads, and write its row."
    calibrate = commands.add_parser("calibrate", help=text, description=text)
    calibrate.set_defaults(run=_calibrate)
    calibrate.add_argument("--reader", required=True, metavar="NAME", help="the model's name")
    calibrate.add_argument(
        "--url", required=True, help="an OpenAI-compatible base URL, such as https://api.openai.com/v1"
    )
    calibrate.add_argument(
        "--key", metavar="VARIABLE", default="OPENAI_API_KEY", help="the variable that holds the key"
    )
    calibrate.add_argument("--needles", type=count, default=10, metavar="N", help="needles at each type size (10)")
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument("--out", type=Path, default=Path("readers.json"), metavar="FILE", help="where the row goes")
    calibrate.add_argument("--json", action="store_true", help="one JSON document on standard output")

    text = "Run a proxy that shows old turns as pages; change one base URL and no code."
    steps = (
        "Pages come in steps: only once as many requests were made since the last step as it takes to pay back what new pages "
        "take out of the provider's prompt cache. The header x-optical-memory of every answer says what was saved, what was "
        "read anew, and why not."
    )
    proxy = commands.add_parser("proxy", help=text, description=f"{text} {steps}")
    proxy.set_defaults(run=_proxy)
    proxy.add_argument("--upstream", required=True, metavar="URL", help="the provider, such as https://api.openai.com")
    proxy.add_argument("--reader", metavar="NAME", help="assume this reader whatever model a request names")
    _add_server_options(proxy, 8484)
    _add_view_options(proxy)

    text = "Serve a model of ours behind an OpenAI-compatible endpoint that takes page images."
    serve = commands.add_parser("serve", help=text, description=text)
    serve.set_defaults(run=_serve)
    serve.add_argument("--model", default="default", help="a model's name or checkpoint file")
    serve.add_argument("--device", help="the device to run on; the best one by default")
    serve.add_argument("--batch", type=count, default=8, metavar="N", help="requests decoded together (8)")
    _add_server_options(serve, 8485)


def _add_server_options(command: argparse.ArgumentParser, usual: int) -> None:
    command.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    command.add_argument("--port", type=port, default=usual, help=f"({usual})")
    command.add_argument(
        "--token", help="wanted of every request in x-optical-memory-token; needed beyond this machine"
    )


def _add_view_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--keep-last", type=count, default=4, metavar="N", help="newest turns that stay text (4)")
    command.add_argument(
        "--trust-cell", type=positive, metavar="PIXELS", help="take readers at your word to read such cells"
    )
    command.add_argument("--readers", type=Path, metavar="FILE", help="rows of your own, as calibrate writes them")


def _own_readers(options: argparse.Namespace) -> "list[Reader]":
    from optical_memory.readers import load_readers

    return load_readers(options.readers) if options.readers is not None else []


def _estimate(options: argparse.Namespace) -> int:
    from optical_memory.memory.files import load_history
    from optical_memory.readers import reader_named
    from optical_memory.view.estimate import estimate

    reader = reader_named(options.reader, _own_readers(options))
    found = estimate(load_history(options.file), reader, options.keep_last, options.trust_cell)
    if options.json:
        print_json(found.model_dump())
    else:
        print(found)
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from optical_memory.adapters.calibrate import calibrate
    from optical_memory.readers import check_saving, save_reader

    check_saving(options.out)  # before the requests, which cost money
    found = calibrate(options.reader, options.url, os.environ.get(options.key, ""), options.needles, options.seed)
    save_reader(options.out, found.reader)
    if options.json:
        print_json(found.model_dump())
    else:
        print(found)
        print(f"written to {options.out}")
    return 0


def _proxy(options: argparse.Namespace) -> int:
    from optical_memory.proxy.binding import check_binding

    check_binding(options.host, options.token)
    from optical_memory.proxy.app import build_app
    from optical_memory.view import Views

    views = Views(
        options.reader,
        readers=_own_readers(options),
        trust_cell=options.trust_cell,
        keep_last=max(1, options.keep_last),
    )
    app = build_app(options.upstream, views, options.token)
    print(f"http://{options.host}:{options.port} -> {options.upstream}", flush=True)
    return _listen(app, options)


def _serve(options: argparse.Namespace) -> int:
    from optical_memory.proxy.binding import check_binding

    check_binding(options.host, options.token)
    from optical_memory.loading import load_model
    from optical_memory.server.app import build_app

    app = build_app(load_model(options.model, options.device), max(1, options.batch), options.token)
    print(f"http://{options.host}:{options.port}/v1", flush=True)
    return _listen(app, options)


def _listen(app: Any, options: argparse.Namespace) -> int:
    try:
        import uvicorn
    except ImportError as error:
        from optical_memory.adapters import missing

        raise missing("uvicorn", "proxy") from error
    gc.collect()
    gc.freeze()  # or a full collection now and then looks through every module, and the event loop waits for it
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False)
    return 0
