"""One token by itself: the decoder's own scores, keys and values, where the decoder is one that it knows."""

import pytest
import torch
from transformers import DynamicCache

import optical_memory.language.one_token as one_token
from optical_memory.config import tiny_random
from optical_memory.language.decoder import CACHE_ARGUMENT, Decoder, build_decoder
from optical_memory.language.generate import generate, next_scores
from optical_memory.language.growing import growing_cache
from optical_memory.language.one_token import OneToken
from optical_memory.row_product import PACKS

PROMPT, MORE = 9, 12


def lively_decoder(dtype: torch.dtype = torch.float32) -> Decoder:
    """Random weights large enough that tokens differ, norms that are not one, dense and sparse layers."""
    config = tiny_random().decoder
    assert config is not None and 0 < config.num_dense_layers < config.depth
    decoder = build_decoder(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in decoder.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise / parameter.shape[-1] ** 0.5 if parameter.ndim > 1 else 1 + 0.3 * noise)
    return decoder.to(dtype).requires_grad_(False).eval()


def rows_of(decoder: Decoder) -> torch.Tensor:
    tokens = torch.randint(0, decoder.config.vocab_size, (1, PROMPT + MORE), generator=torch.Generator().manual_seed(1))
    rows: torch.Tensor = decoder.model.embed_tokens(tokens)
    return rows


@torch.inference_mode()
def test_it_is_the_decoder() -> None:
    decoder = lively_decoder()
    single = OneToken(decoder)
    rows = rows_of(decoder)
    ours, theirs = growing_cache(), growing_cache()
    for cache in (ours, theirs):
        next_scores(decoder, rows[:, :PROMPT], 0, cache)
    for place in range(PROMPT, PROMPT + MORE):
        row = rows[:, place : place + 1]
        scores = single(row[0], place, ours)
        expected = decoder(inputs_embeds=row, use_cache=True, **{CACHE_ARGUMENT: theirs}).logits[:, 0]
        torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        torch.testing.assert_close(one.keys, other.keys, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(one.values, other.values, atol=1e-5, rtol=1e-5)
    assert ours.get_seq_length() == PROMPT + MORE


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@torch.inference_mode()
def test_in_half_precision_it_is_as_near_to_the_truth_as_the_decoder(dtype: torch.dtype) -> None:
    """A decoder of that precision, and the packed copy of one in float32."""
    exact, half = lively_decoder(torch.bfloat16).float(), lively_decoder(torch.bfloat16)
    ours = half if dtype == torch.bfloat16 else lively_decoder()
    truth_of, ours_of = OneToken(exact), OneToken(ours, may_pack=True)
    if dtype == torch.float32:
        if not PACKS:
            pytest.skip("this processor does not multiply bfloat16")
        exact = lively_decoder()
        truth_of = OneToken(exact)
        assert ours_of.is_packed
    rows = rows_of(exact)
    caches = [growing_cache() for _ in range(3)]
    for model, cache in zip((exact, ours, half), caches, strict=True):
        next_scores(model, rows[:, :PROMPT].to(model.dtype), 0, cache)
    errors = torch.zeros(2)
    for place in range(PROMPT, PROMPT + MORE):
        row = rows[:, place : place + 1]
        truth = truth_of(row[0].float(), place, caches[0])
        said = ours_of(row[0].to(ours.dtype), place, caches[1])
        theirs = half(inputs_embeds=row.bfloat16(), use_cache=True, **{CACHE_ARGUMENT: caches[2]}).logits[:, 0]
        assert said.dtype == dtype
        errors += torch.stack([(scores - truth).abs().mean() for scores in (said, theirs)])
    assert 0 < errors[0] < 1.2 * errors[1]


def test_generation_says_the_same_with_it_and_without() -> None:
    decoder = lively_decoder()
    prompt = rows_of(decoder)[0, :PROMPT]
    expected = generate(decoder, prompt, 20)
    places: list[int] = []

    class Counted(OneToken):
        def __call__(self, row: torch.Tensor, position: int, cache: object) -> torch.Tensor:
            places.append(position)
            return super().__call__(row, position, cache)

    decoder.one_token = Counted(decoder)
    assert generate(decoder, prompt, 20) == expected
    assert places == list(range(PROMPT, PROMPT + len(places))) and 1 < len(places) <= len(expected)


@torch.inference_mode()
def test_it_leaves_to_the_decoder_what_it_does_not_know() -> None:
    decoder = lively_decoder()
    single = decoder.one_token = OneToken(decoder)
    rows = rows_of(decoder)
    empty, others = growing_cache(), DynamicCache(config=decoder.config)
    assert not single.takes(empty)
    first = next_scores(decoder, rows[:, :1], 0, empty)  # a prompt of one token has no layers to add to yet
    assert single.takes(empty) and first.shape == (1, decoder.config.vocab_size)
    next_scores(decoder, rows[:, :PROMPT], 0, others)
    assert not single.takes(others)


@pytest.mark.skipif(not PACKS, reason="this processor does not multiply bfloat16")
def test_a_small_decoder_is_held_twice_where_that_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = lively_decoder()
    size = 2 * sum(part.numel() for part in decoder.parameters())
    for room, may_pack in ((size, True), (size - 1, True), (size, False)):
        monkeypatch.setattr(one_token, "PACKED_AT_MOST", room)
        assert OneToken(decoder, may_pack).is_packed == (room == size and may_pack)
