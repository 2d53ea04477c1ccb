"""The token store: the page unused longest goes first, and bytes are counted right."""

from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.encoded import EncodedPage
from optical_memory.memory.store import StoredPage, TokenKey, TokenStore
from optical_memory.modes import SMALL, TINY, Mode


def key(name: str, mode: Mode = TINY, fingerprint: str = "f", version: int = 1) -> TokenKey:
    return TokenKey(name, mode, fingerprint, version)


def page(num_bytes: int, fidelity: float = 1.0) -> StoredPage:
    return StoredPage(EncodedPage(torch.zeros(num_bytes, dtype=torch.uint8), TINY, "f"), fidelity)


def test_what_is_put_is_what_is_got() -> None:
    store, kept = TokenStore(), page(10, 0.5)
    store.put(key("a"), kept)
    assert store.get(key("a")) is kept
    assert (len(store), store.num_bytes) == (1, 10)


@pytest.mark.parametrize("other", [key("b"), key("a", SMALL), key("a", fingerprint="g"), key("a", version=2)], ids=str)
def test_everything_that_decides_the_tokens_is_in_the_key(other: TokenKey) -> None:
    store = TokenStore()
    store.put(key("a"), page(10))
    assert store.get(other) is None


def test_bytes_are_those_of_the_tokens() -> None:
    tokens = torch.zeros(64, 1280, dtype=torch.bfloat16)
    assert EncodedPage(tokens, TINY, "f").num_bytes == 64 * 1280 * 2


def test_the_page_unused_longest_goes() -> None:
    store = TokenStore(budget=30)
    for name in "abc":
        store.put(key(name), page(10))
    store.get(key("a"))
    store.put(key("d"), page(10))
    assert [name for name in "abcd" if store.get(key(name))] == ["a", "c", "d"]


def test_a_large_page_makes_room_for_itself() -> None:
    store = TokenStore(budget=30)
    for name in "abc":
        store.put(key(name), page(10))
    store.put(key("d"), page(25))
    assert [name for name in "abcd" if store.get(key(name))] == ["d"]
    assert store.num_bytes == 25


def test_a_page_of_exactly_the_budget_is_kept() -> None:
    store = TokenStore(budget=30)
    store.put(key("a"), page(30))
    assert store.get(key("a")) is not None


def test_a_page_above_the_budget_is_not_kept_and_costs_nobody_its_place() -> None:
    store = TokenStore(budget=30)
    store.put(key("a"), page(10))
    store.put(key("b"), page(31))
    assert store.get(key("b")) is None
    assert store.get(key("a")) is not None


def test_putting_a_key_again_replaces_it() -> None:
    store, newer = TokenStore(), page(4)
    store.put(key("a"), page(10))
    store.put(key("a"), newer)
    assert store.get(key("a")) is newer
    assert (len(store), store.num_bytes) == (1, 4)


def test_dropping_frees_and_may_be_repeated() -> None:
    store = TokenStore()
    store.put(key("a"), page(10))
    store.drop(key("a"))
    store.drop(key("a"))
    assert (len(store), store.num_bytes, store.get(key("a"))) == (0, 0, None)


STEPS = st.lists(
    st.tuples(st.sampled_from(("put", "get", "drop")), st.sampled_from("abcdef"), st.integers(0, 60)), max_size=40
)


@given(STEPS, st.integers(0, 120))
@settings(max_examples=150, deadline=None)
def test_it_behaves_like_a_plain_list_by_last_use(steps: list[tuple[str, str, int]], budget: int) -> None:
    store, expected = TokenStore(budget), OrderedDict[str, int]()
    for action, name, size in steps:
        if action == "put":
            store.put(key(name), page(size))
            expected.pop(name, None)
            if size <= budget:
                expected[name] = size
            while sum(expected.values()) > budget:
                expected.popitem(last=False)
        elif action == "get":
            assert (store.get(key(name)) is not None) == (name in expected)
            if name in expected:
                expected.move_to_end(name)
        else:
            store.drop(key(name))
            expected.pop(name, None)
        assert store.num_bytes == sum(expected.values()) <= budget
        assert len(store) == len(expected)
