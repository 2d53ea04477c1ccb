"""Words in their common form, and texts ranked by them as Okapi BM25 has it."""

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from optical_memory.memory.embedder import WIDTH, HashedEmbedder
from optical_memory.memory.lexical import LexicalIndex
from optical_memory.memory.words import words

ALPHABET = "amber birch cedar dove elm".split()
TEXTS = st.lists(st.lists(st.sampled_from(ALPHABET), min_size=1, max_size=8), min_size=1, max_size=7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who configured the PORTS?", ["configur", "port"]),
        ("ran user_id=7f3A-99c1", ["ran", "user", "id", "7f3a", "99c1"]),
        ("what did she do with it", []),
        ("naïve Überraschungen", ["naïve", "überraschungen"]),
        ("nai\u0308ve U\u0308berraschungen x\u0304yz", ["naïve", "überraschungen", "x\u0304yz"]),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", ["한글"]),
        ("日本語のテキスト", ["日本", "本語", "語の", "のテ", "テキ", "キス", "スト"]),
        ("pneumonoultramicroscopicsilicovolcanoconiosis", ["pneumonoultramicroscopicsilicovolcanoconiosis"]),
        ("", []),
    ],
)
def test_words_in_their_common_form(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


@given(TEXTS, st.lists(st.sampled_from(ALPHABET), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_scores_are_okapis(texts: list[list[str]], query: list[str]) -> None:
    """Against rank_bm25, with the idf that cannot be negative put in its place."""
    index = LexicalIndex()
    for text in texts:
        index.add(" ".join(text))
    peer = BM25Okapi([list(words(" ".join(text))) for text in texts], k1=1.2, b=0.75)
    for word in peer.idf:
        holding = sum(word in words(" ".join(text)) for text in texts)
        peer.idf[word] = log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
    expected = peer.get_scores(list(words(" ".join(query))))
    found = dict(index.search(" ".join(query), len(texts)))
    assert [found.get(number, 0.0) for number in range(len(texts))] == pytest.approx(expected.tolist(), abs=1e-4)


@given(TEXTS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_removed_text_leaves_nothing_behind(texts: list[list[str]], data: st.DataObject) -> None:
    index = LexicalIndex()
    numbers = [index.add(" ".join(text)) for text in texts]
    gone = data.draw(st.sets(st.sampled_from(numbers)))
    for number in gone:
        index.remove(number)
    held = {word for number, text in zip(numbers, texts, strict=True) if number not in gone for word in text}
    assert {word for word in ALPHABET if index.search(word, 9)} == held
    assert len(index._postings) == len(held)
    assert {index.add("dove") for _ in gone} == gone


def test_vectors_are_of_length_one_or_nothing() -> None:
    rows = HashedEmbedder().embed(["the port is 5432", "", "of the and"])
    assert rows.shape == (3, WIDTH)
    assert [float(row @ row) for row in rows] == pytest.approx([1.0, 0.0, 0.0])
    assert HashedEmbedder().embed([]).shape == (0, WIDTH)


def test_words_that_share_a_part_are_near_each_other() -> None:
    query, near, far = HashedEmbedder().embed(["configuration", "reconfigured", "harbour"])
    assert query @ near > 0.2 > abs(query @ far)


def test_rare_words_of_a_query_weigh_more() -> None:
    weighing = HashedEmbedder(lambda word: 5.0 if word == "zebra" else 1.0)
    zebra = weighing.embed(["zebra"])[0]
    assert weighing.embed_query("zebra port") @ zebra > HashedEmbedder().embed_query("zebra port") @ zebra + 0.2
