"""The splice: page rows stand where their places are, and nothing else moves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from optical_memory.errors import OpticalMemoryError, SpliceError
from optical_memory.splice import splice

IMAGE, VOCABULARY, WIDTH = 3, 11, 5


def embedding() -> nn.Embedding:
    return nn.Embedding(VOCABULARY, WIDTH, _weight=torch.arange(VOCABULARY * WIDTH).float().view(VOCABULARY, WIDTH))


def pages_of(*lengths: int) -> list[Tensor]:
    """Rows that no embedding holds: all negative, all different."""
    rows = -1.0 - torch.arange(sum(lengths) * WIDTH).float().view(-1, WIDTH)
    return list(torch.split(rows, list(lengths)))


CONTEXTS = st.lists(
    st.one_of(
        st.lists(st.integers(0, VOCABULARY - 1).filter(lambda token: token != IMAGE), max_size=6), st.integers(1, 6)
    ),
    max_size=8,
)
"""Runs of text tokens, and lengths of pages, in any order."""


@given(CONTEXTS)
@settings(max_examples=100, deadline=None)
def test_rows_taken_back_are_the_pages_and_the_text(context: list[list[int] | int]) -> None:
    tokens = [token for part in context for token in (part if isinstance(part, list) else [IMAGE] * part)]
    pages = pages_of(*(part for part in context if isinstance(part, int)))
    embed = embedding()
    rows = splice(tokens, pages, IMAGE, embed)
    assert rows.shape == (len(tokens), WIDTH)
    places = torch.tensor(tokens, dtype=torch.long) == IMAGE
    assert torch.equal(rows[places], torch.cat([*pages, torch.empty(0, WIDTH)]))
    assert torch.equal(rows[~places], embed(torch.tensor(tokens, dtype=torch.long)[~places]))


def test_without_pages_the_text_is_embedded() -> None:
    embed = embedding()
    assert torch.equal(splice([1, 2], [], IMAGE, embed), embed(torch.tensor([1, 2])))


@pytest.mark.parametrize(
    ("tokens", "lengths", "told"),
    [
        ([1, IMAGE, 2], [2], r"2 rows .* 1 places"),
        ([1, IMAGE, IMAGE, 2], [1], r"1 rows .* 2 places"),
        ([1, 2], [1], r"1 rows .* 0 places"),
        ([IMAGE], [], r"0 rows .* 1 places"),
        ([], [1], r"1 rows .* 0 places"),
    ],
)
def test_places_and_rows_must_agree(tokens: list[int], lengths: list[int], told: str) -> None:
    with pytest.raises(SpliceError, match=told):
        splice(tokens, pages_of(*lengths), IMAGE, embedding())


def test_pages_of_another_width_are_refused() -> None:
    with pytest.raises(SpliceError, match=r"\[4\] wide.* 5"):
        splice([IMAGE, IMAGE], [torch.zeros(2, 4)], IMAGE, embedding())


def test_pages_of_several_widths_are_refused() -> None:
    with pytest.raises(SpliceError, match=r"\[4, 5\] wide"):
        splice([IMAGE, IMAGE], [torch.zeros(1, 4), torch.zeros(1, 5)], IMAGE, embedding())


def test_rows_take_the_decoders_precision() -> None:
    embed = embedding().to(torch.bfloat16)
    rows = splice([1, IMAGE], [torch.full((1, WIDTH), 0.5, dtype=torch.float64)], IMAGE, embed)
    assert rows.dtype == torch.bfloat16
    assert rows[1].tolist() == [0.5] * WIDTH


def test_the_embedding_is_not_written_to() -> None:
    embed = embedding()
    splice([1, IMAGE, 3, 1], pages_of(2), IMAGE, embed)
    assert torch.equal(embed.weight, embedding().weight)


def test_a_splice_error_is_one_of_ours_and_a_value_error() -> None:
    assert issubclass(SpliceError, OpticalMemoryError)
    assert issubclass(SpliceError, ValueError)
