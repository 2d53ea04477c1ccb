"""A decoder that starts as one that looks things up: what its heads do before any training."""

import pytest
import torch
from torch import Tensor

from optical_memory.config import DecoderConfig, tiny_random
from optical_memory.language.decoder import Decoder, build_decoder
from optical_memory.language.start import start_looking_up

SPACE, ANSWER = 9, 6
CONFIG = DecoderConfig(
    vocab_size=80,
    width=768,
    depth=3,
    heads=12,
    mlp_width=512,
    num_experts=4,
    num_active_experts=2,
    num_shared_experts=1,
    expert_width=32,
    rope_theta=1e6,
    image_token=3,
)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    decoder = build_decoder(CONFIG)
    start_looking_up(decoder, [(ANSWER, SPACE)])
    return decoder.eval()


def attention(decoder: Decoder, tokens: Tensor) -> tuple[Tensor, ...]:
    decoder.set_attn_implementation("eager")
    with torch.inference_mode():
        return decoder.model(input_ids=tokens, output_attentions=True).attentions


def test_the_first_layer_looks_back(decoder: Decoder) -> None:
    tokens = torch.randint(10, 80, (1, 60), generator=torch.Generator().manual_seed(1))
    first = attention(decoder, tokens)[0][0]
    for head in range(6):
        looked = first[head].argmax(-1)[10:]
        assert torch.equal(looked, torch.arange(10, 60) - head - 1), head
        assert first[head][range(10, 60), looked].min() > 0.5


def test_the_second_finds_what_followed_the_same_characters(decoder: Decoder) -> None:
    generator = torch.Generator().manual_seed(2)
    once = torch.randint(10, 80, (1, 100), generator=generator)
    tokens = torch.cat([once, once[:, 20:60]], dim=1)
    second = attention(decoder, tokens)[1][0]
    for head in range(3, 7):
        looked = second[head].argmax(-1)[108:]  # eight of the same stand before
        assert (looked == torch.arange(108, 140) - 79).float().mean() > 0.9, head


def test_a_repeated_stretch_is_gone_on_with_before_any_training(decoder: Decoder) -> None:
    once = torch.randint(10, 80, (8, 100), generator=torch.Generator().manual_seed(3))
    tokens = torch.cat([once, once[:, 20:60]], dim=1)
    with torch.inference_mode():
        said = decoder(input_ids=tokens).logits[:, 108:139].argmax(-1)
    assert (said == tokens[:, 109:140]).float().mean() > 0.8


def test_a_token_may_be_followed_like_another(decoder: Decoder) -> None:
    codes = decoder.lm_head.weight.detach() @ decoder.lm_head.weight.detach().T
    alike = codes[ANSWER] / codes.diagonal().sqrt() / codes[ANSWER, ANSWER].sqrt()
    assert alike.topk(2).indices.tolist() == [ANSWER, SPACE]


def test_narrow_decoders_start_too_and_too_narrow_ones_do_not() -> None:
    config = tiny_random().decoder
    assert config is not None
    start_looking_up(build_decoder(config))
    narrow = DecoderConfig(vocab_size=80, width=64, depth=2, heads=2, mlp_width=64, num_experts=2, num_active_experts=1)
    with pytest.raises(ValueError, match=r"at least 4 heads .* got 2 heads and dense"):
        start_looking_up(build_decoder(narrow))
