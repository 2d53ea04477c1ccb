"""Recipes of stage 1, encoder and readout: functions that return everything it needs to know, so that one command repeats a run."""

from dataclasses import dataclass, replace

from optical_memory.modes import BASE, LARGE, SMALL, TINY
from optical_memory.training.pages import Portion
from optical_memory.training.portions import (
    DENSE,
    EACH,
    EACH_NARROW,
    SMALL_ALIGNED,
    in_its_own_face,
    in_other_faces,
    other_scripts_at_large,
    other_scripts_at_small,
    with_reshaped_faces,
)
from optical_memory.training.recipe import Recipe
from optical_memory.training.variation import Variation
from optical_memory.training.wear import Wear


@dataclass(frozen=True, slots=True)
class EncoderRecipe(Recipe):
    """Stage 1: DeepEncoder and readout."""

    portions: tuple[Portion, ...]
    scripts_share: float = 0.0
    strays_share: float = 0.0
    returns_share: float = 0.0
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


def varied(steps: int = 1600, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: the same faces in other shapes, on both grids; Large on the dense grid again."""
    portions = with_reshaped_faces(others, tiny=1, dense=2, large=1, dense_large=2)
    return EncoderRecipe(portions, steps=steps, rate=5e-4, warm_up=50, cool_down=0.7, random_share=0.25, seed=7)


def scripts(steps: int = 1500, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: a third of the pages in other letters than plain Latin, in the modes of the memory; faces as before."""
    portions = with_reshaped_faces(others, tiny=2, dense=1, large=2, dense_large=1)
    return EncoderRecipe(
        portions, steps=steps, rate=5e-4, warm_up=50, cool_down=0.8, random_share=0.2, scripts_share=0.35, seed=8
    )


def families(steps: int = 1200, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: more batches in other faces, each in one of its own, for as many as there are; one view each of the rest."""
    reshaped = Variation()
    foreign = in_other_faces(others, (None, reshaped, reshaped), (None, reshaped, reshaped))
    worn = Portion(BASE, 1, crop=5, faces=("fixed", *others), variation=reshaped, wear=Wear())
    return EncoderRecipe(
        (*in_its_own_face(dense_large=0), *foreign, worn),
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
    foreign = in_other_faces(others, (None, reshaped, each, each, each), (None, reshaped, each_narrow), 0.65)
    worn = before.portions[-1]
    return replace(before, portions=(*in_its_own_face(), *foreign, worn), warm_up=20, cool_down=1.0, seed=10)


def letters(steps: int = 150, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """Last, briefly: the face of the memory above all; on half of the pages other scripts or random strings."""
    foreign = in_other_faces(others, (Variation(across=2.0),), (Variation(across=1.0),), 0.65)
    return replace(
        glyphs(steps, others),
        portions=(*in_its_own_face(tiny=2, dense=2, base=2, large=2), *foreign),
        rate=3e-4,
        warm_up=10,
        random_share=0.3,
        scripts_share=0.3,
        seed=11,
    )


def kinds(steps: int = 450, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: more kinds of faces, in a third of the views; Tiny, Small and Large on the memory's grid two views each."""
    reshaped = Variation()
    foreign = in_other_faces(others, (None, reshaped, EACH), (None, reshaped, EACH_NARROW), 0.5)
    return replace(
        letters(steps, others),
        portions=(*in_its_own_face(tiny=2, dense=2, small=2, large=2), *foreign),
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
    foreign = in_other_faces(others, (Variation(),), (Variation(),), 0.5)
    return replace(
        firmer_places(steps, others),
        portions=(*in_its_own_face(dense=6), *foreign),
        rate=5e-4,
        warm_up=20,
        random_share=0.25,
        seed=15,
    )


def many_faces(steps: int = 1000, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: eight of nineteen views in other faces than the memory's, each in eight of them, line by line; strays."""
    reshaped = Variation()
    foreign = in_other_faces(others, (None, None, reshaped, EACH), (None, None, reshaped, EACH_NARROW), 0.6, 8)
    return replace(
        dense(steps, others),
        portions=(*in_its_own_face(dense=3, small=2), *foreign),
        scripts_share=0.3,
        strays_share=0.5,
        seed=16,
    )


def small_letters(steps: int = 820, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: five views of Small on the memory's grid, most of them in other scripts, whose letters cells of 10 pixels show
    worst; the rest as before, with fewer views in other faces."""
    reshaped = Variation()
    foreign = in_other_faces(others, (None, reshaped, EACH), (None, reshaped, EACH_NARROW), 0.6, 8)
    return replace(
        many_faces(steps, others),
        portions=(*in_its_own_face(small=0), other_scripts_at_small(5), *foreign),
        scripts_share=0.25,
        seed=17,
    )


def small_and_dense(steps: int = 650, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: as many such views, two of the dense grid at Tiny, and Large with more letters of other scripts."""
    own = (*in_its_own_face(dense=2, small=0, large=0), Portion(LARGE, 1, crop=4, scripts_share=0.6))
    foreign = in_other_faces(others, (None, EACH), (None, EACH_NARROW), 0.6, 8)
    return replace(
        small_letters(steps, others), portions=(*own, other_scripts_at_small(5), *foreign), scripts_share=0.3, seed=18
    )


def accents(steps: int = 700, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: more pages in other letters, which have accents here and there since (training/accents.py); four of the dense
    grid at Tiny and two at Base, three of Small on the memory's grid."""
    own = (*in_its_own_face(dense=4, small=0), Portion(BASE, 1, crop=4, grid=DENSE), other_scripts_at_small(3))
    foreign = in_other_faces(others, (None, EACH), (None, EACH_NARROW), 0.6, 8, scripts_share=0.2)
    return replace(small_and_dense(steps, others), portions=(*own, *foreign), scripts_share=0.5, seed=19)


def unaligned(steps: int = 400, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: where cells do not divide patches, Small and Large on the memory's grid, most of them in other letters."""
    own = (*in_its_own_face(dense=2, small=0, large=0), other_scripts_at_large(2), other_scripts_at_small(4))
    foreign = in_other_faces(others, (None,), (None,), 0.6, 8, scripts_share=0.2)
    return replace(
        accents(steps, others),
        portions=(*own, *foreign),
        rate=4e-4,
        cool_down=1.0,
        seed=20,
    )


def both_grids(steps: int = 1000, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: the dense grid at Large, whose cells no patch holds whole, most of it in other letters; three pages of that grid
    at Tiny and four of Small beside it."""
    own = (
        *in_its_own_face(dense=3, small=0, large=0, dense_large=0),
        other_scripts_at_large(1),
        other_scripts_at_large(3, DENSE),
        other_scripts_at_small(4),
    )
    foreign = in_other_faces(others, (None,), (None,), 0.6, 8, scripts_share=0.2)
    return replace(unaligned(steps, others), portions=(*own, *foreign), seed=21)


def faces_again(steps: int = 1000, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: more views in other faces again, each in eight of them, beside Large on the dense grid in other letters."""
    reshaped = Variation()
    own = (
        *in_its_own_face(dense=2, small=0, large=0, dense_large=0),
        other_scripts_at_large(1),
        other_scripts_at_large(3, DENSE),
        other_scripts_at_small(3),
    )
    foreign = in_other_faces(others, (None, reshaped, EACH), (None, reshaped, EACH_NARROW), 0.6, 8, scripts_share=0.2)
    return replace(both_grids(steps, others), portions=(*own, *foreign), seed=22)


def frequent_accents(steps: int = 300, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that, briefly: four views of Large on the dense grid; accents are drawn as often as languages have them since."""
    own = (
        *in_its_own_face(dense=2, small=0, large=0, dense_large=0),
        other_scripts_at_large(1),
        other_scripts_at_large(4, DENSE),
        other_scripts_at_small(2),
    )
    foreign = in_other_faces(others, (None,), (None,), 0.6, 8, scripts_share=0.2)
    return replace(faces_again(steps, others), portions=(*own, *foreign), warm_up=10, seed=23)


def more_accents(steps: int = 1000, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: the same for longer, since `training/accents.py` puts more accents on a page."""
    return replace(frequent_accents(steps, others), seed=24)


def accents_at_small(steps: int = 850, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: one more page of Small in other letters, whose cells of 10 pixels read worst now."""
    before = more_accents(steps, others)
    return replace(before, portions=(*before.portions, other_scripts_at_small(1)), seed=25)


def dotless(steps: int = 270, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that, briefly: ı is a form of i since, some lines end in returns; a cut of Base on the dense grid in other letters."""
    before = replace(accents_at_small(steps, others), returns_share=0.08, seed=26)
    return replace(before, portions=(*before.portions, Portion(BASE, 1, crop=4, grid=DENSE, scripts_share=0.8)))


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
    "unaligned": unaligned,
    "both_grids": both_grids,
    "faces_again": faces_again,
    "frequent_accents": frequent_accents,
    "more_accents": more_accents,
    "accents_at_small": accents_at_small,
    "dotless": dotless,
}
