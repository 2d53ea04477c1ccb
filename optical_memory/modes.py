"""Resolution modes and their token arithmetic (DeepSeek-OCR, arXiv 2510.18234, table 1). Standard library only.

One visual token stands for 64 x 64 pixels: patches of 16, then two stride-2 convolutions. The decoder also receives a newline
after every row of tokens and one separator at the end, so a page costs its `sequence_length`, not its visual tokens.
"""

from dataclasses import dataclass

PATCH = 16
TOKEN = 64
"""Pixels per side of a patch and of a visual token."""
MIN_TILES, MAX_TILES = 2, 9


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to see a page: one whole view of `side` pixels and, for the tiled modes, cuts of `tile_side` beside it."""

    name: str
    side: int
    tile_side: int | None = None

    @property
    def grid(self) -> int:
        """Visual tokens per side of the whole view."""
        return self.side // TOKEN

    def visual_tokens(self, tiles: tuple[int, int] = (0, 0)) -> int:
        """Vectors from the encoder, for `tiles` = (columns, rows) of cuts."""
        columns, rows = self._check(tiles)
        tile_grid = (self.tile_side or 0) // TOKEN
        return self.grid**2 + columns * rows * tile_grid**2

    def sequence_length(self, tiles: tuple[int, int] = (0, 0)) -> int:
        """Positions taken in the decoder's context: visual tokens, newlines and the separator."""
        columns, rows = self._check(tiles)
        tile_grid = (self.tile_side or 0) // TOKEN
        local_rows = rows * tile_grid
        local = local_rows * (columns * tile_grid + 1)
        return self.grid * (self.grid + 1) + 1 + local

    def _check(self, tiles: tuple[int, int]) -> tuple[int, int]:
        columns, rows = tiles
        if (columns, rows) == (0, 0):
            return tiles
        if self.tile_side is None:
            raise ValueError(f"mode {self.name} has no tiles, got {columns} x {rows}")
        if columns < 1 or rows < 1 or not MIN_TILES <= columns * rows <= MAX_TILES:
            raise ValueError(f"{self.name} takes {MIN_TILES} to {MAX_TILES} tiles, got {columns} x {rows}")
        return tiles

    def __str__(self) -> str:
        return self.name


TINY = Mode("Tiny", 512)
SMALL = Mode("Small", 640)
BASE = Mode("Base", 1024)
LARGE = Mode("Large", 1280)
GUNDAM = Mode("Gundam", 1024, 640)
GUNDAM_M = Mode("Gundam-M", 1280, 1024)

NATIVE_MODES = (TINY, SMALL, BASE, LARGE)
"""The modes of a single view, from the cheapest."""
MODES = {mode.name: mode for mode in (*NATIVE_MODES, GUNDAM, GUNDAM_M)}


def mode_named(name: str) -> Mode:
    """The mode of that name, in any case. Raises ValueError that lists the names."""
    for mode in MODES.values():
        if mode.name.lower() == name.lower():
            return mode
    raise ValueError(f"no mode is called {name!r}; the modes are {', '.join(MODES)}")


def fit_tiles(width: int, height: int, tile_side: int) -> tuple[int, int]:
    """(columns, rows) of the tiling for a picture of width x height pixels; (0, 0) where it needs none.

    Candidate grids hold 2 to 9 tiles; the closest aspect ratio wins, ties go to the larger grid if the picture has more than
    half of that grid's pixels; a picture that fits into one tile is not cut.
    """
    if width <= tile_side and height <= tile_side:
        return (0, 0)
    candidates = sorted(
        {
            (columns, rows)
            for columns in range(1, MAX_TILES + 1)
            for rows in range(1, MAX_TILES + 1)
            if MIN_TILES <= columns * rows <= MAX_TILES
        },
        key=lambda grid: grid[0] * grid[1],
    )
    aspect = width / height
    best, best_distance = (1, 1), float("inf")
    for columns, rows in candidates:
        distance = abs(aspect - columns / rows)
        if distance < best_distance:
            best, best_distance = (columns, rows), distance
        elif distance == best_distance and width * height > 0.5 * tile_side * tile_side * columns * rows:
            best = (columns, rows)
    return best
