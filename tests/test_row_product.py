"""One row times matrices: the same numbers packed and not."""

import pytest
import torch

from optical_memory.row_product import PACKS, RowProduct


def drawn() -> tuple[torch.Tensor, list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    row = torch.randn(1, 96, generator=generator)
    return row, [torch.randn(count, 96, generator=generator) for count in (64, 160, 33)]


@torch.inference_mode()
def test_matrices_where_they_lie() -> None:
    row, matrices = drawn()
    product = RowProduct(*matrices, is_packed=False)(row)
    torch.testing.assert_close(product, row @ torch.cat(matrices).T, atol=1e-4, rtol=1e-5)


@pytest.mark.skipif(not PACKS, reason="this processor does not multiply bfloat16")
@torch.inference_mode()
def test_packed_it_is_the_product_of_what_bfloat16_keeps() -> None:
    row, matrices = drawn()
    product = RowProduct(*matrices, is_packed=True)(row)
    assert product.dtype == torch.bfloat16
    kept = row.bfloat16().double() @ torch.cat(matrices).bfloat16().double().T
    torch.testing.assert_close(product.double(), kept, atol=1e-2, rtol=2**-8)
