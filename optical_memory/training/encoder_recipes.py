"""Recipes of stage 1, encoder and readout: functions that return everything it needs to know, so that one command repeats a run."""

from dataclasses import dataclass, replace

from optical_memory.modes import BASE, LARGE, SMALL, TINY
from optical_memory.training.pages import Portion
from optical_memory.training.recipe import Recipe
from optical_memory.training.variation import Variation
from optical_memory.training.wear import Wear

DENSE = (128, 64)
SMALL_ALIGNED = (80, 80)
"""The grid whose cells divide the patches of Small, as those of 64 x 64 do at Tiny."""
EACH = Variation(share=1.0, across=2.0, down=1.5, apart=0.6)
"""Every glyph lies and looks a little off, each in its own way."""
EACH_NARROW = replace(EACH, across=1.2)
"""The same in the narrow cells of the dense grid."""


@dataclass(frozen=True, slots=True)
class EncoderRecipe(Recipe):
    """Stage 1: DeepEncoder and readout."""

    portions: tuple[Portion, ...]
    scripts_share: float = 0.0
    strays_share: float = 0.0
    auxiliary_weight: float = 0.5
    place_weight: float = 0.0
    """Of the error in where tokens say that they lie (training/places.py)."""
    readout_from: int = 0
    """Steps before this one train the patch stage alone: gradients of a readout that sees nothing yet would undo its start."""


def crops(steps: int = 4000) -> EncoderRecipe:
    """First: cuts of 2 x 2 visual tokens, the dense modes most of all."""
    portions = (
        Portion(TINY, 24, crop=2),
        Portion(SMALL, 24, crop=2),
        Portion(BASE, 8, crop=2),
        Portion(LARGE, 10, crop=2),
    )
    return EncoderRecipe(portions, steps=steps, readout_from=min(300, steps // 4))


def pages(steps: int = 1700) -> EncoderRecipe:
    """Then: whole pages, on which every token has four neighbours; the sparse modes in large cuts."""
    portions = (Portion(TINY, 3), Portion(SMALL, 2), Portion(BASE, 1, crop=8), Portion(LARGE, 2, crop=8))
    return EncoderRecipe(portions, steps=steps, rate=5e-4, warm_up=50, cool_down=0.7, seed=2)


def grids(steps: int = 3000) -> EncoderRecipe:
    """Then: the dense grid beside the sparse one, in every mode, whole pages where cells are smallest."""
    portions = (
        Portion(TINY, 1),
        Portion(SMALL, 1),
        Portion(BASE, 1, crop=4),
        Portion(LARGE, 1, crop=4),
        Portion(TINY, 2, grid=DENSE),
        Portion(SMALL, 1, grid=DENSE),
        Portion(BASE, 1, crop=6, grid=DENSE),
        Portion(LARGE, 1, crop=6, grid=DENSE),
    )
    return EncoderRecipe(portions, steps=steps, rate=7e-4, warm_up=100, cool_down=0.6, seed=3)


def polish(steps: int = 350) -> EncoderRecipe:
    """Last: a falling rate over everything, most of all where a visual token holds most."""
    portions = (
        Portion(TINY, 1),
        Portion(SMALL, 1),
        Portion(SMALL, 1, grid=SMALL_ALIGNED),
        Portion(LARGE, 2, crop=4),
        Portion(TINY, 2, grid=DENSE),
        Portion(BASE, 1, crop=4, grid=DENSE),
    )
    return EncoderRecipe(portions, steps=steps, rate=4e-4, warm_up=20, cool_down=1.0, seed=5)


def settle(steps: int = 200) -> EncoderRecipe:
    """After that: the memory's own grid above all, mostly natural text."""
    portions = (
        Portion(TINY, 2),
        Portion(SMALL, 2),
        Portion(BASE, 1, crop=4),
        Portion(LARGE, 2, crop=4),
        Portion(SMALL, 1, grid=SMALL_ALIGNED),
        Portion(TINY, 1, grid=DENSE),
    )
    return EncoderRecipe(portions, steps=steps, rate=4e-4, warm_up=10, cool_down=1.0, random_share=0.15, seed=6)


def faces(steps: int = 3000, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """Last: other faces at Base, some of their pictures worn, beside the grids of the memory."""
    mixed = ("fixed", *others)
    portions = (
        Portion(TINY, 2),
        Portion(TINY, 3, grid=DENSE),
        Portion(SMALL, 1),
        Portion(SMALL, 1, grid=SMALL_ALIGNED),
        Portion(BASE, 1, crop=4),
        Portion(BASE, 1, crop=6, grid=DENSE),
        Portion(LARGE, 2, crop=4),
        Portion(BASE, 1, crop=5, faces=mixed),
        Portion(BASE, 1, crop=5, grid=DENSE, faces=mixed),
        Portion(BASE, 1, crop=4, faces=mixed, wear=Wear()),
    )
    return EncoderRecipe(portions, steps=steps, rate=5e-4, warm_up=50, cool_down=0.7, random_share=0.2, seed=4)


def _in_its_own_face(
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


def _with_reshaped_faces(
    others: tuple[str, ...], tiny: int, dense: int, large: int, dense_large: int
) -> tuple[Portion, ...]:
    """The face of the memory, and as many views of others' glyphs in other shapes, at Base."""
    mixed = ("fixed", *others)
    reshaped = Variation()
    return (
        *_in_its_own_face(tiny, dense, small=2, large=large, dense_large=dense_large),
        Portion(BASE, 2, crop=5, faces=mixed, variation=reshaped),
        Portion(BASE, 1, crop=5, faces=mixed),
        Portion(BASE, 2, crop=5, grid=DENSE, faces=mixed, variation=reshaped),
        Portion(BASE, 1, crop=5, grid=DENSE, faces=mixed, variation=reshaped, wear=Wear()),
    )


def varied(steps: int = 1600, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: the same faces in other shapes, on both grids; Large on the dense grid again."""
    portions = _with_reshaped_faces(others, tiny=1, dense=2, large=1, dense_large=2)
    return EncoderRecipe(portions, steps=steps, rate=5e-4, warm_up=50, cool_down=0.7, random_share=0.25, seed=7)


def scripts(steps: int = 1500, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: a third of the pages in other letters than plain Latin, in the modes of the memory; faces as before."""
    portions = _with_reshaped_faces(others, tiny=2, dense=1, large=2, dense_large=1)
    return EncoderRecipe(
        portions, steps=steps, rate=5e-4, warm_up=50, cool_down=0.8, random_share=0.2, scripts_share=0.35, seed=8
    )


def _in_other_faces(
    others: tuple[str, ...],
    sparse: tuple[Variation | None, ...],
    dense: tuple[Variation | None, ...],
    random_share: float | None = None,
    faces_per_batch: int = 1,
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
        )
        for grid, variations in (((64, 64), sparse), (DENSE, dense))
        for variation in variations
    )


def families(steps: int = 1200, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: more batches in other faces, each in one of its own, for as many as there are; one view each of the rest."""
    reshaped = Variation()
    foreign = _in_other_faces(others, (None, reshaped, reshaped), (None, reshaped, reshaped))
    worn = Portion(BASE, 1, crop=5, faces=("fixed", *others), variation=reshaped, wear=Wear())
    return EncoderRecipe(
        (*_in_its_own_face(dense_large=0), *foreign, worn),
        steps=steps,
        rate=4e-4,
        warm_up=30,
        cool_down=0.9,
        random_share=0.25,
        scripts_share=0.15,
        auxiliary_weight=0.1,
        seed=9,
    )


def glyphs(steps: int = 450, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: pages in other faces are mostly random strings, so that glyphs that are rare in text are seen, too, and told
    by their shape alone; half of them with glyphs that each lie and look a little off. Large on the dense grid again."""
    before = families(steps, others)
    reshaped = Variation()
    each = Variation(share=1.0, across=3.0, down=1.5, apart=0.6)
    each_narrow = replace(each, across=1.2)
    foreign = _in_other_faces(others, (None, reshaped, each, each, each), (None, reshaped, each_narrow), 0.65)
    worn = before.portions[-1]
    return replace(before, portions=(*_in_its_own_face(), *foreign, worn), warm_up=20, cool_down=1.0, seed=10)


def letters(steps: int = 150, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """Last, briefly: the face of the memory above all; on half of the pages other scripts or random strings."""
    foreign = _in_other_faces(others, (Variation(across=2.0),), (Variation(across=1.0),), 0.65)
    return replace(
        glyphs(steps, others),
        portions=(*_in_its_own_face(tiny=2, dense=2, base=2, large=2), *foreign),
        rate=3e-4,
        warm_up=10,
        random_share=0.3,
        scripts_share=0.3,
        seed=11,
    )


def kinds(steps: int = 450, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: more kinds of faces, in a third of the views; Tiny, Small and Large on the memory's grid two views each."""
    reshaped = Variation()
    foreign = _in_other_faces(others, (None, reshaped, EACH), (None, reshaped, EACH_NARROW), 0.5)
    return replace(
        letters(steps, others),
        portions=(*_in_its_own_face(tiny=2, dense=2, small=2, large=2), *foreign),
        rate=4e-4,
        warm_up=20,
        seed=12,
    )


def places(steps: int = 140, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: visual tokens learn to say where they lie, for a decoder that reads them; otherwise as before."""
    before = kinds(steps, others)
    return replace(before, place_weight=0.1, rate=3e-4, warm_up=10, random_share=0.2, scripts_share=0.25, seed=13)


def firmer_places(steps: int = 120, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: where they lie counts ten times as much."""
    return replace(places(steps, others), place_weight=1.0, seed=14)


def dense(steps: int = 700, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: the dense grid at Tiny above all, 128 characters a visual token; the rest as before, one view each."""
    foreign = _in_other_faces(others, (Variation(),), (Variation(),), 0.5)
    return replace(
        firmer_places(steps, others),
        portions=(*_in_its_own_face(dense=6), *foreign),
        rate=5e-4,
        warm_up=20,
        random_share=0.25,
        seed=15,
    )


def many_faces(steps: int = 1000, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: eight of nineteen views in other faces than the memory's, each in eight of them, line by line; strays."""
    reshaped = Variation()
    foreign = _in_other_faces(others, (None, None, reshaped, EACH), (None, None, reshaped, EACH_NARROW), 0.6, 8)
    return replace(
        dense(steps, others),
        portions=(*_in_its_own_face(dense=3, small=2), *foreign),
        scripts_share=0.3,
        strays_share=0.5,
        seed=16,
    )


def small_letters(steps: int = 820, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: five views of Small on the memory's grid, most of them in other scripts, whose letters cells of 10 pixels show
    worst; the rest as before, with fewer views in other faces."""
    reshaped = Variation()
    foreign = _in_other_faces(others, (None, reshaped, EACH), (None, reshaped, EACH_NARROW), 0.6, 8)
    return replace(
        many_faces(steps, others),
        portions=(*_in_its_own_face(small=0), _other_scripts_at_small(5), *foreign),
        scripts_share=0.25,
        seed=17,
    )


def small_and_dense(steps: int = 650, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: as many such views, two of the dense grid at Tiny, and Large with more letters of other scripts."""
    own = (*_in_its_own_face(dense=2, small=0, large=0), Portion(LARGE, 1, crop=4, scripts_share=0.6))
    foreign = _in_other_faces(others, (None, EACH), (None, EACH_NARROW), 0.6, 8)
    return replace(
        small_letters(steps, others), portions=(*own, _other_scripts_at_small(5), *foreign), scripts_share=0.3, seed=18
    )


def accents(steps: int = 700, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: more pages in other letters, which have accents here and there since (training/accents.py); four of the dense
    grid at Tiny and two at Base, three of Small on the memory's grid."""
    own = (*_in_its_own_face(dense=4, small=0), Portion(BASE, 1, crop=4, grid=DENSE), _other_scripts_at_small(3))
    foreign = _in_other_faces(others, (None, EACH), (None, EACH_NARROW), 0.6, 8)
    plain = tuple(replace(portion, scripts_share=0.2) for portion in foreign)
    return replace(small_and_dense(steps, others), portions=(*own, *plain), scripts_share=0.5, seed=19)


def _other_scripts_at_small(views: int) -> Portion:
    return Portion(SMALL, views, random_share=0.15, scripts_share=0.75)


def one_face(face: str, steps: int) -> EncoderRecipe:
    """A face of one's own, from the bundled weights: every mode that shows an outline's shapes, in that face alone, mostly
    random strings, so that all of its characters come often. Not the dense grid at Tiny: 4 x 8 pixels are too few."""
    portions = (
        Portion(TINY, 1, faces=(face,)),
        Portion(SMALL, 1, faces=(face,)),
        Portion(SMALL, 1, grid=SMALL_ALIGNED, faces=(face,)),
        *(Portion(mode, 1, crop=8, grid=grid, faces=(face,)) for mode in (BASE, LARGE) for grid in ((64, 64), DENSE)),
    )
    return EncoderRecipe(
        portions,
        steps=steps,
        rate=5e-4,
        warm_up=10,
        cool_down=1.0,
        random_share=0.6,
        scripts_share=0.2,
        auxiliary_weight=0.0,
    )


ENCODER_RECIPES = {
    "crops": crops,
    "pages": pages,
    "grids": grids,
    "polish": polish,
    "settle": settle,
    "faces": faces,
    "varied": varied,
    "scripts": scripts,
    "families": families,
    "glyphs": glyphs,
    "letters": letters,
    "kinds": kinds,
    "places": places,
    "firmer_places": firmer_places,
    "dense": dense,
    "many_faces": many_faces,
    "small_letters": small_letters,
    "small_and_dense": small_and_dense,
    "accents": accents,
}
