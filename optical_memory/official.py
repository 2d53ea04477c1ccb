"""DeepSeek-OCR's published checkpoint and ours: one table of names read both ways.

Loading and saving are the same walk over `official_layout(state)`: copy the file's tensor into `placement.of(ours)`, or
write that view under its official name. Knows tensors and names; files are opened elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from optical_memory.errors import CheckpointError


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
