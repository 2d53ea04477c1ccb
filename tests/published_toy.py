"""A toy checkpoint of official layout: random weights, its config.json, and a byte-level BPE trained on a page of text."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from optical_memory.config import ModelConfig
from optical_memory.language.decoder import build_decoder
from optical_memory.official_config import config_from_official
from optical_memory.published import save_published
from optical_memory.vision.encoder import DeepEncoder

TEXT = """The port of the api is 8472, said the harbour master, and the ferry leaves at nine.
A table has rows and cells; a cell may stand again and again without being a loop.
Free OCR. Convert the document to markdown. Describe this image in detail."""
SPECIAL = ("<begin>", "<end>", "<image>", "<td>", "</td>", "<|grounding|>")
TOY: dict[str, Any] = {
    "model_type": "deepseek_vl_v2",
    "vision_config": {
        "image_size": 1024,
        "width": {
            "clip-l-14-224": {"heads": 2, "image_size": 224, "layers": 2, "patch_size": 14, "width": 16},
            "sam_vit_b": {
                "downsample_channels": [12, 16],
                "global_attn_indexes": [1],
                "heads": 2,
                "layers": 3,
                "width": 24,
            },
        },
    },
    "projector_config": {"input_dim": 32, "n_embed": 32, "projector_type": "linear"},
    "language_config": {
        "bos_token_id": 0,
        "eos_token_id": 1,
        "first_k_dense_replace": 1,
        "hidden_size": 32,
        "intermediate_size": 48,
        "max_position_embeddings": 8192,
        "moe_intermediate_size": 24,
        "n_group": 1,
        "n_routed_experts": 8,
        "n_shared_experts": 2,
        "num_attention_heads": 2,
        "num_experts_per_tok": 3,
        "num_hidden_layers": 3,
        "num_key_value_heads": 2,
        "topk_method": "greedy",
        "use_mla": False,
        "vocab_size": 400,
    },
}
"""The published fields at toy size; `image_token_id` is added, since the vocabulary is a toy too."""


def toy_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(name, special=True) for name in SPECIAL]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=380, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT.splitlines(), trainer)
    return tokenizer


def toy_state(config: ModelConfig, seed: int = 5) -> dict[str, Tensor]:
    """`encoder.*` and `decoder.*` of a toy, every element random."""
    assert config.decoder is not None
    torch.manual_seed(seed)
    parts = {"encoder.": DeepEncoder(config.encoder), "decoder.": build_decoder(config.decoder)}
    state: dict[str, Tensor] = {}
    for prefix, part in parts.items():
        for name, tensor in part.state_dict().items():
            scale = 0.7 * tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.3
            state[prefix + name] = tensor.normal_(std=scale) + (1.0 if "norm" in name and "weight" in name else 0.0)
    state["decoder.model.embed_tokens.weight"] *= 8
    return state


def write_toy(
    folder: Path, dtype: torch.dtype = torch.float32, **fields: object
) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Writes the folder; returns what is in it."""
    tokenizer = toy_tokenizer()
    image = tokenizer.token_to_id("<image>")
    config_json = TOY | {"image_token_id": image} | fields
    config = config_from_official(config_json)
    state = {name: tensor.to(dtype) for name, tensor in toy_state(config).items()}
    save_published(folder, state)
    (folder / "config.json").write_text(json.dumps(config_json))
    tokenizer.save(str(folder / "tokenizer.json"))
    return config, state
