"""The whole spliced forward pass and greedy generation against transformers' Unlimited-OCR with full attention.

Encoder, splice and decoder of ours on one side, its own classes on the other; the same random weights at toy width, float32.
"""

from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import UnlimitedOcrConfig, UnlimitedOcrForConditionalGeneration

from optical_memory.config import ClipConfig, DecoderConfig, EncoderConfig, SamConfig
from optical_memory.language.decoder import Decoder, build_decoder
from optical_memory.language.generate import generate
from optical_memory.official import official_layout
from optical_memory.splice import splice
from optical_memory.vision.encoder import DeepEncoder

IMAGE = 90
ENCODER = EncoderConfig(
    sam=SamConfig(width=12, depth=2, heads=2, mlp_width=20, global_blocks=(1,), neck_width=8),
    compressor_width=10,
    clip=ClipConfig(width=16, depth=1, heads=2, mlp_width=24),
    width=24,
)
DECODER = DecoderConfig(
    vocab_size=96,
    width=24,
    depth=3,
    heads=2,
    mlp_width=40,
    num_experts=8,
    num_active_experts=3,
    num_shared_experts=2,
    expert_width=12,
    image_token=IMAGE,
)


@dataclass(frozen=True, slots=True)
class Whole:
    """Encoder and decoder of ours, and the oracle with the same weights."""

    encoder: DeepEncoder
    decoder: Decoder
    oracle: UnlimitedOcrForConditionalGeneration


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    torch.manual_seed(3)
    encoder, decoder = DeepEncoder(ENCODER).eval(), build_decoder(DECODER).eval()
    with torch.no_grad():
        for parameter in (*encoder.parameters(), *decoder.parameters()):
            parameter.normal_(std=0.7 * parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.5)
        decoder.model.embed_tokens.weight.mul_(8)  # loud enough that what was said last decides what comes next
    state = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    state |= {f"decoder.{name}": tensor for name, tensor in decoder.state_dict().items()}
    official = {name: place.of(state[place.ours]).contiguous() for name, place in official_layout(state).items()}
    folder = tmp_path_factory.mktemp("official")
    save_file(official, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "generation_config.json").write_text("{}")
    config = UnlimitedOcrConfig(
        vision_config={
            "sam_config": {
                "hidden_size": 12,
                "output_channels": 8,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "global_attn_indexes": (1,),
                "mlp_dim": 20,
                "downsample_channels": (10, 16),
            },
            "encoder_config": {
                "hidden_size": 16,
                "intermediate_size": 24,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
            },
        },
        text_config={
            "vocab_size": 96,
            "hidden_size": 24,
            "intermediate_size": 40,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "n_routed_experts": 8,
            "num_experts_per_tok": 3,
            "n_shared_experts": 2,
            "moe_intermediate_size": 12,
            "max_position_embeddings": 8192,
            "layer_types": ["full_attention"] * 3,
        },
        image_token_id=IMAGE,
    )
    oracle, report = UnlimitedOcrForConditionalGeneration.from_pretrained(
        folder, config=config, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"], report
    return Whole(encoder, decoder, oracle.eval())


def _context(whole: Whole, pixels: Tensor) -> tuple[list[int], Tensor]:
    """Token ids with two pages between text, and our spliced rows for them."""
    rows = [whole.encoder.sequence(tokens) for tokens in whole.encoder(pixels)]
    tokens = [0, 5, 6, *[IMAGE] * len(rows[0]), 7, 8, 9, *[IMAGE] * len(rows[1]), 10, 11]
    return tokens, splice(tokens, rows, IMAGE, whole.decoder.model.embed_tokens)


@torch.no_grad()
def test_spliced_logits_equal_the_oracles(whole: Whole) -> None:
    pixels = torch.rand(2, 3, 512, 512, generator=torch.Generator().manual_seed(1)) * 2 - 1
    tokens, rows = _context(whole, pixels)
    assert tokens.count(IMAGE) == 2 * 73
    ours = whole.decoder(inputs_embeds=rows[None]).logits
    theirs = whole.oracle(input_ids=torch.tensor([tokens]), pixel_values=pixels).logits
    assert theirs.std() > 0.1
    assert (ours - theirs).abs().max() <= 1e-5


@torch.no_grad()
def test_greedy_generation_equals_the_oracles_token_for_token(whole: Whole) -> None:
    pixels = torch.rand(2, 3, 640, 640, generator=torch.Generator().manual_seed(2)) * 2 - 1
    tokens, rows = _context(whole, pixels)
    ours = generate(whole.decoder, rows, max_new_tokens=24)
    ids = torch.tensor([tokens])
    theirs: list[int] = []
    while len(theirs) < 24:
        following = int(whole.oracle(input_ids=ids, pixel_values=pixels).logits[0, -1].argmax())
        if following == DECODER.eos_token:
            break
        theirs.append(following)
        ids = torch.cat([ids, torch.tensor([[following]])], 1)
    assert len(set(theirs)) >= 3
    assert ours == theirs
