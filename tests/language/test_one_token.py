"""One token by itself: the decoder's own scores, keys and values, where the decoder is one that it knows."""

from typing import Any

import pytest
import torch
from transformers import DynamicCache

import optical_memory.language.generate as generation
from optical_memory.config import tiny_random
from optical_memory.language.decoder import CACHE_ARGUMENT, Decoder, build_decoder
from optical_memory.language.generate import generate, next_scores
from optical_memory.language.growing import growing_cache
from optical_memory.language.one_token import one_token, takes_one_token

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
    rows = rows_of(decoder)
    ours, theirs = growing_cache(), growing_cache()
    for cache in (ours, theirs):
        next_scores(decoder, rows[:, :PROMPT], 0, cache)
    for place in range(PROMPT, PROMPT + MORE):
        row = rows[:, place : place + 1]
        scores = one_token(decoder, row[0], place, ours)
        expected = decoder(inputs_embeds=row, use_cache=True, **{CACHE_ARGUMENT: theirs}).logits[:, 0]
        torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        torch.testing.assert_close(one.keys, other.keys, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(one.values, other.values, atol=1e-5, rtol=1e-5)
    assert ours.get_seq_length() == PROMPT + MORE


@torch.inference_mode()
def test_in_half_precision_it_is_as_near_to_the_truth_as_the_decoder() -> None:
    exact, decoder = lively_decoder(torch.bfloat16).float(), lively_decoder(torch.bfloat16)
    rows = rows_of(decoder)
    caches = [growing_cache() for _ in range(3)]
    for model, cache in zip((exact, decoder, decoder), caches, strict=True):
        next_scores(model, rows[:, :PROMPT].to(model.dtype), 0, cache)
    errors = torch.zeros(2)
    for place in range(PROMPT, PROMPT + MORE):
        row = rows[:, place : place + 1]
        truth = one_token(exact, row[0].float(), place, caches[0])
        ours = one_token(decoder, row[0], place, caches[1])
        theirs = decoder(inputs_embeds=row, use_cache=True, **{CACHE_ARGUMENT: caches[2]}).logits[:, 0]
        assert ours.dtype == torch.bfloat16
        errors += torch.stack([(said - truth).abs().mean() for said in (ours, theirs)])
    assert errors[0] < 1.2 * errors[1]


def test_generation_says_the_same_with_it_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = lively_decoder()
    prompt = rows_of(decoder)[0, :PROMPT]
    calls: list[int] = []

    def counted(*arguments: Any) -> torch.Tensor:
        calls.append(arguments[2])
        return one_token(*arguments)

    monkeypatch.setattr(generation, "one_token", counted)
    said = generate(decoder, prompt, 20)
    assert calls == list(range(PROMPT, PROMPT + len(calls))) and len(said) > 1
    monkeypatch.setattr(generation, "takes_one_token", lambda *_: False)
    assert generate(decoder, prompt, 20) == said and len(calls) <= len(said)


@torch.inference_mode()
def test_it_leaves_to_the_decoder_what_it_does_not_know() -> None:
    decoder = lively_decoder()
    rows = rows_of(decoder)
    empty, others = growing_cache(), DynamicCache(config=decoder.config)
    assert not takes_one_token(decoder, empty)
    first = next_scores(decoder, rows[:, :1], 0, empty)  # a prompt of one token has no layers to add to yet
    assert takes_one_token(decoder, empty) and first.shape == (1, decoder.config.vocab_size)
    next_scores(decoder, rows[:, :PROMPT], 0, others)
    assert not takes_one_token(decoder, others)
