"""One token through the decoder on a CPU: transformers' layers and weights, without what it does around them.

There a small decoder's token takes as long to arrange as to compute. The experts that a token chooses are multiplied where they
lie. A small decoder's matrices are held a second time, in bfloat16 and in the order in which they are read, where the processor
multiplies those: a token takes two fifths of the time then.
"""

from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DeepseekOcr2TextModel
from transformers.cache_utils import Cache
from transformers.models.deepseek_ocr2.modeling_deepseek_ocr2 import DeepseekOcr2TextMoe

from optical_memory.language.decoder import Decoder
from optical_memory.language.growing import GrowingLayer
from optical_memory.row_product import PACKS, RowProduct

PACKED_AT_MOST = 1 << 27
"""Bytes that the second copy may take: a decoder of billions of weights is not held twice."""


class OneToken:
    """What computes a decoder's single tokens. Built once its weights are there to stay: they are packed at the first token.

    `may_pack`: bfloat16 is enough for its weights, as it is where their file holds eight bits of each.
    """

    def __init__(self, decoder: Decoder, may_pack: bool = False) -> None:
        self._decoder = decoder
        self._may_pack = may_pack

    def takes(self, cache: Cache) -> bool:
        """Whether it computes what the decoder does: its layers are transformers' own, and the cache, which holds something, grows
        in place. On a GPU the choice of experts would have to come back from it first."""
        decoder = self._decoder
        return (
            type(decoder.model) is DeepseekOcr2TextModel
            and decoder.config.topk_method == "greedy"
            and decoder.device.type == "cpu"
            and len(cache.layers) == len(decoder.model.layers)
            and all(isinstance(layer, GrowingLayer) for layer in cache.layers)
        )

    @cached_property
    def is_packed(self) -> bool:
        """Whether the layers' matrices are held a second time, in bfloat16. The head is not: its last digits say what is said."""
        decoder = self._decoder
        weights = sum(parameter.numel() for parameter in decoder.parameters())
        return (
            self._may_pack
            and decoder.dtype in (torch.float32, torch.bfloat16)
            and weights * torch.bfloat16.itemsize <= PACKED_AT_MOST
            and PACKS
        )

    def __call__(self, row: Tensor, position: int, cache: Cache) -> Tensor:
        """(1, D) embedding of the token at `position`, behind all that `cache` holds -> the scores (1, vocabulary) of the next one.

        `cache` holds the position's keys and values afterwards.
        """
        model = self._decoder.model
        turns = model.rotary_emb.inv_freq * position
        cosine, sine = turns.cos(), turns.sin()
        # Each half of a head is turned by the cosine and by the other half times the sine, of which the first takes the negative.
        turn = torch.stack([torch.cat([cosine, cosine]), torch.cat([-sine, sine])]) * model.rotary_emb.attention_scaling
        turn = turn.to(row.dtype)
        for layer, held in zip(self._layers, cache.layers, strict=True):
            row = layer(row, turn, held)
        return self._head(_normed(model.norm, row))

    @cached_property
    def _layers(self) -> list["_Layer"]:
        return [_Layer(layer, self.is_packed) for layer in self._decoder.model.layers]

    @cached_property
    def _head(self) -> RowProduct:
        return RowProduct(self._decoder.lm_head.weight, is_packed=False)


class _Layer:
    """Attention, then a dense or a sparse block, each added to the row."""

    def __init__(self, layer: Any, is_packed: bool) -> None:
        attention, block = layer.self_attn, layer.mlp
        self._norms = layer.input_layernorm, layer.post_attention_layernorm
        product = partial(RowProduct, is_packed=is_packed)
        self._inward = product(attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight)
        self._outward = product(attention.o_proj.weight)
        self._block = (_Mixture if isinstance(block, DeepseekOcr2TextMoe) else _gated)(block, is_packed)

    def __call__(self, row: Tensor, turn: Tensor, held: GrowingLayer) -> Tensor:
        before, behind = self._norms
        row = row + self._attention(_normed(before, row), turn, held)
        return row + self._block(_normed(behind, row))

    def _attention(self, row: Tensor, turn: Tensor, held: GrowingLayer) -> Tensor:
        cosine, sine = turn
        size = len(cosine)
        states = self._inward(row).to(row.dtype).view(3, 1, -1, 1, size)
        turning = states[:2]
        query, key = torch.addcmul(turning * cosine, turning.roll(size // 2, -1), sine)
        keys, values = held.update(key, states[2])
        found = functional.scaled_dot_product_attention(query, keys, values)
        return self._outward(found.view(1, -1))


class _Gated:
    """A gated feed-forward block."""

    def __init__(self, inward: RowProduct, outward: RowProduct, activation: Any) -> None:
        self._inward = inward
        self._outward = outward
        self._activation = activation

    def __call__(self, row: Tensor) -> Tensor:
        gate, up = self._inward(row).chunk(2, -1)
        return self._outward(self._activation(gate) * up)


def _gated(block: Any, is_packed: bool) -> _Gated:
    inward = RowProduct(block.gate_proj.weight, block.up_proj.weight, is_packed=is_packed)
    return _Gated(inward, RowProduct(block.down_proj.weight, is_packed=is_packed), block.act_fn)


class _Mixture:
    """The shared experts and, weighted, those that the router chooses."""

    def __init__(self, mixture: Any, is_packed: bool) -> None:
        self._router = mixture.gate
        self._shared = _gated(mixture.shared_experts, is_packed)
        product = partial(RowProduct, is_packed=is_packed)
        experts = mixture.experts
        self._experts = [
            _Gated(product(inward), product(outward), experts.act_fn)
            for inward, outward in zip(experts.gate_up_proj, experts.down_proj, strict=True)
        ]

    def __call__(self, row: Tensor) -> Tensor:
        total = self._shared(row).to(row.dtype)
        # Not a product of matrices: waking a second library's threads takes longer than so few numbers.
        scores = (self._router.weight.float() * row.float()).sum(-1).softmax(-1)
        weights, chosen = scores.topk(self._router.top_k)
        weights = weights * self._router.routed_scaling_factor
        for expert, weight in zip(chosen.tolist(), weights.tolist(), strict=True):
            total = total.add(self._experts[expert](row), alpha=weight)
        return total


def _normed(norm: Any, row: Tensor) -> Tensor:
    """Root mean square norm, taken in float32 as transformers takes it."""
    normed = functional.rms_norm(row.float(), row.shape[-1:], eps=norm.variance_epsilon)
    weighted: Tensor = norm.weight * normed.to(row.dtype)
    return weighted
