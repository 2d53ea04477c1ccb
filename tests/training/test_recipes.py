"""The recipes that the command line offers, which it names without loading torch, are those that there are."""

from optical_memory.checkpoint import BUNDLED, Checkpoint
from optical_memory.cli import train
from optical_memory.training.decoder_recipes import DECODER_RECIPES
from optical_memory.training.encoder_recipes import ENCODER_RECIPES
from optical_memory.training.pages import taught
from optical_memory.training.reader_stage import READER_RECIPES


def test_the_command_line_offers_every_recipe() -> None:
    assert tuple(ENCODER_RECIPES) == train.ENCODER_RECIPE_NAMES
    assert tuple(DECODER_RECIPES) == train.DECODER_RECIPE_NAMES
    assert tuple(READER_RECIPES) == train.READER_RECIPE_NAMES


def test_every_recipe_since_the_first_other_faces_takes_font_files() -> None:
    for name in train._WITH_FACES:
        faces = {face for portion in ENCODER_RECIPES[name](others=("a.ttf",)).portions for face in portion.faces}
        assert faces == {"fixed", "a.ttf"}


def test_the_bundled_file_says_that_it_reads_the_pages_that_its_last_leg_showed() -> None:
    reads = Checkpoint(BUNDLED).config.typography.reads
    assert set(taught(ENCODER_RECIPES["both_grids"]().portions)) <= set(reads)
    assert ("Small", 128, 64) not in reads, "5 x 10 pixels are too few"
