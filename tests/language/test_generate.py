"""Greedy generation and the guard against repetition."""

import pytest
import torch

from optical_memory.language.generate import RepetitionGuard


def test_guard_bans_the_token_that_would_repeat_an_ngram() -> None:
    guard = RepetitionGuard(size=3, window=10)
    scores = guard(torch.tensor([[1, 2, 3, 9, 1, 2]]), torch.zeros(1, 12))
    assert scores[0].isinf().nonzero().flatten().tolist() == [3]


def test_guard_forgets_what_left_the_window() -> None:
    guard = RepetitionGuard(size=3, window=5)
    assert not guard(torch.tensor([[1, 2, 3, 9, 1, 2]]), torch.zeros(1, 12)).isinf().any()


def test_exempt_tokens_may_repeat() -> None:
    guard = RepetitionGuard(size=3, window=10, exempt=[3])
    assert not guard(torch.tensor([[1, 2, 3, 9, 1, 2]]), torch.zeros(1, 12)).isinf().any()


def test_guard_equals_the_published_rule() -> None:
    from transformers.models.unlimited_ocr import generation_unlimited_ocr as upstream

    published = next(
        value for name, value in vars(upstream).items() if name.endswith("LogitsProcessor") and "Ngram" in name
    )
    generator = torch.Generator().manual_seed(0)
    for length in (5, 29, 40, 120):
        tokens = torch.randint(0, 3, (2, length), generator=generator)
        ours = RepetitionGuard(size=4, window=20)(tokens, torch.zeros(2, 5))
        theirs = published(4, 20)(tokens, torch.zeros(2, 5))
        assert torch.equal(ours, theirs)


def test_guard_refuses_a_window_smaller_than_its_ngram() -> None:
    with pytest.raises(ValueError, match="size 30 and window 20"):
        RepetitionGuard(size=30, window=20)
