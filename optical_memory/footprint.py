"""What visual tokens cost in bytes, by mode: kept, in the decoder's context, in its KV cache. Arithmetic alone, no weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from optical_memory.config import ModelConfig
from optical_memory.modes import MODES, Mode

KEPT_BYTES = 2
"""A number in bfloat16: visual tokens as the store keeps them, and a KV cache in the official dtype."""
TILES = (2, 2)
"""The cuts by which tiled modes are told."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """One page in one mode. `kept` bytes lie in the store; `cache` bytes, None without a decoder, in its KV cache."""

    mode: str
    tiles: tuple[int, int]
    visual_tokens: int
    sequence_length: int
    token_bytes: int
    kept: int
    cache: int | None


def footprint(config: ModelConfig, mode: Mode) -> Footprint:
    tiles = TILES if mode.tile_side else (0, 0)
    token_bytes = config.encoder.width * KEPT_BYTES
    length = mode.sequence_length(tiles)
    cache = None if config.decoder is None else length * cache_bytes(config)
    tokens = mode.visual_tokens(tiles)
    return Footprint(mode.name, tiles, tokens, length, token_bytes, tokens * token_bytes, cache)


def cache_bytes(config: ModelConfig) -> int:
    """Bytes of one position in the decoder's KV cache: a key and a value in every layer. 0 without a decoder."""
    return 0 if config.decoder is None else 2 * config.decoder.depth * config.decoder.width * KEPT_BYTES


def footprints(config: ModelConfig) -> list[Footprint]:
    return [footprint(config, mode) for mode in MODES.values()]


def as_rows(prints: Sequence[Footprint]) -> str:
    """Footprints as aligned text."""
    lines = [f"{'mode':<16}{'tokens':>8}{'positions':>11}{'bytes/token':>13}{'store KiB':>12}{'KV cache KiB':>14}"]
    for item in prints:
        name = item.mode + (f" {item.tiles[0]}x{item.tiles[1]}" if item.tiles != (0, 0) else "")
        cache = "-" if item.cache is None else f"{item.cache / 1024:,.0f}"
        counts = f"{name:<16}{item.visual_tokens:>8}{item.sequence_length:>11}"
        lines.append(f"{counts}{item.token_bytes:>13,}{item.kept / 1024:>12,.0f}{cache:>14}")
    return "\n".join(lines)
