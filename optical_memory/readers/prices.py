"""What a picture costs, in tokens of the reader, by the rule that its provider publishes. Pure arithmetic."""

from math import ceil, floor, sqrt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from optical_memory.modes import NATIVE_MODES


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShrunkPatches(_Rule):
    """Anthropic: patches of `patch` pixels; a picture beyond `long_edge` or `cap` tokens is shrunk first, without a word."""

    kind: Literal["shrunk-patches"] = "shrunk-patches"
    patch: int = 28
    long_edge: int = 1568
    cap: int = 1568

    def tokens(self, width: int, height: int) -> int:
        scale = min(1.0, self.long_edge / max(width, height))
        columns, rows = ceil(width * scale / self.patch), ceil(height * scale / self.patch)
        if columns * rows > self.cap:
            fit = sqrt(self.cap / (columns * rows))
            columns, rows = max(1, floor(columns * fit)), max(1, floor(rows * fit))
        return columns * rows


class Tiles(_Rule):
    """OpenAI, older models: fit into 2048, short side to 768 at most, then `base` and `tile` for each 512-pixel square."""

    kind: Literal["tiles"] = "tiles"
    base: int
    tile: int

    def tokens(self, width: int, height: int) -> int:
        scale = min(1.0, 2048 / max(width, height))
        scale = min(scale, 768 / min(width, height))
        return self.base + self.tile * ceil(width * scale / 512) * ceil(height * scale / 512)


class CappedPatches(_Rule):
    """OpenAI, newer models: patches of 32 pixels, at most `cap`, times `factor` (measured from outside; calibrate it)."""

    kind: Literal["capped-patches"] = "capped-patches"
    factor: float
    cap: int = 1536

    def tokens(self, width: int, height: int) -> int:
        return ceil(min(self.cap, ceil(width / 32) * ceil(height / 32)) * self.factor)


class Flat(_Rule):
    """Gemini: a picture costs the same whatever its size, by the resolution that is asked for."""

    kind: Literal["flat"] = "flat"
    per_picture: int

    def tokens(self, width: int, height: int) -> int:  # noqa: ARG002
        return self.per_picture


class Patches(_Rule):
    """Open models: one token for each square of `patch` pixels."""

    kind: Literal["patches"] = "patches"
    patch: int

    def tokens(self, width: int, height: int) -> int:
        return ceil(width / self.patch) * ceil(height / self.patch)


class Sequence(_Rule):
    """Our own encoder: the true sequence length of the native mode of that side."""

    kind: Literal["sequence"] = "sequence"

    def tokens(self, width: int, height: int) -> int:
        side = max(width, height)
        mode = next((mode for mode in NATIVE_MODES if mode.side >= side), NATIVE_MODES[-1])
        return mode.sequence_length()


class Measured(_Rule):
    """What a provider's own `usage` said of pages: (side, tokens), sides rising; a side between two costs what the larger does."""

    kind: Literal["measured"] = "measured"
    by_side: tuple[tuple[int, int], ...] = Field(min_length=1)

    def tokens(self, width: int, height: int) -> int:
        side = max(width, height)
        return next((tokens for measured, tokens in self.by_side if measured >= side), self.by_side[-1][1])


PriceRule = Annotated[
    ShrunkPatches | Tiles | CappedPatches | Flat | Patches | Sequence | Measured,
    Field(discriminator="kind"),
]
