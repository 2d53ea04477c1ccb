"""The cache that grows in place: what transformers' own gives, where it was, and nothing left of what was cut off."""

import torch
from transformers import DynamicCache

from optical_memory.language.growing import ROOM, GrowingLayer, growing_cache


def states(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 2, count, 4, generator=generator), torch.randn(1, 2, count, 4, generator=generator)


def test_it_gives_what_transformers_own_gives() -> None:
    ours, theirs = growing_cache(), DynamicCache()
    for turn, count in enumerate((7, 1, 1, ROOM, 1, 3 * ROOM, 1)):
        for layer in range(2):
            keys, values = ours.update(*states(count, turn), layer)
            expected = theirs.update(*states(count, turn), layer)
            assert torch.equal(keys, expected[0]) and torch.equal(values, expected[1])
        assert ours.get_seq_length() == theirs.get_seq_length()
        if turn == 3:
            ours.crop(-5)
            theirs.crop(-5)


def test_a_token_more_stays_where_the_others_are() -> None:
    layer = GrowingLayer()
    first = layer.update(*states(5, 0))[0]
    then = layer.update(*states(1, 1))[0]
    assert first.data_ptr() == then.data_ptr()
    full = layer.update(*states(ROOM, 2))[0]
    assert full.data_ptr() != first.data_ptr() and torch.equal(full[..., :5, :], states(5, 0)[0])


def test_what_it_grew_out_of_is_overwritten() -> None:
    layer = GrowingLayer()
    keys, values = layer.update(*states(5, 0))
    assert keys.any() and values.any()
    layer.update(*states(ROOM + 1, 1))
    assert not keys.any() and not values.any()


def test_it_goes_on_behind_what_was_reordered() -> None:
    ours, theirs = growing_cache(), DynamicCache()
    first, more = ([torch.cat([one, one + 1]) for one in states(count, seed)] for count, seed in ((6, 0), (1, 1)))
    for cache in (ours, theirs):
        cache.update(*first, 0)
        cache.reorder_cache(torch.tensor([1, 0]))
    for one, other in zip(ours.update(*more, 0), theirs.update(*more, 0), strict=True):
        assert torch.equal(one, other)


def test_erasing_reaches_what_was_cut_off() -> None:
    layer = GrowingLayer()
    everything = layer.update(*states(9, 0))[0]
    layer.crop(-4)
    assert everything[..., 5:, :].any()
    layer.erase()
    assert not everything.any()
