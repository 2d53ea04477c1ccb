"""The decoder: transformers' DeepSeek mixture-of-experts text model with a head. Importing this file imports transformers."""

import torch
from torch import Tensor, nn
from transformers import DeepseekOcr2TextModel, GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.deepseek_ocr2.configuration_deepseek_ocr2 import DeepseekOcr2TextConfig
from transformers.models.deepseek_ocr2.modeling_deepseek_ocr2 import DeepseekOcr2TextPreTrainedModel

from optical_memory.config import DecoderConfig


def text_config(config: DecoderConfig) -> DeepseekOcr2TextConfig:
    """Our sizes as transformers wants them."""
    return DeepseekOcr2TextConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.width,
        intermediate_size=config.mlp_width,
        num_hidden_layers=config.depth,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=config.max_positions,
        n_routed_experts=config.num_experts,
        num_experts_per_tok=config.num_active_experts,
        n_shared_experts=config.num_shared_experts,
        moe_intermediate_size=config.expert_width,
        mlp_layer_types=["dense" if layer < config.num_dense_layers else "sparse" for layer in range(config.depth)],
        bos_token_id=config.bos_token,
        eos_token_id=config.eos_token,
        pad_token_id=None,
        n_group=1,
        topk_group=1,
        tie_word_embeddings=False,
    )


class Decoder(DeepseekOcr2TextPreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Causal language model over input embeddings: text rows and visual-token rows alike."""

    def __init__(self, config: DeepseekOcr2TextConfig) -> None:
        super().__init__(config)
        self.model = DeepseekOcr2TextModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

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

        A cache is handed on under the name that the installed transformers gives it (`past_key_values`, from 5.24 `cache`).
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
        return CausalLMOutputWithPast(
            logits=logits, past_key_values=outputs.past_key_values, hidden_states=outputs.hidden_states
        )


def build_decoder(config: DecoderConfig) -> Decoder:
    """A decoder with random weights. The grouped experts implementation is the fastest on CPU and GPU alike."""
    with torch.device("cpu"):
        decoder = Decoder(text_config(config))
    decoder.model.set_experts_implementation("grouped_mm")
    return decoder
