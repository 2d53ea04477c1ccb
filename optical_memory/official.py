"""DeepSeek-OCR's published checkpoint and ours: one table of names read both ways, and its config.json.

Loading and saving are the same walk over `official_layout(state)`: copy the file's tensor into `placement.of(ours)`, or
write that view under its official name. Knows tensors and names; files are opened elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError
from torch import Tensor

from optical_memory.config import ClipConfig, DecoderConfig, EncoderConfig, ModelConfig, SamConfig
from optical_memory.errors import CheckpointError
from optical_memory.modes import PATCH


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the map: each `*` is a run of letters, digits and underscores, in the same order on both sides.

    A last `*` that only the official side has numbers the experts, which lie stacked in our tensor; `half` is then the
    half of an expert's rows that is meant, None for all of them.
    """

    official: str
    ours: str
    half: int | None = None


OFFICIAL_TO_OURS = (
    Rule("model.sam_model.patch_embed.proj.*", "encoder.sam.patch_embed.*"),
    Rule("model.sam_model.pos_embed", "encoder.sam.pos_embed"),
    Rule("model.sam_model.blocks.*.norm*.*", "encoder.sam.blocks.*.norm*.*"),
    Rule("model.sam_model.blocks.*.attn.*.*", "encoder.sam.blocks.*.attn.*.*"),
    Rule("model.sam_model.blocks.*.attn.rel_pos_*", "encoder.sam.blocks.*.attn.rel_pos_*"),
    Rule("model.sam_model.blocks.*.mlp.lin1.*", "encoder.sam.blocks.*.mlp.0.*"),
    Rule("model.sam_model.blocks.*.mlp.lin2.*", "encoder.sam.blocks.*.mlp.2.*"),
    Rule("model.sam_model.neck.*.*", "encoder.sam.neck.*.*"),
    Rule("model.sam_model.net_2.weight", "encoder.compressor.conv1.weight"),
    Rule("model.sam_model.net_3.weight", "encoder.compressor.conv2.weight"),
    Rule("model.vision_model.embeddings.class_embedding", "encoder.clip.class_embed"),
    Rule("model.vision_model.embeddings.position_embedding.weight", "encoder.clip.pos_embed"),
    Rule("model.vision_model.pre_layrnorm.*", "encoder.clip.pre_norm.*"),
    Rule("model.vision_model.transformer.layers.*.layer_norm*.*", "encoder.clip.blocks.*.norm*.*"),
    Rule("model.vision_model.transformer.layers.*.self_attn.qkv_proj.*", "encoder.clip.blocks.*.qkv.*"),
    Rule("model.vision_model.transformer.layers.*.self_attn.out_proj.*", "encoder.clip.blocks.*.proj.*"),
    Rule("model.vision_model.transformer.layers.*.mlp.fc*.*", "encoder.clip.blocks.*.fc*.*"),
    Rule("model.projector.layers.*", "encoder.projector.*"),
    Rule("model.image_newline", "encoder.newline"),
    Rule("model.view_seperator", "encoder.separator"),  # spelt so upstream
    Rule("model.embed_tokens.weight", "decoder.model.embed_tokens.weight"),
    Rule("model.layers.*.*layernorm.weight", "decoder.model.layers.*.*layernorm.weight"),
    Rule("model.layers.*.self_attn.*.weight", "decoder.model.layers.*.self_attn.*.weight"),
    Rule("model.layers.*.mlp.*.weight", "decoder.model.layers.*.mlp.*.weight"),
    Rule("model.layers.*.mlp.shared_experts.*.weight", "decoder.model.layers.*.mlp.shared_experts.*.weight"),
    Rule("model.layers.*.mlp.experts.*.gate_proj.weight", "decoder.model.layers.*.mlp.experts.gate_up_proj", half=0),
    Rule("model.layers.*.mlp.experts.*.up_proj.weight", "decoder.model.layers.*.mlp.experts.gate_up_proj", half=1),
    Rule("model.layers.*.mlp.experts.*.down_proj.weight", "decoder.model.layers.*.mlp.experts.down_proj"),
    Rule("model.norm.weight", "decoder.model.norm.weight"),
    Rule("lm_head.weight", "decoder.lm_head.weight"),
)
"""Every name of the published file but `IGNORED`; no name fits two lines."""

IGNORED = ("model.vision_model.embeddings.patch_embedding.weight",)
"""CLIP's own patch embedding, never run: the compressor's grid takes its place. Not loaded and not written."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an official tensor lies: all of our tensor `ours`, an expert's matrix in it, or half of that matrix' rows.

    A layer's experts are stacked as transformers has them: `gate_up_proj` (experts, 2 * expert width, width), the
    gate's rows first, and `down_proj` (experts, width, expert width).
    """

    ours: str
    expert: int | None = None
    half: int | None = None

    def of(self, tensor: Tensor) -> Tensor:
        """The official tensor as a view of `tensor`, ours: copy into it to load, read it to save."""
        if self.expert is None:
            return tensor
        matrix = tensor[self.expert]
        return matrix if self.half is None else matrix.chunk(2)[self.half]


def our_name(official: str) -> str:
    """The name of our tensor that holds the official one. Raises CheckpointError for a name without a place here."""
    for rule in OFFICIAL_TO_OURS:
        parts = _match(rule.official, official)
        if parts is not None:
            return _fill(rule.ours, parts)
    raise CheckpointError(f"the official tensor {official!r} has no place in this model: is it another architecture?")


def official_layout(state: Mapping[str, Tensor]) -> dict[str, Placement]:
    """Our state dict, `encoder.*` and `decoder.*`, as the official file names it: every element in exactly one entry.

    A strict load finds in the file exactly these names and `IGNORED`, each with the shape of
    `placement.of(state[placement.ours])`. Raises CheckpointError for a tensor that the official layout cannot hold.
    """
    layout: dict[str, Placement] = {}
    for ours, tensor in state.items():
        before = len(layout)
        for rule in OFFICIAL_TO_OURS:
            parts = _match(rule.ours, ours)
            if parts is None:
                continue
            stacked = rule.official.count("*") > len(parts)
            for expert in range(len(tensor)) if stacked else (None,):
                layout[_fill(rule.official, (*parts, str(expert)))] = Placement(ours, expert, rule.half)
        if len(layout) == before:
            raise CheckpointError(f"our tensor {ours!r} has no place in the official layout: leave it out")
    return layout


def _match(template: str, name: str) -> tuple[str, ...] | None:
    found = re.fullmatch(re.escape(template).replace(r"\*", r"(\w+)"), name)
    return None if found is None else found.groups()


def _fill(template: str, parts: tuple[str, ...]) -> str:
    """`template` with its stars replaced in order; parts left over are not used."""
    remaining = iter(parts)
    return re.sub(r"\*", lambda _: next(remaining), template)


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
    sliding_window: None = None


def config_from_official(config: Mapping[str, object]) -> ModelConfig:
    """The sizes in the official config.json. Raises CheckpointError that names each field our model cannot follow.

    What the published code fixes is fixed here too: SAM's window and neck, and feed-forward parts four times as wide as
    their tower (the file's `mlp_ratio` of 3.7362 belongs to another encoder and is not read).
    """
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
    )
    return ModelConfig("deepseek-ocr", encoder, decoder=decoder)


def _describe(error: Mapping[str, object]) -> str:
    location, missing = error["loc"], error["type"] == "missing"
    field = ".".join(map(str, location)) if isinstance(location, tuple) else str(location)
    return f"{field} is missing" if missing else f"{field} is {error['input']!r}: {error['msg']}"
