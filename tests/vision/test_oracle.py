"""DeepEncoder against transformers' Unlimited-OCR, whose encoder is DeepSeek-OCR's: random weights, toy widths.

The weights travel as an official checkpoint: named by our map, read by transformers' own loader.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import UnlimitedOcrModel
from transformers.models.deepseek_ocr2.image_processing_pil_deepseek_ocr2 import get_optimal_tiled_canvas

from optical_memory.config import ClipConfig, EncoderConfig, SamConfig
from optical_memory.evaluation.encoder_speed import peer_config
from optical_memory.modes import MAX_TILES, MIN_TILES, NATIVE_MODES, PATCH, TINY, Mode, fit_tiles
from optical_memory.official import official_layout
from optical_memory.vision.encoder import DeepEncoder

TOLERANCE = 1e-5

_SAM = SamConfig(width=12, depth=2, heads=2, mlp_width=20, global_blocks=(1,), neck_width=8)
_CLIP = ClipConfig(width=16, depth=2, heads=2, mlp_width=24)
PUBLISHED_GRIDS = EncoderConfig(sam=_SAM, compressor_width=10, clip=_CLIP, width=14)
"""The published window and position tables: no mode's patch grid is whole windows, all but Base resize the tables."""

OTHER_GRIDS = EncoderConfig(
    sam=SamConfig(
        width=16, depth=3, heads=1, mlp_width=20, window=20, global_blocks=(0,), neck_width=8, position_grid=24
    ),
    compressor_width=6,
    clip=ClipConfig(width=12, depth=1, heads=3, mlp_width=24, position_grid=5),
    width=10,
)
"""Windows of 400 positions, a global block first, small tables."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Our encoder and transformers' model with the same weights."""

    ours: DeepEncoder
    oracle: UnlimitedOcrModel


def build_pair(config: EncoderConfig, folder: Path) -> Pair:
    ours = DeepEncoder(config).eval()
    randomise(ours)
    state = {f"encoder.{name}": tensor for name, tensor in ours.state_dict().items()}
    official = {name: state[place.ours].contiguous() for name, place in official_layout(state).items()}
    save_file(official, folder / "model.safetensors", metadata={"format": "pt"})
    oracle, report = UnlimitedOcrModel.from_pretrained(folder, config=peer_config(config), output_loading_info=True)
    assert all("language_model" in name for name in report["missing_keys"]), report
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]
    return Pair(ours, oracle.eval())


@torch.no_grad()
def randomise(module: nn.Module) -> None:
    """Every parameter away from zero and from its start, visual tokens of about one."""
    torch.manual_seed(0)
    for name, parameter in module.named_parameters():
        parameter.normal_()
        if name.endswith("weight") and parameter.ndim == 1:
            parameter.mul_(0.3).add_(1.0)
        elif name.endswith("weight"):
            parameter.mul_(0.7 * parameter[0].numel() ** -0.5)
        else:
            parameter.mul_(0.3)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return build_pair(PUBLISHED_GRIDS, tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return build_pair(OTHER_GRIDS, tmp_path_factory.mktemp("other"))


def views(count: int, height: int, width: int) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(height + width)) * 2 - 1


@torch.no_grad()
def largest_difference(pair: Pair, pixels: Tensor) -> float:
    theirs = pair.oracle.multi_modal_projector(pair.oracle.vision_tower(pixels).last_hidden_state)
    ours = pair.ours(pixels)
    assert ours.shape == theirs.shape
    assert theirs.std() > 0.1
    return float((ours - theirs).abs().max())


@pytest.mark.parametrize("side", [mode.side for mode in NATIVE_MODES])
def test_every_mode_gives_the_oracles_visual_tokens(published: Pair, side: int) -> None:
    assert (side // PATCH) % PUBLISHED_GRIDS.sam.window
    assert largest_difference(published, views(1, side, side)) <= TOLERANCE


@pytest.mark.parametrize(("height", "width"), [(256, 256), (192, 192), (128, 448), (448, 320)])
def test_small_and_oblong_views_too(published: Pair, height: int, width: int) -> None:
    """Global blocks of at most 256 positions take the mask, larger ones go head by head; 12 patches are less than one window."""
    assert largest_difference(published, views(2, height, width)) <= TOLERANCE


def test_with_gradients_too(published: Pair) -> None:
    """Then large global blocks take the mask, some rows of it at a time."""
    pixels = views(1, 448, 320)
    with torch.no_grad():
        expected = published.ours(pixels)
    assert (published.ours(pixels) - expected).abs().max() <= TOLERANCE


@pytest.mark.parametrize("side", [256, 512, 640])
def test_other_tables_and_large_windows_too(other: Pair, side: int) -> None:
    assert largest_difference(other, views(2, side, side)) <= TOLERANCE


@pytest.mark.parametrize("side", [256, 512])
@torch.no_grad()
def test_the_comparison_feels_every_parameter(published: Pair, side: int) -> None:
    """Otherwise a part that is wrong could pass; newline and separator come after the visual tokens."""
    pixels = views(1, side, side)
    before = published.ours(pixels)
    for name, parameter in published.ours.named_parameters():
        if name not in ("newline", "separator"):
            kept = parameter.clone()
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
            moved = (published.ours(pixels) - before).abs().max()
            parameter.copy_(kept)
            assert moved > 100 * TOLERANCE, name


@torch.no_grad()
def test_the_sequence_of_a_single_view_is_the_oracles(published: Pair) -> None:
    pixels = views(1, 512, 512)
    theirs = published.oracle.get_image_features(pixels).pooler_output
    ours = published.ours.sequence(published.ours(pixels)[0])
    assert len(theirs) == 1
    assert ours.shape == theirs[0].shape == (TINY.sequence_length(), PUBLISHED_GRIDS.width)
    assert (ours - theirs[0]).abs().max() <= TOLERANCE


@torch.no_grad()
def test_the_sequence_of_a_tiled_page_is_the_oracles(published: Pair) -> None:
    whole, cuts, tiles = views(1, 256, 256), views(6, 192, 192), (3, 2)
    theirs = published.oracle.get_image_features(
        whole, pixel_values_local=cuts, num_local_patches=[6], patches_grid=[list(tiles)]
    ).pooler_output
    ours = published.ours.sequence(published.ours(whole)[0], published.ours(cuts), tiles)
    assert ours.shape == theirs[0].shape == (Mode("toy", 256, 192).sequence_length(tiles), PUBLISHED_GRIDS.width)
    assert (ours - theirs[0]).abs().max() <= TOLERANCE


@pytest.mark.parametrize("side", [256, 640])
@torch.no_grad()
def test_a_batch_equals_its_views_one_by_one(published: Pair, side: int) -> None:
    pixels = views(3, side, side)
    together = published.ours(pixels)
    for index in range(3):
        assert (together[index] - published.ours(pixels[index : index + 1])[0]).abs().max() <= TOLERANCE
    assert (together[0] - together[1]).abs().max() > 100 * TOLERANCE


@pytest.mark.parametrize("tile_side", [640, 1024])
def test_tiles_are_the_oracles(tile_side: int) -> None:
    """All sizes on a lattice of 40 pixels: exact ratios, ties of ratio with small and large areas, slivers."""
    found = set()
    for width in range(40, 3_200, 40):
        for height in range(40, 3_200, 40):
            expected = (0, 0)
            if max(width, height) > tile_side:
                expected = get_optimal_tiled_canvas((height, width), (tile_side, tile_side), MIN_TILES, MAX_TILES)
            assert fit_tiles(width, height, tile_side) == expected, (width, height)
            found.add(expected)
    assert len(found) == 1 + 22  # no tiles, and every grid of 2 to 9


@pytest.mark.slow
@torch.no_grad()
def test_official_width_in_bfloat16(tmp_path: Path) -> None:
    """Tiny at the published sizes. Tolerance: .15 where visual tokens deviate by about 1; both round to 8 bits in every layer,
    at different places, so they are compared with float32 too, which neither may miss by more than the other does twice."""
    pair = build_pair(EncoderConfig(), tmp_path)
    pixels = views(1, 512, 512)
    exact = pair.ours(pixels)
    theirs_exact = pair.oracle.multi_modal_projector(pair.oracle.vision_tower(pixels).last_hidden_state)
    assert (exact - theirs_exact).abs().max() <= 1e-4
    ours, oracle, rounded = pair.ours.bfloat16(), pair.oracle.bfloat16(), pixels.bfloat16()
    mine = ours(rounded).float()
    theirs = oracle.multi_modal_projector(oracle.vision_tower(rounded).last_hidden_state).float()
    print((mine - theirs).abs().max(), (mine - exact).abs().mean(), (theirs - exact).abs().mean(), exact.std())
    assert (mine - theirs).abs().max() <= 0.15
    assert (mine - exact).abs().mean() <= 2 * (theirs - exact).abs().mean()
