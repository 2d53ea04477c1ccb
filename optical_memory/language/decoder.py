"""The decoder: transformers' DeepSeek mixture-of-experts text model with a head. Importing this file imports transformers."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import DeepseekOcr2TextModel, GenerationMixin, PreTrainedConfig, PreTrainedModel, __version__
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.deepseek_ocr2.configuration_deepseek_ocr2 import DeepseekOcr2TextConfig
from transformers.models.deepseek_ocr2.modeling_deepseek_ocr2 import DeepseekOcr2TextPreTrainedModel

from optical_memory.config import READING_LAYERS, DecoderConfig
from optical_memory.errors import CheckpointError
from optical_memory.linear import through_onednn

if TYPE_CHECKING:
    from optical_memory.language.one_token import OneToken

EXPERTS = "grouped_mm"
"""How the mixture is computed; `optical-memory evaluate speed` measures it beside the others."""

CACHE_ARGUMENT = "cache" if tuple(int(part) for part in __version__.split(".")[:2]) >= (5, 24) else "past_key_values"
"""The name under which the installed transformers takes a cache, and gives it back."""


def text_config(config: DecoderConfig) -> PreTrainedConfig:
    """Our sizes as transformers wants them. Raises CheckpointError for a reference window where transformers is too old."""
    sizes = {
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "intermediate_size": config.mlp_width,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.heads,
        "max_position_embeddings": config.max_positions,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "n_routed_experts": config.num_experts,
        "num_experts_per_tok": config.num_active_experts,
        "n_shared_experts": config.num_shared_experts,
        "moe_intermediate_size": config.expert_width,
        "mlp_layer_types": ["dense" if layer < config.num_dense_layers else "sparse" for layer in range(config.depth)],
        "bos_token_id": config.bos_token,
        "eos_token_id": config.eos_token,
        "pad_token_id": None,
        "n_group": 1,
        "topk_group": 1,
        "tie_word_embeddings": False,
    }
    if config.reference_window is None:
        return DeepseekOcr2TextConfig(**sizes)
    try:
        from transformers import UnlimitedOcrTextConfig
    except ImportError as error:
        raise CheckpointError(
            f"a reference window of {config.reference_window} tokens needs transformers 5.23 or newer, this is {__version__}: "
            "pip install -U transformers"
        ) from error
    return UnlimitedOcrTextConfig(**sizes, sliding_window=config.reference_window)


def text_model(config: PreTrainedConfig) -> PreTrainedModel:
    """transformers' model for a configuration; both have the same tensors under the same names."""
    if isinstance(config, DeepseekOcr2TextConfig):
        return DeepseekOcr2TextModel(config)
    from transformers.models.unlimited_ocr.modeling_unlimited_ocr import UnlimitedOcrTextModel

    return UnlimitedOcrTextModel(config)


class Decoder(DeepseekOcr2TextPreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Causal language model over input embeddings: text rows and visual-token rows alike."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        self.model = text_model(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.one_token: OneToken | None = None
        """What computes single tokens in its stead, for a decoder whose weights stay (language/one_token.py)."""
        self.post_init()
        through_onednn(self)

    def forward(
        self,
        input_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: object,
    ) -> CausalLMOutputWithPast:
        """(B, T) ids or (B, T, D) embeddings -> logits (B, T, vocabulary), of the last `logits_to_keep` positions if given (of
        those positions, if it is a tensor of them).

        A cache is handed on under the name CACHE_ARGUMENT.
        """
        outputs = self.model(
            input_ids=input_ids,
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            use_cache=use_cache,
            **kwargs,
        )
        hidden = outputs.last_hidden_state
        if isinstance(logits_to_keep, Tensor):
            hidden = hidden[:, logits_to_keep]
        elif logits_to_keep:
            hidden = hidden[:, -logits_to_keep:]
        logits = self.lm_head(hidden)
        cache = {CACHE_ARGUMENT: outputs[CACHE_ARGUMENT]} if CACHE_ARGUMENT in outputs else {}
        return CausalLMOutputWithPast(logits=logits, hidden_states=outputs.hidden_states, **cache)


def build_decoder(config: DecoderConfig) -> Decoder:
    """A decoder with random weights, on the CPU."""
    with torch.device("cpu"):
        decoder = Decoder(text_config(config))
    decoder.model.set_experts_implementation(EXPERTS)
    return decoder


def blank_decoder(config: DecoderConfig) -> Decoder:
    """A decoder without weights, to be filled. Its rotary positions are computed, not loaded: they are there, in float32."""
    with torch.device("meta"):
        decoder = Decoder(text_config(config))
    with torch.device("cpu"):
        decoder.model.rotary_emb = type(decoder.model.rotary_emb)(config=decoder.config)
    decoder.model.set_experts_implementation(EXPERTS)
    return decoder


def for_text(decoder: Decoder, config: DecoderConfig) -> Decoder:
    """The decoder without the layers that read pages, which would leave text as it is, and without what the head makes of their
    features; all other weights are shared."""
    if config.signposts is None:
        return decoder
    weights = dict(decoder.state_dict())
    layers = decoder.model.layers
    for number in range(len(layers)):
        for name, tensor in layers[number].state_dict().items():
            del weights[f"model.layers.{number}.{name}"]
            if number >= READING_LAYERS:
                weights[f"model.layers.{number - READING_LAYERS}.{name}"] = tensor
    head = weights["lm_head.weight"].clone()
    head[:, list(config.signposts.features)] = 0.0
    weights["lm_head.weight"] = head
    other = blank_decoder(config.for_text)
    other.load_state_dict(weights, assign=True)
    other.model.rotary_emb.to(decoder.device)
    return other.eval()
