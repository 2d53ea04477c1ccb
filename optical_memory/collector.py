"""Python's garbage collector, kept from passing again and again over what heavy libraries made for good."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_is_set_aside = False


def set_aside() -> None:
    """Takes what lives now out of all later passes, once a process: what `gc.freeze` is for.

    torch alone makes some 200,000 lasting objects. A full pass over them holds Python's lock, and with it an event loop, for a
    tenth of a second, whenever enough has been made since. Garbage is collected first; what is garbage later is collected
    unless it lives now and is then in a cycle. `gc.unfreeze()` takes it back. A program that froze objects itself, or that
    does without the collector, is left alone.
    """
    global _is_set_aside
    if _is_set_aside or not gc.isenabled() or gc.get_freeze_count() > 0:
        return
    gc.collect()
    gc.freeze()
    _is_set_aside = True


@contextmanager
def without_collections() -> Iterator[None]:
    """Within, and for what was made within, no pass of the collector.

    An import of transformers makes some 300,000 lasting objects. They join what was set aside; where nothing was, `freeze` and
    `unfreeze` put them among the oldest objects without a pass.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if _is_set_aside:
            gc.freeze()
        elif gc.get_freeze_count() == 0:  # else a program froze objects of its own, which must stay so
            gc.freeze()
            gc.unfreeze()
        gc.enable()
