"""`optical-memory forget`: erases turns, or a whole scope, of a store on disk for good. It needs no model."""

import argparse
from pathlib import Path

from optical_memory.cli.output import print_json
from optical_memory.errors import StoreError


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "Erase turns, or a whole scope, of a store on disk for good; print what went."
    forget = commands.add_parser("forget", help=text, description=text)
    forget.add_argument("--store", type=Path, required=True, metavar="DIR", help="the store's folder")
    forget.add_argument("--scope", required=True, help="whose conversation: tenant/user/thread")
    what = forget.add_mutually_exclusive_group(required=True)
    what.add_argument("--turn", action="append", metavar="ID", help="this turn; may be given again")
    what.add_argument("--page", type=int, metavar="N", help="every turn on this page of the context")
    what.add_argument("--matching", metavar="TEXT", help="every turn that holds this text")
    what.add_argument("--all", action="store_true", help="everything of the scope")
    forget.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else there")
    forget.set_defaults(run=_forget)


def _forget(options: argparse.Namespace) -> int:
    """0: all is gone; 1: something is left, and the receipt says why."""
    from contextlib import closing
    from dataclasses import asdict

    from optical_memory.device import choose_device
    from optical_memory.memory.durable import Durable, open_store
    from optical_memory.memory.forget import turns_meant

    with closing(Durable(open_store(options.store, choose_device("cpu")), options.scope)) as durable:
        if not durable.holds_anything():
            raise StoreError(
                f"{options.store} holds no conversation of the scope {options.scope!r}: is it spelt right?"
            )
        if options.all:  # without a look at what it holds, which may be damaged
            receipt = durable.forget_scope(options.scope)
        else:
            record = durable.load()
            _, receipt = durable.forget(record, turns_meant(record, options.turn, options.page, options.matching))
    if options.json:
        print_json(asdict(receipt))
    else:
        print(receipt)
    return 0 if receipt.is_complete else 1
