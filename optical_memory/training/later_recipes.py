"""The recipes by which the encoder and readout that read pages came to read the dense grid, other faces and other letters."""

from dataclasses import replace

from optical_memory.config import SIGNS
from optical_memory.modes import BASE, LARGE
from optical_memory.training.encoder_recipe import EncoderRecipe
from optical_memory.training.first_recipes import firmer_places
from optical_memory.training.pages import Portion
from optical_memory.training.portions import (
    DENSE,
    EACH,
    EACH_NARROW,
    in_its_own_face,
    in_other_faces,
    other_scripts_at_large,
    other_scripts_at_small,
)
from optical_memory.training.variation import Variation


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


def signs(steps: int = 1000, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: the characters of `config.SIGNS`, which its alphabet had but for the last four."""
    return replace(dotless(steps, others), strays_share=0.6, seed=27)


def more_signs(steps: int = 1300, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: the same for longer, as many of `config.SIGNS`, all in its alphabet, as of all other strays."""
    return replace(signs(steps, others), newest=SIGNS, seed=28)


def signs_at_large(steps: int = 900, others: tuple[str, ...] = ("dejavu",)) -> EncoderRecipe:
    """After that: one large cut more of Large on the dense grid, where the signs read worst."""
    before = more_signs(steps, others)
    return replace(before, portions=(*before.portions, other_scripts_at_large(1, DENSE)), seed=29)
