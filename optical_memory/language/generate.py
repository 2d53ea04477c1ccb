"""Greedy generation from spliced embeddings, under a guard; the one against endless repetition."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor
from transformers import LogitsProcessor
from transformers.cache_utils import Cache

from optical_memory.language.decoder import CACHE_ARGUMENT, Decoder
from optical_memory.language.growing import cache_for, has_window
from optical_memory.language.prefix import Prefix

NGRAM, NGRAM_WINDOW = 30, 90
"""Upstream's defaults: no 30 tokens twice among the last 90."""


class Guard(Protocol):
    """Bans tokens: (1, T) said so far and (1, vocabulary) scores -> scores, some of them at minus infinity."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor: ...


class RepetitionGuard(LogitsProcessor):  # type: ignore[misc]
    """Bans the token that would repeat an n-gram within a sliding window (DeepSeek-OCR's decoding rule, with its defaults).

    Without it about 9 % of dense pages loop for ever. `exempt` tokens may always repeat: upstream `<td>` and `</td>`, which a
    tokenizer has as `repeatable`.
    """

    def __init__(self, size: int = NGRAM, window: int = NGRAM_WINDOW, exempt: Iterable[int] = ()) -> None:
        if size < 2 or window < size:
            raise ValueError(f"the guard needs 2 <= size <= window, got size {size} and window {window}")
        self.size = size
        self.window = window
        self.exempt = frozenset(exempt)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(B, T) tokens so far, (B, vocabulary) scores -> the scores with banned tokens at minus infinity."""
        for row, tokens in enumerate(input_ids.tolist()):
            if banned := self.banned(tokens):
                scores[row, list(banned)] = -torch.inf
        return scores

    def banned(self, tokens: Sequence[int]) -> set[int]:
        """What may not follow these tokens."""
        recent = tokens[-self.window :]
        if len(recent) < self.size:
            return set()
        prefix = recent[len(recent) - self.size + 1 :]
        starts = range(len(recent) - self.size + 1)
        return {
            recent[start + self.size - 1] for start in starts if recent[start : start + self.size - 1] == prefix
        } - self.exempt


@torch.inference_mode()
def generate(
    decoder: Decoder,
    inputs_embeds: Tensor,
    max_new_tokens: int,
    guard: Guard | None = None,
    prefix: Prefix | None = None,
) -> list[int]:
    """(T, D) spliced embeddings of one context -> the tokens that follow, greedy, without the end token.

    With a `prefix`, the rows that it shares with the context before are not run through the decoder again; a decoder with a
    reference window runs them all, since its cache forgets.
    """
    held = prefix if prefix is not None and not has_window(decoder.config) else Prefix()
    start = held.begin(inputs_embeds, partial(cache_for, decoder.config))
    try:
        return _continue(decoder, inputs_embeds, start, held.cache, max_new_tokens, guard)
    except BaseException:
        held.clear()
        raise


def _continue(
    decoder: Decoder,
    inputs_embeds: Tensor,
    start: int,
    cache: Cache,
    max_new_tokens: int,
    guard: Guard | None,
) -> list[int]:
    """The tokens that follow, where `cache` holds the first `start` rows."""
    rows, position = inputs_embeds[None, start:], start
    tokens: list[int] = []
    while len(tokens) < max_new_tokens:
        scores = next_scores(decoder, rows, position, cache).float()
        position += rows.shape[1]
        if guard is not None:
            scores = guard(torch.tensor([tokens], dtype=torch.long, device=scores.device), scores)
        token = int(scores.argmax())
        if token == decoder.config.eos_token_id:
            break
        tokens.append(token)
        rows = decoder.model.embed_tokens(torch.tensor([[token]], device=rows.device))
    return tokens


def next_scores(decoder: Decoder, rows: Tensor, position: int, cache: Cache) -> Tensor:
    """(1, T, D) embeddings at `position` and behind it, after all that `cache` holds -> the scores (1, vocabulary) of what
    follows them. `cache` holds them too afterwards."""
    if rows.shape[1] == 1 and decoder.one_token is not None and decoder.one_token.takes(cache):
        return decoder.one_token(rows[0], position, cache)
    return scores_of(decoder, rows, position, cache)


def scores_of(decoder: Decoder, rows: Tensor, position: int, cache: Cache) -> Tensor:
    """The same through the decoder as transformers has it, for any number of rows."""
    places = torch.arange(position, position + rows.shape[1], device=rows.device)[None]
    output = decoder(
        inputs_embeds=rows, position_ids=places, use_cache=True, logits_to_keep=1, **{CACHE_ARGUMENT: cache}
    )
    logits: Tensor = output.logits[:, -1]
    return logits
