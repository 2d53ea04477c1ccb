"""One token through the decoder on a CPU: transformers' layers and weights, without what it does around them.

There a small decoder's token takes as long to arrange as to compute. The experts that a token chooses are multiplied where they
lie.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DeepseekOcr2TextModel
from transformers.cache_utils import Cache
from transformers.models.deepseek_ocr2.modeling_deepseek_ocr2 import DeepseekOcr2TextMoe

from optical_memory.language.decoder import Decoder
from optical_memory.language.growing import GrowingLayer
from optical_memory.linear import linear


def takes_one_token(decoder: Decoder, cache: Cache) -> bool:
    """Whether `one_token` computes what the decoder does: its layers are transformers' own, and the cache, which holds something,
    grows in place. On a GPU the choice of experts would have to come back from it first."""
    return (
        type(decoder.model) is DeepseekOcr2TextModel
        and decoder.device.type == "cpu"
        and len(cache.layers) == len(decoder.model.layers)
        and all(isinstance(layer, GrowingLayer) for layer in cache.layers)
    )


def one_token(decoder: Decoder, row: Tensor, position: int, cache: Cache) -> Tensor:
    """(1, D) embedding of the token at `position`, behind all that `cache` holds -> the scores (1, vocabulary) of the next one.

    `cache` holds the position's keys and values afterwards.
    """
    model = decoder.model
    turns = model.rotary_emb.inv_freq * position
    scaling = model.rotary_emb.attention_scaling
    cosine, sine = (turns.cos() * scaling).to(row.dtype), (turns.sin() * scaling).to(row.dtype)
    for layer, held in zip(model.layers, cache.layers, strict=True):
        row = row + _attention(layer.self_attn, _normed(layer.input_layernorm, row), cosine, sine, held)
        beside = _normed(layer.post_attention_layernorm, row)
        row = row + (_mixture(layer.mlp, beside) if isinstance(layer.mlp, DeepseekOcr2TextMoe) else layer.mlp(beside))
    scores: Tensor = decoder.lm_head(_normed(model.norm, row))
    return scores


def _attention(attention: Any, row: Tensor, cosine: Tensor, sine: Tensor, held: GrowingLayer) -> Tensor:
    half = len(cosine)
    turning = torch.cat([attention.q_proj(row), attention.k_proj(row)]).view(2, 1, -1, 1, 2 * half)
    first, second = turning.split(half, -1)
    query, key = torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)
    keys, values = held.update(key, attention.v_proj(row).view(1, -1, 1, 2 * half))
    found = functional.scaled_dot_product_attention(query, keys, values)
    output: Tensor = attention.o_proj(found.view(1, -1))
    return output


def _mixture(mixture: Any, row: Tensor) -> Tensor:
    """The shared experts and, weighted, those that the router chooses."""
    _, weights, chosen = mixture.gate(row)
    total: Tensor = mixture.shared_experts(row)
    experts = mixture.experts
    for expert, weight in zip(chosen[0].tolist(), weights[0].tolist(), strict=True):
        gate, up = linear(row, experts.gate_up_proj[expert]).chunk(2, -1)
        total = total.add(linear(experts.act_fn(gate) * up, experts.down_proj[expert]), alpha=weight)
    return total


def _normed(norm: Any, row: Tensor) -> Tensor:
    """Root mean square norm in float32; the mean as a product, which for one row is the quickest way."""
    wide = row.float()
    scale = torch.rsqrt(wide @ wide.T / wide.shape[-1] + norm.variance_epsilon)
    normed: Tensor = norm.weight * (wide * scale).to(row.dtype)
    return normed
