"""Measures a reader that somebody has a key for: needles on full pages at each type size, and what a page really costs.

Everything it learns comes from answers and from `usage`; it sends one request for each size and two for the prices.
"""

import random
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optical_memory.adapters import missing
from optical_memory.errors import OpticalMemoryError
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.memory.legend import LEGEND
from optical_memory.memory.turn import Turn
from optical_memory.memory.wire import chat
from optical_memory.modes import NATIVE_MODES
from optical_memory.readers import Reader, reader_named
from optical_memory.readers.prices import Measured
from optical_memory.readers.reader import COLUMNS
from optical_memory.view.drawing import GRID, Drawings

try:
    import httpx2
    from openai import OpenAI, OpenAIError
except ImportError as error:
    raise missing("openai", "openai") from error

EXPECTED = "expected the base URL of an OpenAI-compatible API, such as https://api.openai.com/v1"
SHOWN = 200
"""Characters of an answer that is none: enough for a provider's own words."""
PROVEN = 0.95
"""The share of needles that must come back exactly, at a size and at every larger one."""
UNCOUNTED = "what a page costs is not in its usage"
NAMES = "amber basil cedar delta ember fjord grove heron islet jetty knoll lilac maple nexus orbit pearl quartz raven".split()
FILLER = (
    "the build went through after the second review and nobody objected to the plan that we wrote down last week so the team "
    "moved on to the next task while the old branch was kept for a while in case that something had to be looked up again"
).split()


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    prompt_tokens: int | None = None


class _Reply(BaseModel):
    """What is read of a chat completion, which the client hands on unchecked."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class Calibration(BaseModel):
    """`read`: needles that came back exactly, of `needles`, by the cell's width; `page_tokens`: what `usage` says of a page, where
    it counts pictures."""

    model_config = ConfigDict(frozen=True)

    reader: Reader
    needles: int
    read: Mapping[int, int]
    page_tokens: Mapping[int, int]

    def __str__(self) -> str:
        lines = [f"{self.reader.name}: {self.reader.evidence}"]
        for cell, read in self.read.items():
            tokens = self.page_tokens.get(cell)
            cost = f"{tokens:,} tokens a page" if tokens is not None else UNCOUNTED
            lines.append(f"  cells of {cell:>2} pixels: {read} of {self.needles} needles, {cost}")
        return "\n".join(lines)


def calibrate(
    model: str, url: str, key: str, needles: int = 10, seed: int = 0, client: OpenAI | None = None
) -> Calibration:
    """Asks the model for `needles` codes of 12 hexadecimal digits on a full page, at each native type size.

    Raises OpticalMemoryError if there is no chat at the URL, by the first answer.
    """
    client = client if client is not None else _client(url, key)
    needles = max(1, min(needles, len(NAMES)))
    read: dict[int, int] = {}
    page_tokens: dict[int, int] = {}
    base = _ask(client, model, [LEGEND])[1]
    for mode in NATIVE_MODES:
        cell = mode.side // COLUMNS
        text, codes = page_with_needles(needles, seed + cell)
        page = Drawings().pages([Turn("user", text)], 0, mode.side)[0]
        question = (
            f"On the page stand {needles} codes of 12 hexadecimal digits. Answer with lines of the form NAME CODE only."
        )
        answer, tokens = _ask(client, model, [LEGEND, page.picture, question])
        found = dict(re.findall(r"(\w+)\W+([0-9a-f]{12})\b", answer))
        read[cell] = sum(found.get(name) == code for name, code in codes.items())
        cost = tokens - base - count_text_tokens([question])[0] if tokens is not None and base is not None else 0
        if cost > 0:  # no page is free: this usage does not count pictures
            page_tokens[cell] = cost
    return Calibration(
        reader=_row(model, needles, read, page_tokens), needles=needles, read=read, page_tokens=page_tokens
    )


def page_with_needles(num_needles: int, seed: int) -> tuple[str, dict[str, str]]:
    """One full page of plain words with needles spread over it, and the codes by name."""
    chance = random.Random(seed)
    codes = {name: f"{chance.getrandbits(48):012x}" for name in chance.sample(NAMES, num_needles)}
    room = (GRID.num_cells - 1) // num_needles
    pieces = []
    for name, code in codes.items():
        needle = f"The code of {name} is {code}. "
        words = ""
        while len(words) < room - len(needle) - 12:
            words += chance.choice(FILLER) + " "
        place = words.find(" ", chance.randrange(len(words) // 2)) + 1
        pieces.append(words[:place] + needle + words[place:])
    return "".join(pieces), codes


def _client(url: str, key: str) -> OpenAI:
    try:
        return OpenAI(base_url=url, api_key=key or "none")
    except httpx2.InvalidURL as error:
        raise OpticalMemoryError(f"{url!r} is no URL ({error}); {EXPECTED}") from error


def _ask(client: OpenAI, model: str, content: list[Any]) -> tuple[str, int | None]:
    """The answer, and the tokens that the request took by the provider's own count."""
    try:
        raw = client.chat.completions.with_raw_response.create(model=model, messages=[chat.shown(content)])
        reply = _Reply.model_validate_json(raw.content)
    except OpenAIError as error:
        raise OpticalMemoryError(f"{model} at {client.base_url} gave no answer: {error}") from error
    except ValidationError as error:
        raise OpticalMemoryError(
            f"{client.base_url} answered {raw.text[:SHOWN]!r}, which is no chat completion; {EXPECTED}"
        ) from error
    return reply.choices[0].message.content or "", reply.usage.prompt_tokens if reply.usage is not None else None


def _row(model: str, needles: int, read: Mapping[int, int], page_tokens: Mapping[int, int]) -> Reader:
    """The row of the table, with what was measured in it."""
    proven = None
    for cell in sorted(read, reverse=True):
        if read[cell] < PROVEN * needles:
            break
        proven = cell
    row = reader_named(model)
    evidence = (
        f"needles read at each cell size: {', '.join(f'{cell} px {hits}/{needles}' for cell, hits in read.items())}"
    )
    changed: dict[str, Any] = {
        "name": model,
        "models": (model,),
        "proven_cell": proven,
        "evidence": evidence if page_tokens else f"{evidence}; {UNCOUNTED}",
        "never": None,
    }
    if page_tokens:
        by_side = tuple((cell * COLUMNS, tokens) for cell, tokens in sorted(page_tokens.items()))
        changed["price"] = Measured(by_side=by_side)
    elif row.never is not None:
        changed["never"] = f"{UNCOUNTED}, so that nobody knows it"
    return row.model_copy(update=changed)
