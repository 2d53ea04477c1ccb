"""A reader: its price rule, its limits, and the smallest type that it is proven to read. Rows of one's own live in JSON."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from optical_memory.errors import OpticalMemoryError
from optical_memory.modes import NATIVE_MODES, Mode
from optical_memory.readers.prices import PriceRule

SIBLINGS = frozenset(
    ("mini", "nano", "pro", "codex", "research", "search", "audio", "realtime", "live", "transcribe", "tts", "image")
)
"""Parts of a name that make another model of a family's: of another price, or one that takes no pictures. A row has those that it
names itself; a date, a version, `latest` or `preview` is of the same model, and so is what is added behind ":" or "@"."""
COLUMNS = 64
"""Cells in a row of a page; a mode's side over it is the cell's width."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Money(_Row):
    """US dollars for a million input tokens; `write` is what a token costs that is put into the cache, over a plain one."""

    text: float = Field(gt=0)
    cached: float = Field(ge=0)
    write: float = 1.0

    def misses(self, tokens: int) -> float:
        """Dollars more for tokens that are put into the cache than for tokens that are read from it."""
        return tokens * (self.text * self.write - self.cached) / 1e6


class Cache(_Row):
    """What a token costs that is put into the prompt cache, and one that is read from it, over a plain one."""

    write: float = 1.25
    cached: float = 0.1


class Limits(_Row):
    """What a request may hold before the provider refuses it."""

    images: int = 100
    request_bytes: int = 32_000_000


class Reader(_Row):
    """One reader. `proven_cell`: width in pixels of the smallest cell (of a 64 x 64 page) that a measurement showed it to read;
    None if nobody measured: such a reader gets text. `text_factor`: its tokens for one of DeepSeek's vocabulary."""

    name: str
    models: tuple[Annotated[str, Field(min_length=1)], ...]
    """Beginnings of the model names that this row stands for."""
    price: PriceRule
    money: Money | None = None
    limits: Limits = Limits()
    proven_cell: int | None = Field(default=None, ge=1)
    evidence: str = "not measured"
    text_factor: float = Field(default=1.0, gt=0)
    terms: Cache | None = None
    """What its prompt cache asks and gives; None for what follows from `money`, or is customary."""
    cached_to_mark: bool = False
    """The provider caches up to the marks that a request holds and no further; as nothing up to them is drawn, new pages take
    nothing out of its cache."""
    alphabet: str | None = None
    """Characters that it reads; None for all that the typeface draws."""
    never: str | None = None
    """Why pages never pay for this reader, if so."""

    @property
    def cache(self) -> Cache:
        """Of what may be drawn, by the row's own prices; the terms that are customary where it has none."""
        if self.terms is not None or self.cached_to_mark:
            return self.terms or Cache(write=1.0, cached=1.0)
        return (
            Cache() if self.money is None else Cache(write=self.money.write, cached=self.money.cached / self.money.text)
        )

    def trusted(self, cell: int = 8) -> "Reader":
        """The same reader, taken at the caller's word to read cells of that width."""
        return self.model_copy(update={"proven_cell": cell, "evidence": "the caller's word"})

    def mode(self) -> Mode | None:
        """The cheapest native mode whose type it is proven to read; the smaller picture where two cost the same."""
        if self.proven_cell is None or self.never is not None:
            return None
        legible = [mode for mode in NATIVE_MODES if mode.side // COLUMNS >= self.proven_cell]
        return min(legible, key=lambda mode: (self.price.tokens(mode.side, mode.side), mode.side), default=None)

    def why_not(self) -> str | None:
        """Why this reader gets no pages; None if it gets them."""
        if self.never is not None:
            return self.never
        if self.proven_cell is None:
            return f"{self.name} is not proven to read pages: run optical-memory calibrate, or trust it to read a cell size"
        return None if self.mode() else f"{self.name} reads cells of {self.proven_cell} pixels, larger than any page's"


def unknown(model: str) -> Reader:
    """The reader that stands for a model nobody described: it gets text."""
    from optical_memory.readers.prices import Flat

    reason = f"the reader {model!r} is unknown: describe it, or run optical-memory calibrate"
    return Reader(name=model, models=(model,) if model else (), price=Flat(per_picture=0), never=reason)


def reader_named(model: str, own: Iterable[Reader] = ()) -> Reader:
    """The row for a model's name: the longest beginning wins, rows of one's own before those of the table.

    A provider's prefix ("anthropic/", "models/") is left out. An unknown name gives a reader that gets text, with the reason.
    """
    from optical_memory.readers.table import READERS

    for rows in (tuple(own), READERS):
        best: tuple[int, Reader] | None = None
        for name in dict.fromkeys((model, model.rsplit("/", 1)[-1])):
            for row in rows:
                for beginning in row.models:
                    if _begins(name, beginning) and (best is None or len(beginning) > best[0]):
                        best = (len(beginning), row)
        if best is not None:
            return best[1]
    return unknown(model)


def _begins(name: str, beginning: str) -> bool:
    """Whether `name` is of the family: the beginning ends where a part of the name does ("gpt-5" is not "gpt-50" or "gpt-5.4"), and
    no part behind it names another model. One that ends in "-" or "." stands for whatever follows."""
    rest = name[len(beginning) :]
    if not name.startswith(beginning) or not rest or beginning[-1] in "-.":
        return name.startswith(beginning)
    return rest[0] in "-:@[" and SIBLINGS.isdisjoint(re.split("[:@[]", rest)[0].split("-"))


_ROWS = TypeAdapter(list[Reader])


def load_readers(path: Path) -> list[Reader]:
    """Rows of one's own, as `calibrate` writes them. Raises OpticalMemoryError that says what is wrong with the file."""
    try:
        return _ROWS.validate_json(path.read_bytes())
    except OSError as error:
        raise OpticalMemoryError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise OpticalMemoryError(f"{path} is not a table of readers: {_wrong(error)}") from error


def _wrong(error: ValidationError) -> str:
    """The row, the field and what is wrong with it."""
    first = error.errors()[0]
    if not first["loc"]:
        return first["msg"]
    row, *fields = first["loc"]
    return f"row {int(row) + 1}{''.join(f', {field}' for field in fields)}: {first['msg']}"


def check_saving(path: Path) -> None:
    """Raises OpticalMemoryError where `save_reader` would, and leaves everything as it was."""
    place = path.resolve()  # a link that points to nothing yet is not what is made and removed
    if place.exists():
        load_readers(place)
    try:
        if place.exists():
            place.open("r+b").close()
        else:
            place.touch()
            place.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def save_reader(path: Path, reader: Reader) -> None:
    """Puts a row into the file, in place of one of the same name. Raises OpticalMemoryError where it cannot be written."""
    rows = [row for row in (load_readers(path) if path.exists() else []) if row.name != reader.name]
    text = json.dumps([row.model_dump() for row in (*rows, reader)], indent=1, ensure_ascii=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OpticalMemoryError:
    return OpticalMemoryError(f"{path} cannot be written: {error.strerror}; give a file in a folder that is there")
