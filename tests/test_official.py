"""The official checkpoint's names and sizes: every tensor has one place with us, both ways, and transformers agrees."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers.models.unlimited_ocr.configuration_unlimited_ocr import UnlimitedOcrTextConfig
from transformers.models.unlimited_ocr.modeling_unlimited_ocr import UnlimitedOcrTextModel

from optical_memory.config import ClipConfig, EncoderConfig, ModelConfig, SamConfig, deepseek_ocr, tiny_random
from optical_memory.errors import CheckpointError
from optical_memory.language.decoder import Decoder, text_config
from optical_memory.official import IGNORED, OFFICIAL_TO_OURS, official_layout, our_name
from optical_memory.official_config import config_from_official
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import Readout

Shapes = dict[str, tuple[int, ...]]

OFFICIAL_CONFIG: dict[str, Any] = {
    "model_type": "deepseek_vl_v2",
    "vision_config": {
        "image_size": 1024,
        "mlp_ratio": 3.7362,
        "width": {
            "clip-l-14-224": {"heads": 16, "image_size": 224, "layers": 24, "patch_size": 14, "width": 1024},
            "sam_vit_b": {
                "downsample_channels": [512, 1024],
                "global_attn_indexes": [2, 5, 8, 11],
                "heads": 12,
                "layers": 12,
                "width": 768,
            },
        },
    },
    "projector_config": {"input_dim": 2048, "n_embed": 1280, "projector_type": "linear"},
    "language_config": {
        "bos_token_id": 0,
        "eos_token_id": 1,
        "first_k_dense_replace": 1,
        "hidden_size": 1280,
        "intermediate_size": 6848,
        "max_position_embeddings": 8192,
        "moe_intermediate_size": 896,
        "n_group": 1,
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "num_attention_heads": 10,
        "num_experts_per_tok": 6,
        "num_hidden_layers": 12,
        "num_key_value_heads": 10,
        "topk_method": "greedy",
        "use_mla": False,
        "vocab_size": 129280,
    },
}
"""What the published file says, less what no reader needs."""


def official_shapes() -> Shapes:
    """The published file's 2,710 tensors, from the architecture's numbers alone."""
    return {**_sam_shapes(), **_clip_shapes(), **_bridge_shapes(), **_language_shapes()}


def _sam_shapes() -> Shapes:
    sam = "model.sam_model."
    shapes: Shapes = {
        sam + "patch_embed.proj.weight": (768, 3, 16, 16),
        sam + "patch_embed.proj.bias": (768,),
        sam + "pos_embed": (1, 64, 64, 768),
        sam + "neck.0.weight": (256, 768, 1, 1),
        sam + "neck.1.weight": (256,),
        sam + "neck.1.bias": (256,),
        sam + "neck.2.weight": (256, 256, 3, 3),
        sam + "neck.3.weight": (256,),
        sam + "neck.3.bias": (256,),
        sam + "net_2.weight": (512, 256, 3, 3),
        sam + "net_3.weight": (1024, 512, 3, 3),
    }
    for layer in range(12):
        block = f"{sam}blocks.{layer}."
        for norm in ("norm1", "norm2"):
            shapes |= {f"{block}{norm}.weight": (768,), f"{block}{norm}.bias": (768,)}
        for name, rows, columns in (
            ("attn.qkv", 2304, 768),
            ("attn.proj", 768, 768),
            ("mlp.lin1", 3072, 768),
            ("mlp.lin2", 768, 3072),
        ):
            shapes |= {f"{block}{name}.weight": (rows, columns), f"{block}{name}.bias": (rows,)}
        distances = 127 if layer in (2, 5, 8, 11) else 27
        shapes |= {block + "attn.rel_pos_h": (distances, 64), block + "attn.rel_pos_w": (distances, 64)}
    return shapes


def _clip_shapes() -> Shapes:
    clip = "model.vision_model."
    shapes: Shapes = {
        clip + "embeddings.class_embedding": (1024,),
        clip + "embeddings.patch_embedding.weight": (1024, 3, 14, 14),
        clip + "embeddings.position_embedding.weight": (257, 1024),
        clip + "pre_layrnorm.weight": (1024,),
        clip + "pre_layrnorm.bias": (1024,),
    }
    for layer in range(24):
        block = f"{clip}transformer.layers.{layer}."
        for norm in ("layer_norm1", "layer_norm2"):
            shapes |= {f"{block}{norm}.weight": (1024,), f"{block}{norm}.bias": (1024,)}
        for name, rows, columns in (
            ("self_attn.qkv_proj", 3072, 1024),
            ("self_attn.out_proj", 1024, 1024),
            ("mlp.fc1", 4096, 1024),
            ("mlp.fc2", 1024, 4096),
        ):
            shapes |= {f"{block}{name}.weight": (rows, columns), f"{block}{name}.bias": (rows,)}
    return shapes


def _bridge_shapes() -> Shapes:
    return {
        "model.projector.layers.weight": (1280, 2048),
        "model.projector.layers.bias": (1280,),
        "model.image_newline": (1280,),
        "model.view_seperator": (1280,),
    }


def _language_shapes() -> Shapes:
    shapes: Shapes = {
        "model.embed_tokens.weight": (129280, 1280),
        "model.norm.weight": (1280,),
        "lm_head.weight": (129280, 1280),
    }
    for layer in range(12):
        block = f"model.layers.{layer}."
        shapes |= {block + "input_layernorm.weight": (1280,), block + "post_attention_layernorm.weight": (1280,)}
        shapes |= {f"{block}self_attn.{part}_proj.weight": (1280, 1280) for part in "qkvo"}
        if layer == 0:
            widths = {"mlp": 6848}
        else:
            shapes[block + "mlp.gate.weight"] = (64, 1280)
            widths = {"mlp.shared_experts": 2 * 896} | {f"mlp.experts.{expert}": 896 for expert in range(64)}
        for part, width in widths.items():
            shapes |= {f"{block}{part}.{gate}_proj.weight": (width, 1280) for gate in ("gate", "up")}
            shapes[f"{block}{part}.down_proj.weight"] = (1280, width)
    return shapes


def our_state(config: ModelConfig, device: str) -> dict[str, Tensor]:
    """The state dict of encoder and decoder, every element random on a real device."""
    assert config.decoder is not None
    with torch.device(device):
        parts = {"encoder.": DeepEncoder(config.encoder), "decoder.": Decoder(text_config(config.decoder))}
    return {
        prefix + name: tensor.normal_() for prefix, part in parts.items() for name, tensor in part.state_dict().items()
    }


@pytest.fixture(scope="module")
def full() -> dict[str, Tensor]:
    return our_state(deepseek_ocr(), "meta")


@pytest.fixture(scope="module")
def toy() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return our_state(tiny_random(), "cpu")


def test_the_independent_list_has_the_published_totals() -> None:
    shapes = official_shapes()
    assert len(shapes) == 2710
    assert sum(map(math.prod, shapes.values())) == 3_336_106_240


def test_every_official_tensor_has_one_place_of_its_shape(full: dict[str, Tensor]) -> None:
    layout = official_layout(full)
    ours = {name: tuple(place.of(full[place.ours]).shape) for name, place in layout.items()}
    theirs = official_shapes()
    for name in IGNORED:
        del theirs[name]
    assert ours == theirs


def test_every_element_of_ours_is_covered_once(full: dict[str, Tensor]) -> None:
    places = list(official_layout(full).values())
    assert len(set(places)) == len(places)
    covered = dict.fromkeys(full, 0)
    for place in places:
        covered[place.ours] += place.of(full[place.ours]).numel()
    assert covered == {name: tensor.numel() for name, tensor in full.items()}


def test_both_directions_name_the_same_tensor(full: dict[str, Tensor]) -> None:
    layout = official_layout(full)
    assert {name: our_name(name) for name in layout} == {name: place.ours for name, place in layout.items()}


def test_each_line_of_the_map_is_used_and_none_overlap() -> None:
    for rule in OFFICIAL_TO_OURS:
        others = tuple(other for other in OFFICIAL_TO_OURS if other is not rule)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("optical_memory.official.OFFICIAL_TO_OURS", (rule,))
            mine = {name for name in official_shapes() if _has_place(name)}
            patch.setattr("optical_memory.official.OFFICIAL_TO_OURS", others)
            assert mine
            assert not [name for name in mine if _has_place(name)]


def _has_place(official: str) -> bool:
    try:
        our_name(official)
    except CheckpointError:
        return False
    return True


@pytest.mark.parametrize("name", [*IGNORED, "model.qwen2_model.query_768.weight", "model.layers.0.mlp.gate", ""])
def test_a_name_without_a_place_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match="no place"):
        our_name(name)


def test_the_readout_cannot_be_written_in_the_official_layout() -> None:
    config = tiny_random()
    assert config.readout is not None
    readout = Readout(config.readout, config.encoder.width)
    with pytest.raises(CheckpointError, match=r"readout\.unfold\.weight"):
        official_layout({f"readout.{name}": tensor for name, tensor in readout.state_dict().items()})


def test_what_is_written_officially_loads_back_bit_for_bit(toy: dict[str, Tensor]) -> None:
    layout = official_layout(toy)
    written = {name: place.of(toy[place.ours]).clone() for name, place in layout.items()}
    loaded = {name: torch.full_like(tensor, torch.nan) for name, tensor in toy.items()}
    for name, place in layout.items():
        place.of(loaded[place.ours]).copy_(written[name])
    for name, tensor in toy.items():
        assert torch.equal(loaded[name], tensor), name


def test_transformers_reads_the_official_names_as_the_same_decoder(toy: dict[str, Tensor], tmp_path: Path) -> None:
    decoder = {name: tensor for name, tensor in toy.items() if name.startswith("decoder.model.")}
    written = {name: place.of(toy[place.ours]).contiguous() for name, place in official_layout(decoder).items()}
    save_file(written, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = tiny_random().decoder
    assert config is not None
    sizes = UnlimitedOcrTextConfig.from_dict(text_config(config).to_dict())
    oracle, report = UnlimitedOcrTextModel.from_pretrained(tmp_path, config=sizes, output_loading_info=True)
    assert not any(report.values()), report
    assert oracle.state_dict().keys() == {name.removeprefix("decoder.model.") for name in decoder}
    for name, tensor in oracle.state_dict().items():
        assert torch.equal(tensor, decoder[f"decoder.model.{name}"]), name


def test_the_published_config_is_the_architecture_we_know() -> None:
    assert config_from_official(OFFICIAL_CONFIG) == deepseek_ocr()


def test_every_size_is_read_from_the_file() -> None:
    config = copy.deepcopy(OFFICIAL_CONFIG)
    config["vision_config"]["image_size"] = 512
    config["vision_config"]["width"]["clip-l-14-224"] |= {"heads": 2, "layers": 3, "width": 32, "image_size": 112}
    config["vision_config"]["width"]["sam_vit_b"] = {
        "width": 24,
        "heads": 3,
        "layers": 4,
        "global_attn_indexes": [1, 3],
        "downsample_channels": [20, 32],
    }
    config["projector_config"] |= {"input_dim": 64, "n_embed": 40}
    numbers = dict(zip(_LANGUAGE_SIZES, range(101, 101 + len(_LANGUAGE_SIZES)), strict=True))
    config["language_config"] |= numbers | {"hidden_size": 40, "num_attention_heads": 5, "num_key_value_heads": 5}
    read = config_from_official(config)
    assert read.encoder == EncoderConfig(
        sam=SamConfig(width=24, depth=4, heads=3, mlp_width=96, global_blocks=(1, 3), position_grid=32),
        compressor_width=20,
        clip=ClipConfig(width=32, depth=3, heads=2, mlp_width=128, position_grid=8),
        width=40,
    )
    assert read.decoder is not None
    assert (read.decoder.width, read.decoder.heads) == (40, 5)
    assert {theirs: getattr(read.decoder, ours) for theirs, ours in _LANGUAGE_SIZES.items()} == numbers


_LANGUAGE_SIZES = {
    "vocab_size": "vocab_size",
    "num_hidden_layers": "depth",
    "intermediate_size": "mlp_width",
    "n_routed_experts": "num_experts",
    "num_experts_per_tok": "num_active_experts",
    "n_shared_experts": "num_shared_experts",
    "moe_intermediate_size": "expert_width",
    "first_k_dense_replace": "num_dense_layers",
    "max_position_embeddings": "max_positions",
    "bos_token_id": "bos_token",
    "eos_token_id": "eos_token",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("language_config.use_mla", True),
        ("language_config.topk_method", "group_limited_greedy"),
        ("language_config.norm_topk_prob", True),
        ("language_config.rope_theta", 50_000.0),
        ("language_config.hidden_size", "1280"),
        ("language_config.num_hidden_layers", 0),
        ("language_config.num_key_value_heads", 2),
        ("projector_config.projector_type", "mlp_gelu"),
        ("projector_config.input_dim", 1024),
        ("projector_config.n_embed", 1024),
        ("vision_config.width.sam_vit_b.downsample_channels", [512]),
        ("vision_config.width.clip-l-14-224", None),
        ("sliding_window", 0),
    ],
)
def test_a_field_that_does_not_fit_is_named(field: str, value: object) -> None:
    config = copy.deepcopy(OFFICIAL_CONFIG)
    *parents, last = field.split(".")
    part = config
    for parent in parents:
        part = part[parent]
    part[last] = value
    with pytest.raises(CheckpointError) as caught:
        config_from_official(config)
    assert f"{field} is {value!r}" in str(caught.value)


def test_a_field_that_is_missing_is_named() -> None:
    config = copy.deepcopy(OFFICIAL_CONFIG)
    del config["language_config"]["use_mla"], config["vision_config"]["image_size"]
    with pytest.raises(CheckpointError) as caught:
        config_from_official(config)
    assert "vision_config.image_size is missing; language_config.use_mla is missing" in str(caught.value)
