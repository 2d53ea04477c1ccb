"""The recipes by which an encoder and a readout that know nothing come to read pages, in the order in which they follow."""

from dataclasses import replace

from optical_memory.modes import BASE, LARGE, SMALL, TINY
from optical_memory.training.encoder_recipe import EncoderRecipe
from optical_memory.training.pages import Portion
from optical_memory.training.portions import (
    DENSE,
    EACH,
    EACH_NARROW,
    SMALL_ALIGNED,
    in_its_own_face,
    in_other_faces,
    with_reshaped_faces,
)
from optical_memory.training.variation import Variation
from optical_memory.training.wear import Wear


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
