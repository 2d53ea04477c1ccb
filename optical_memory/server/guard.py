"""The guard against endless repetition, through the engine's own door for logits processors.

The engine tells a processor which requests get a new token next, just before it runs the decoder, and gives it their scores
right after. That order holds while steps are neither overlapped nor replayed from a graph; `Engine` sees to it.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import LogitsProcessorList
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingLogitsProcessor,
    ContinuousBatchingLogitsProcessorList,
)

from optical_memory.language.generate import RepetitionGuard


class GuardedRequests(ContinuousBatchingLogitsProcessor):  # type: ignore[misc]
    """Bans for every request what its own answer would repeat."""

    supported_kwargs: ClassVar[dict[str, type]] = {}
    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self, guard: RepetitionGuard) -> None:
        self.guard = guard
        self._banned: list[list[int]] = []

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        """(requests,) of zeros: what is banned is kept here, since a request may have more than one such token."""
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: Sequence[Any]) -> Tensor:
        self._banned = [sorted(self.guard.banned(said(request.state))) for request in requests_with_new_token]
        return torch.zeros(len(self._banned), dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:  # noqa: ARG002
        """(requests, vocabulary) scores -> the same with banned tokens at minus infinity."""
        for row, tokens in enumerate(self._banned):
            if tokens:
                scores[row, tokens] = -torch.inf
        return scores


def said(state: Any) -> list[int]:
    """The tokens that a request was answered with so far; after an eviction the engine counts them as its prompt."""
    before = state.initial_tokens[state._true_initial_tokens :] if state._true_initial_tokens else []
    return [*before, *state.generated_tokens]


def guarded(guard: RepetitionGuard) -> ContinuousBatchingLogitsProcessorList:
    """The engine's list of processors, with the guard alone."""
    processors = ContinuousBatchingLogitsProcessorList(LogitsProcessorList([GuardedRequests(guard)]))
    processors.tensors_required = 1  # it counts only processors that it converted itself
    return processors
