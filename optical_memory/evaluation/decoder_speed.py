"""The decoder: prefill and decode in tokens a second by experts implementation, and the first token of a paged context.

`optical-memory evaluate speed --part decoder`. Weights are random: they decide what is said, not how fast.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from transformers.cache_utils import Cache

from optical_memory.config import DecoderConfig
from optical_memory.device import describe, synchronise
from optical_memory.evaluation.clock import Clock, exact, spread
from optical_memory.evaluation.floors import active_weights, decode_bytes, prefill_operations
from optical_memory.evaluation.report import Figure
from optical_memory.language.decoder import EXPERTS, Decoder, blank_decoder
from optical_memory.language.generate import generate, next_scores, scores_of
from optical_memory.language.growing import growing_cache
from optical_memory.language.one_token import OneToken
from optical_memory.modes import TINY

TASK = "decoder"
IMPLEMENTATIONS = ("grouped_mm", "eager", "batched_mm")
GATHERING = "batched_mm"
"""Copies the experts of every token, 55 MB each at official width: measured in decoding only."""
PAGE_TEXT_TOKENS = 930
"""Text tokens of DeepSeek's vocabulary on a full page of 64 x 64 characters of English."""
PROMPTED, DECODED = 64, 16
Scores = Callable[[Decoder, torch.Tensor, int, Cache], torch.Tensor]
"""As `next_scores`."""


@torch.inference_mode()
def evaluate_decoder(
    config: DecoderConfig, clock: Clock, dtype: torch.dtype, num_pages: int, prompt: int = 512, seed: int = 0
) -> list[Figure]:
    """`prompt` positions are prefilled; `num_pages` Tiny pages stand against the same text as tokens."""
    decoder = random_decoder(config, clock.device, dtype, seed)
    decoder.one_token = OneToken(decoder)
    setting = f"{describe(clock.device)}, {str(dtype).removeprefix('torch.')}"
    weights = sum(parameter.numel() for parameter in decoder.parameters())
    figures = [
        exact(
            "floor",
            f"decoder, {setting}",
            None,
            "GFLOP a prefilled token",
            prefill_operations(config, prompt) / prompt / 1e9,
        ),
        exact(
            "floor",
            f"decoder, {setting}",
            None,
            "MB read a decoded token",
            decode_bytes(config, prompt, dtype.itemsize) / 1e6,
        ),
        exact("floor", f"decoder, {setting}", None, "active weights of all, share", active_weights(config) / weights),
    ]
    length = max(prompt, PROMPTED + DECODED)
    rows = torch.randn(length, config.width, generator=torch.Generator().manual_seed(seed)).to(clock.device, dtype)
    for name in IMPLEMENTATIONS:
        print(f"measuring the decoder with {name}", file=sys.stderr)
        decoder.model.set_experts_implementation(name)
        system = f"experts {name}, {setting}"
        if name != GATHERING:
            (times,) = clock.seconds(partial(_prefill, decoder, rows[:prompt]))
            figures.append(
                spread(TASK, system, None, f"prefill tokens a second, {prompt}", [prompt / taken for taken in times])
            )
        figures.append(_decoding(decoder, rows, clock, scores_of, system))
    decoder.model.set_experts_implementation(EXPERTS)
    figures.append(_decoding(decoder, rows, clock, next_scores, f"as it answers, {setting}"))
    return [*figures, *_first_token(decoder, config, clock, num_pages, setting)]


def _prefill(decoder: Decoder, rows: torch.Tensor) -> torch.Tensor:
    return decoder(inputs_embeds=rows[None], use_cache=True, logits_to_keep=1).logits


def _decoding(decoder: Decoder, rows: torch.Tensor, clock: Clock, scores: Scores, system: str) -> Figure:
    """Tokens a second, one after the other, behind a prompt whose time is taken off."""
    rates = []
    for _ in range(clock.rounds):
        cache = growing_cache()
        scores_of(decoder, rows[None, :PROMPTED], 0, cache)
        synchronise(clock.device)
        began = time.perf_counter()
        for position in range(PROMPTED, PROMPTED + DECODED):
            scores(decoder, rows[None, position : position + 1], position, cache)
        synchronise(clock.device)
        rates.append(DECODED / (time.perf_counter() - began))
    return spread(TASK, system, None, f"decode tokens a second, after {PROMPTED}", rates)


def _first_token(decoder: Decoder, config: DecoderConfig, clock: Clock, num_pages: int, setting: str) -> list[Figure]:
    """Seconds until the first token: pages whose visual tokens are stored, and their text. Measured once each after a warm-up."""
    figures = []
    for system, length in (("visual tokens", TINY.sequence_length()), ("text tokens", PAGE_TEXT_TOKENS)):
        total = 1 + num_pages * length
        print(f"measuring the first token after {total} positions", file=sys.stderr)
        rows = torch.randn(total, config.width).to(clock.device, decoder.dtype)
        (times,) = Clock(clock.device, 1).seconds(partial(generate, decoder, rows, 1))
        metric = f"seconds to the first token, {num_pages} Tiny pages as {system}, {total} positions"
        figures.append(exact(TASK, f"{system}, {setting}", TINY, metric, times[0]))
    figures.append(
        exact(TASK, f"visual / text, {setting}", TINY, "first-token speed ratio", figures[1].value / figures[0].value)
    )
    return figures


def random_decoder(config: DecoderConfig, device: torch.device, dtype: torch.dtype, seed: int) -> Decoder:
    """A decoder whose weights repeat one block of random numbers: 3 billion of them in seconds."""
    decoder = blank_decoder(config)
    block = torch.randn(1 << 20, generator=torch.Generator().manual_seed(seed)).to(dtype)
    state = {}
    for name, meta in decoder.state_dict().items():
        scale = meta.shape[-1] ** -0.5 if meta.ndim > 1 else 0.1
        values = (block * scale + (0.0 if meta.ndim > 1 else 1.0)).to(device)
        flat = torch.empty(meta.numel(), dtype=dtype, device=device)
        for first in range(0, len(flat), len(values)):
            part = flat[first : first + len(values)]
            part.copy_(values[: len(part)])
        state[name] = flat.view(meta.shape)
    decoder.load_state_dict(state, assign=True)
    return decoder.to(device).requires_grad_(False).eval()
