"""Portions that recipes of stage 1 share: which grids and modes a step shows, in which faces."""

from dataclasses import replace

from optical_memory.modes import BASE, LARGE, SMALL, TINY
from optical_memory.training.pages import Portion
from optical_memory.training.variation import Variation
from optical_memory.training.wear import Wear

DENSE = (128, 64)
SMALL_ALIGNED = (80, 80)
"""The grid whose cells divide the patches of Small, as those of 64 x 64 do at Tiny."""
EACH = Variation(share=1.0, across=2.0, down=1.5, apart=0.6)
"""Every glyph lies and looks a little off, each in its own way."""
EACH_NARROW = replace(EACH, across=1.2)
"""The same in the narrow cells of the dense grid."""


def in_its_own_face(
    tiny: int = 1, dense: int = 1, small: int = 1, base: int = 1, large: int = 1, dense_large: int = 1
) -> tuple[Portion, ...]:
    """Every grid and mode in the face of the memory, so many views of each; `dense`: of the dense grid at Tiny."""
    portions = (
        Portion(TINY, tiny),
        Portion(TINY, dense, grid=DENSE),
        Portion(SMALL, small),
        Portion(SMALL, 1, grid=SMALL_ALIGNED),
        Portion(BASE, base, crop=4),
        Portion(BASE, base, crop=4, grid=DENSE),
        Portion(LARGE, large, crop=4),
        Portion(LARGE, dense_large, crop=4, grid=DENSE),
    )
    return tuple(portion for portion in portions if portion.views)


def with_reshaped_faces(
    others: tuple[str, ...], tiny: int, dense: int, large: int, dense_large: int
) -> tuple[Portion, ...]:
    """The face of the memory, and as many views of others' glyphs in other shapes, at Base."""
    mixed = ("fixed", *others)
    reshaped = Variation()
    return (
        *in_its_own_face(tiny, dense, small=2, large=large, dense_large=dense_large),
        Portion(BASE, 2, crop=5, faces=mixed, variation=reshaped),
        Portion(BASE, 1, crop=5, faces=mixed),
        Portion(BASE, 2, crop=5, grid=DENSE, faces=mixed, variation=reshaped),
        Portion(BASE, 1, crop=5, grid=DENSE, faces=mixed, variation=reshaped, wear=Wear()),
    )


def in_other_faces(
    others: tuple[str, ...],
    sparse: tuple[Variation | None, ...],
    dense: tuple[Variation | None, ...],
    random_share: float | None = None,
    faces_per_batch: int = 1,
    scripts_share: float | None = None,
) -> tuple[Portion, ...]:
    """Cuts at Base, each in a face of its own, or several: one for every variation, on the memory's grid and on the dense one."""
    mixed = ("fixed", *others)
    return tuple(
        Portion(
            BASE,
            1,
            crop=5,
            grid=grid,
            faces=mixed,
            faces_per_batch=faces_per_batch,
            variation=variation,
            random_share=random_share,
            scripts_share=scripts_share,
        )
        for grid, variations in (((64, 64), sparse), (DENSE, dense))
        for variation in variations
    )


def other_scripts_at_small(views: int) -> Portion:
    """Views of Small on the memory's grid, most of them in other scripts."""
    return Portion(SMALL, views, random_share=0.15, scripts_share=0.75)


def other_scripts_at_large(views: int, grid: tuple[int, int] = (64, 64)) -> Portion:
    """Large cuts of Large, most of them in other scripts."""
    return Portion(LARGE, views, crop=8, grid=grid, random_share=0.15, scripts_share=0.75)
