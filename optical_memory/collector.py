"""Python's garbage collector, kept out of the way while heavy libraries are imported."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Within, and for what was made within, no pass of the collector.

    An import of transformers makes some 300,000 lasting objects; each full pass over them stops every thread, an event loop's
    too, for a quarter of a second. `freeze` and `unfreeze` put them among the oldest objects without a pass.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:  # else a program froze objects of its own, which must stay so
            gc.freeze()
            gc.unfreeze()
        gc.enable()
