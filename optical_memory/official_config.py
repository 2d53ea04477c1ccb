"""config.json of the official checkpoints, at the door: checked field by field, and our sizes from it."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from optical_memory.config import READABLE, ClipConfig, DecoderConfig, EncoderConfig, ModelConfig, SamConfig
from optical_memory.errors import CheckpointError
from optical_memory.modes import PATCH

IMAGE_TOKEN = 128_815
"""`<image>` in DeepSeek-OCR's vocabulary; the published config.json leaves it out."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Sam(_Part):
    width: PositiveInt
    layers: PositiveInt
    heads: PositiveInt
    global_attn_indexes: list[NonNegativeInt]
    downsample_channels: list[PositiveInt] = Field(min_length=2, max_length=2)


class _Clip(_Part):
    width: PositiveInt
    layers: PositiveInt
    heads: PositiveInt
    image_size: PositiveInt
    patch_size: PositiveInt


class _Towers(_Part):
    sam: _Sam = Field(alias="sam_vit_b")
    clip: _Clip = Field(alias="clip-l-14-224")


class _Vision(_Part):
    image_size: PositiveInt
    width: _Towers


class _Projector(_Part):
    projector_type: Literal["linear"]
    input_dim: PositiveInt
    n_embed: PositiveInt


class _Language(_Part):
    vocab_size: PositiveInt
    hidden_size: PositiveInt
    num_hidden_layers: PositiveInt
    num_attention_heads: PositiveInt
    num_key_value_heads: PositiveInt
    intermediate_size: PositiveInt
    n_routed_experts: PositiveInt
    num_experts_per_tok: PositiveInt
    n_shared_experts: PositiveInt
    moe_intermediate_size: PositiveInt
    first_k_dense_replace: NonNegativeInt
    max_position_embeddings: PositiveInt
    bos_token_id: NonNegativeInt
    eos_token_id: NonNegativeInt
    use_mla: Literal[False]
    topk_method: Literal["greedy"]
    # The published file leaves these out, and the published code then takes these values. Our decoder has no others.
    moe_layer_freq: Literal[1] = 1
    scoring_func: Literal["softmax"] = "softmax"
    norm_topk_prob: Literal[False] = False
    routed_scaling_factor: float = Field(1.0, ge=1.0, le=1.0)
    hidden_act: Literal["silu"] = "silu"
    rms_norm_eps: float = Field(1e-6, ge=1e-6, le=1e-6)
    rope_theta: float = Field(10_000.0, ge=10_000.0, le=10_000.0)
    rope_scaling: None = None
    attention_bias: Literal[False] = False
    tie_word_embeddings: Literal[False] = False


class _Official(_Part):
    vision_config: _Vision
    projector_config: _Projector
    language_config: _Language
    sliding_window: PositiveInt | None = None
    image_token_id: NonNegativeInt = IMAGE_TOKEN


def config_from_official(config: Mapping[str, object]) -> ModelConfig:
    """The sizes in the official config.json, of DeepSeek-OCR or of its relative Unlimited-OCR, as published or as transformers
    writes it. Raises CheckpointError that names each field our model cannot follow.

    What the published code fixes is fixed here too: SAM's window and neck, and feed-forward parts four times as wide as
    their tower (the file's `mlp_ratio` of 3.7362 belongs to another encoder and is not read).
    """
    if config.get("model_type") == "unlimited_ocr" and "text_config" in config:
        config = as_published(config)
    try:
        official = _Official.model_validate(config)
    except ValidationError as error:
        raise CheckpointError("config.json does not fit: " + "; ".join(map(_describe, error.errors()))) from None
    language, projector = official.language_config, official.projector_config
    sam, clip = official.vision_config.width.sam, official.vision_config.width.clip
    for field, came, expected in (
        ("language_config.num_key_value_heads", language.num_key_value_heads, language.num_attention_heads),
        ("projector_config.input_dim", projector.input_dim, 2 * clip.width),
        ("projector_config.n_embed", projector.n_embed, language.hidden_size),
        ("vision_config.width.sam_vit_b.downsample_channels.1", sam.downsample_channels[1], clip.width),
    ):
        if came != expected:
            raise CheckpointError(f"config.json does not fit: {field} is {came}, the other fields ask for {expected}")
    encoder = EncoderConfig(
        sam=SamConfig(
            width=sam.width,
            depth=sam.layers,
            heads=sam.heads,
            mlp_width=4 * sam.width,
            global_blocks=tuple(sam.global_attn_indexes),
            position_grid=official.vision_config.image_size // PATCH,
        ),
        compressor_width=sam.downsample_channels[0],
        clip=ClipConfig(
            width=clip.width,
            depth=clip.layers,
            heads=clip.heads,
            mlp_width=4 * clip.width,
            position_grid=clip.image_size // clip.patch_size,
        ),
        width=projector.n_embed,
    )
    decoder = DecoderConfig(
        vocab_size=language.vocab_size,
        width=language.hidden_size,
        depth=language.num_hidden_layers,
        heads=language.num_attention_heads,
        mlp_width=language.intermediate_size,
        num_experts=language.n_routed_experts,
        num_active_experts=language.num_experts_per_tok,
        num_shared_experts=language.n_shared_experts,
        expert_width=language.moe_intermediate_size,
        num_dense_layers=language.first_k_dense_replace,
        max_positions=language.max_position_embeddings,
        bos_token=language.bos_token_id,
        eos_token=language.eos_token_id,
        image_token=official.image_token_id,
        reference_window=official.sliding_window,
    )
    name = "deepseek-ocr" if official.sliding_window is None else "unlimited-ocr"
    return ModelConfig(name, encoder, decoder=decoder, typography=READABLE)


def as_published(config: Mapping[str, Any]) -> dict[str, object]:
    """transformers' `UnlimitedOcrConfig`, as JSON, in the fields of the published file."""
    vision, text = config.get("vision_config") or {}, dict(config.get("text_config") or {})
    sam, clip = vision.get("sam_config") or {}, vision.get("encoder_config") or {}
    layers = text.get("mlp_layer_types") or []
    dense = layers.index("sparse") if "sparse" in layers else len(layers)
    full_attention = "full_attention" in (text.get("layer_types") or [])
    rope = text.get("rope_parameters") or {}
    return {
        "vision_config": {
            "image_size": sam.get("image_size"),
            "width": {
                "sam_vit_b": {
                    "width": sam.get("hidden_size"),
                    "layers": sam.get("num_hidden_layers"),
                    "heads": sam.get("num_attention_heads"),
                    "global_attn_indexes": list(sam.get("global_attn_indexes") or ()),
                    "downsample_channels": list(sam.get("downsample_channels") or ()),
                },
                "clip-l-14-224": {
                    "width": clip.get("hidden_size"),
                    "layers": clip.get("num_hidden_layers"),
                    "heads": clip.get("num_attention_heads"),
                    "image_size": clip.get("image_size"),
                    "patch_size": clip.get("patch_size"),
                },
            },
        },
        "projector_config": {
            "projector_type": "linear",
            "input_dim": 2 * (clip.get("hidden_size") or 0),
            "n_embed": text.get("hidden_size"),
        },
        "language_config": text
        | {"first_k_dense_replace": dense, "use_mla": False, "rope_theta": float(rope.get("rope_theta", 10_000.0))},
        "sliding_window": None if full_attention else text.get("sliding_window"),
        "image_token_id": config.get("image_token_id", IMAGE_TOKEN),
    }


def _describe(error: Mapping[str, object]) -> str:
    location, missing = error["loc"], error["type"] == "missing"
    field = ".".join(map(str, location)) if isinstance(location, tuple) else str(location)
    return f"{field} is missing" if missing else f"{field} is {error['input']!r}: {error['msg']}"
