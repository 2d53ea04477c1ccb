"""The guard against repetition inside continuous batching: what the engine says is what guarded generation says alone."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

from optical_memory.language.generate import RepetitionGuard, generate
from optical_memory.language.one_token import OneToken
from optical_memory.loading import load_model
from optical_memory.model import Model
from optical_memory.server.engine import Engine
from optical_memory.server.guard import said

LENGTH = 150
PROMPTS = ([1, 9, 9, 4, 7], [1, 5, 6, 3], [1, 20, 21, 22], [1, 40], [1, 50, 51], [1, 77, 3, 9], [1, 100], [1, 15, 15])


def alone(model: Model, tokens: list[int], guard: RepetitionGuard | None) -> list[int]:
    import torch

    with torch.inference_mode():
        return generate(model.decoder, model.decoder.model.embed_tokens(torch.tensor(tokens)), LENGTH, guard)


async def together(engine: Engine) -> list[list[int]]:
    async def one(tokens: list[int]) -> list[int]:
        return [token async for token in engine.generate(tokens, [], LENGTH)]

    return list(await asyncio.gather(*map(one, PROMPTS)))


def test_many_at_once_are_guarded_as_each_is_alone(tiny_checkpoint: Path) -> None:
    """A decoder with random weights goes round in circles at once, and the guard breaks the circles."""
    model = load_model(tiny_checkpoint, "cpu")
    model.decoder.one_token = OneToken(
        model.decoder
    )  # in float32, as the engine: bfloat16 decides near ties in its own way
    free = [alone(model, tokens, None) for tokens in PROMPTS]
    guarded = [alone(model, tokens, RepetitionGuard()) for tokens in PROMPTS]
    assert sum(one != other for one, other in zip(free, guarded, strict=True)) >= 4
    engine = Engine(load_model(tiny_checkpoint, "cpu"), 8)
    engine.start()
    try:
        assert asyncio.run(together(engine)) == guarded
    finally:
        engine.stop()


def test_what_was_said_before_an_eviction_still_counts() -> None:
    state = SimpleNamespace(initial_tokens=[1, 2, 3, 4, 5], _true_initial_tokens=3, generated_tokens=[6])
    assert said(state) == [4, 5, 6]
    state = SimpleNamespace(initial_tokens=[1, 2, 3], _true_initial_tokens=0, generated_tokens=[4])
    assert said(state) == [4]
