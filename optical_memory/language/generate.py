"""Greedy generation from spliced embeddings, with the guard against endless repetition."""

from collections.abc import Iterable

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from optical_memory.language.decoder import Decoder

NGRAM, NGRAM_WINDOW = 30, 90
"""Upstream's defaults: no 30 tokens twice among the last 90."""


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
        for row, tokens in enumerate(input_ids.tolist()):
            recent = tokens[-self.window :]
            if len(recent) < self.size:
                continue
            prefix = recent[len(recent) - self.size + 1 :]
            banned = {
                recent[start + self.size - 1]
                for start in range(len(recent) - self.size + 1)
                if recent[start : start + self.size - 1] == prefix
            }
            banned -= self.exempt
            if banned:
                scores[row, list(banned)] = -torch.inf
        return scores


@torch.inference_mode()
def generate(
    decoder: Decoder, inputs_embeds: Tensor, max_new_tokens: int, guard: RepetitionGuard | None = None
) -> list[int]:
    """(T, D) spliced embeddings of one context -> the tokens that follow, greedy, without the end token."""
    processors = LogitsProcessorList([guard] if guard is not None else [])
    tokens = decoder.generate(
        inputs_embeds=inputs_embeds[None],
        attention_mask=torch.ones(1, len(inputs_embeds), dtype=torch.long, device=inputs_embeds.device),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        logits_processor=processors,
        pad_token_id=decoder.config.eos_token_id,
    )[0].tolist()
    end = decoder.config.eos_token_id
    return tokens[: tokens.index(end)] if end in tokens else tokens
