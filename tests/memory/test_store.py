"""The token store: the page unused longest goes first, and bytes are counted right."""

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.encoded import EncodedPage
from optical_memory.memory.pagefiles import TokenFiles
from optical_memory.memory.store import StoredPage, TokenKey, TokenStore
from optical_memory.modes import SMALL, TINY, Mode


def key(name: str, mode: Mode = TINY, fingerprint: str = "f", version: int = 1) -> TokenKey:
    return TokenKey(name, mode, fingerprint, version)


def page(num_bytes: int, fidelity: float = 1.0) -> StoredPage:
    return StoredPage(EncodedPage(torch.arange(num_bytes).to(torch.uint8), TINY, "f"), fidelity)


def same(got: StoredPage | None, put: StoredPage) -> bool:
    """Bit for bit, and with what was measured."""
    return (
        got is not None
        and torch.equal(got.encoded.tokens, put.encoded.tokens)
        and got.encoded.tokens.dtype == put.encoded.tokens.dtype
        and got.fidelity == put.fidelity
        and got.wrong.tolist() == put.wrong.tolist()
    )


def test_what_is_put_is_what_is_got() -> None:
    store, kept = TokenStore(1000, block=1), page(10, 0.5)
    store.put(key("a"), kept)
    assert same(store.get(key("a")), kept)
    assert (len(store), store.num_bytes) == (1, 10)


@pytest.mark.parametrize(
    "other",
    [key("b"), key("a", SMALL), key("a", fingerprint="g"), key("a", version=2), TokenKey("a", TINY, "f", 1, "ann")],
    ids=str,
)
def test_everything_that_decides_the_tokens_is_in_the_key(other: TokenKey) -> None:
    store = TokenStore(1000, block=1)
    store.put(key("a"), page(10))
    assert store.get(other) is None


def test_bytes_are_those_of_the_tokens() -> None:
    tokens = torch.zeros(64, 1280, dtype=torch.bfloat16)
    assert EncodedPage(tokens, TINY, "f").num_bytes == 64 * 1280 * 2


def test_the_page_unused_longest_goes() -> None:
    store = TokenStore(budget=30, block=1)
    for name in "abc":
        store.put(key(name), page(10))
    store.get(key("a"))
    store.put(key("d"), page(10))
    assert [name for name in "abcd" if store.get(key(name))] == ["a", "c", "d"]


def test_a_large_page_makes_room_for_itself() -> None:
    store = TokenStore(budget=30, block=1)
    for name in "abc":
        store.put(key(name), page(10))
    store.put(key("d"), page(25))
    assert [name for name in "abcd" if store.get(key(name))] == ["d"]
    assert store.num_bytes == 25


def test_a_page_of_exactly_the_budget_is_kept() -> None:
    store = TokenStore(budget=30, block=1)
    store.put(key("a"), page(30))
    assert store.get(key("a")) is not None


def test_a_page_above_the_budget_is_not_kept_and_costs_nobody_its_place() -> None:
    store = TokenStore(budget=30, block=1)
    store.put(key("a"), page(10))
    store.put(key("b"), page(31))
    assert store.get(key("b")) is None
    assert store.get(key("a")) is not None


def test_putting_a_key_again_replaces_it() -> None:
    store, newer = TokenStore(1000, block=1), page(4)
    store.put(key("a"), page(10))
    store.put(key("a"), newer)
    assert same(store.get(key("a")), newer)
    assert (len(store), store.num_bytes) == (1, 4)


def test_dropping_frees_and_may_be_repeated() -> None:
    store = TokenStore(1000, block=1)
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
    store, expected = TokenStore(budget, block=1), OrderedDict[str, int]()
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


def visual(seed: int) -> StoredPage:
    """A page as the bundled width has them, with two characters read wrong."""
    tokens = torch.randn(64, 768, generator=torch.Generator().manual_seed(seed)).to(torch.bfloat16)
    return StoredPage(EncodedPage(tokens, TINY, "f"), 0.75, np.array([3, 9], dtype=np.int32))


def test_what_leaves_the_device_stays_on_the_host_and_comes_back_bit_for_bit() -> None:
    size = visual(0).encoded.num_bytes
    store = TokenStore(budget=2 * size, host_budget=2 * size)
    for number in range(5):
        store.put(key(str(number)), visual(number))
    assert (store.num_bytes, store.host_bytes, len(store)) == (2 * size, 2 * size, 4)
    assert store.get(key("0")) is None
    for number in (1, 2, 3, 4, 1):
        assert same(store.get(key(str(number))), visual(number))
    assert store.num_bytes <= 2 * size and store.host_bytes <= 2 * size


def test_files_outlive_the_store(tmp_path: Path) -> None:
    TokenStore(files=TokenFiles(tmp_path)).put(key("a"), visual(1))
    assert same(TokenStore(files=TokenFiles(tmp_path)).get(key("a")), visual(1))
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("damage", [b"", b"short", None], ids=["empty", "cut", "one bit"])
def test_a_damaged_file_is_noticed_and_removed(tmp_path: Path, damage: bytes | None) -> None:
    files = TokenFiles(tmp_path)
    files.write(key("a"), visual(1))
    path = files.path_of(key("a"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content) if damage is None else damage)
    assert files.read(key("a")) is None
    assert "damaged" in files.troubles[0]
    assert not path.exists()


def test_a_disk_that_takes_nothing_leaves_the_page_in_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    store = TokenStore(files=TokenFiles(blocked))
    store.put(key("a"), visual(1))
    assert same(store.get(key("a")), visual(1))
    assert "could not be written" in store.take_troubles()[0]
    assert store.take_troubles() == []


def test_erasing_a_page_takes_every_mode_of_its_scope_and_nothing_else(tmp_path: Path) -> None:
    store = TokenStore(files=TokenFiles(tmp_path))
    mine = [TokenKey("a", mode, "f", 1, "ann") for mode in (TINY, SMALL)]
    others = [TokenKey("a", TINY, "f", 1, "bob"), TokenKey("b", TINY, "f", 1, "ann")]
    for place in (*mine, *others):
        store.put(place, visual(1))
    gone = store.erase("ann", "a")
    assert sorted(line.split(":")[0] for line in gone) == ["device", "device", "file", "file"]
    assert [store.get(place) for place in mine] == [None, None]
    assert all(same(store.get(place), visual(1)) for place in others)


def test_two_threads_that_miss_one_page_take_one_place_for_it(tmp_path: Path) -> None:
    TokenStore(1 << 16, files=TokenFiles(tmp_path)).put(scoped := TokenKey("a", TINY, "f", 1, "ann"), page(3000))
    store = TokenStore(1 << 16, files=TokenFiles(tmp_path))
    both = threading.Barrier(2)
    read = store.files.read  # type: ignore[union-attr]

    def slowly(wanted: TokenKey) -> StoredPage | None:
        found = read(wanted)
        both.wait(5)
        return found

    store.files.read = slowly  # type: ignore[union-attr, method-assign]
    threads = [threading.Thread(target=store.get, args=(scoped,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store) == 1 and store.num_bytes == 3000
    store.drop(scoped)
    assert store.num_bytes == 0
    store.put(key("large"), page(1 << 16))
    assert len(store) == 1
