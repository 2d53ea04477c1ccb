"""Who reads pages: what a page costs each of them, what they accept, and which type they are proven to read."""

from optical_memory.readers.reader import (
    Cache,
    Limits,
    Money,
    Reader,
    check_saving,
    load_readers,
    reader_named,
    save_reader,
)

__all__ = ["Cache", "Limits", "Money", "Reader", "check_saving", "load_readers", "reader_named", "save_reader"]
