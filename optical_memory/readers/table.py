"""The table of readers. Price rules as the providers publish them; dollars as LiteLLM's price table of November 2026 has them.

Nothing here is proven except our own model: how well a hosted model reads small type is for `optical-memory calibrate` to say.
"""

from optical_memory.config import ALPHABET
from optical_memory.readers.prices import CappedPatches, Flat, Patches, Sequence, ShrunkPatches, Tiles
from optical_memory.readers.reader import Cache, Limits, Money, Reader

_ANTHROPIC = ShrunkPatches()
_CACHE_WRITE = 1.25
_OPENAI_LIMITS = Limits(images=500, request_bytes=50_000_000)
_GEMINI_LIMITS = Limits(images=3000, request_bytes=20_000_000)
_LOCAL_LIMITS = Limits(images=64, request_bytes=64_000_000)


def _claude(name: str, models: tuple[str, ...], text: float) -> Reader:
    money = Money(text=text, cached=text / 10, write=_CACHE_WRITE)
    return Reader(name=name, models=models, price=_ANTHROPIC, money=money, cached_to_mark=True)


def _openai(name: str, models: tuple[str, ...], price: Tiles | CappedPatches, text: float, cached: float) -> Reader:
    return Reader(name=name, models=models, price=price, money=Money(text=text, cached=cached), limits=_OPENAI_LIMITS)


READERS: tuple[Reader, ...] = (
    _claude("claude-opus", ("claude-opus-4-5", "claude-opus-4-6", "claude-opus-4-7"), 5.0),
    _claude("claude-sonnet", ("claude-sonnet-4-5", "claude-sonnet-4-6"), 3.0),
    _claude("claude-haiku", ("claude-haiku-4-5",), 1.0),
    _openai("gpt-4o", ("gpt-4o",), Tiles(base=85, tile=170), 2.5, 1.25),
    _openai("gpt-4o-mini", ("gpt-4o-mini",), Tiles(base=2833, tile=5667), 0.15, 0.075).model_copy(
        update={"never": "gpt-4o-mini charges 8,500 tokens and more for a page: text is always cheaper"}
    ),
    _openai("gpt-4.1", ("gpt-4.1",), Tiles(base=85, tile=170), 2.0, 0.5),
    _openai("gpt-4.1-mini", ("gpt-4.1-mini",), CappedPatches(factor=1.62), 0.4, 0.1),
    _openai("o1", ("o1",), Tiles(base=75, tile=150), 15.0, 7.5),
    _openai("o3", ("o3",), Tiles(base=75, tile=150), 2.0, 0.5),
    _openai("o4-mini", ("o4-mini",), CappedPatches(factor=1.72), 1.1, 0.275),
    _openai("gpt-5", ("gpt-5", "gpt-5.1"), Tiles(base=70, tile=140), 1.25, 0.125),
    _openai("gpt-5-mini", ("gpt-5-mini",), CappedPatches(factor=1.2), 0.25, 0.025),
    _openai("gpt-5.2", ("gpt-5.2",), CappedPatches(factor=1.2, cap=2500), 1.75, 0.175),
    _openai("gpt-5.4", ("gpt-5.4",), CappedPatches(factor=1.2, cap=2500), 2.5, 0.25),
    _openai("gpt-5.5", ("gpt-5.5",), CappedPatches(factor=1.2, cap=2500), 5.0, 0.5),
    Reader(
        name="gemini-3",
        models=("gemini-3", "gemini-3-pro", "gemini-3.1", "gemini-3.1-pro"),
        price=Flat(per_picture=1120),
        limits=_GEMINI_LIMITS,
    ),
    Reader(name="gemini-3-low", models=("gemini-3-low",), price=Flat(per_picture=280), limits=_GEMINI_LIMITS),
    Reader(
        name="gemini-2.5",
        models=("gemini-2.5-pro", "gemini-2.5-flash"),
        price=Flat(per_picture=258),
        limits=_GEMINI_LIMITS,
    ),
    Reader(name="qwen2.5-vl", models=("qwen2.5-vl", "Qwen2.5-VL"), price=Patches(patch=28), limits=_LOCAL_LIMITS),
    Reader(name="qwen3-vl", models=("qwen3-vl", "Qwen3-VL"), price=Patches(patch=32), limits=_LOCAL_LIMITS),
    Reader(name="glm-4v", models=("glm-4.1v", "glm-4.5v", "glm-4.6v"), price=Patches(patch=28), limits=_LOCAL_LIMITS),
    Reader(
        name="optical-memory",
        models=("optical-memory", "default"),
        price=Sequence(),
        terms=Cache(write=1.0, cached=1.0),  # its positions are few, and a cached one takes as much room as any
        limits=_LOCAL_LIMITS,
        proven_cell=8,
        evidence="characters read by its readout: optical-memory evaluate reading",
        alphabet="".join(character for character in ALPHABET if not 0xE000 <= ord(character) <= 0xF8FF),
    ),
)
