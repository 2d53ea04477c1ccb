"""One row times matrices, as decoding does it token by token: what counts there is how many bytes are read."""

import torch
from torch import Tensor

from optical_memory.linear import MULTIPLIES_BFLOAT16, linear

PACKS = (
    MULTIPLIES_BFLOAT16 and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
)
"""Whether packed matrices are multiplied here, and faster."""


class RowProduct:
    """A row times the matrices (out, in) of as many linear layers, their results one behind the other.

    `is_packed`: from a copy in bfloat16 that oneDNN has put in the order in which it reads, half of float32's bytes and read
    faster: on two cores of an AMD EPYC a row of 768 times (2304, 768) takes 67 microseconds so, 214 in float32 by oneDNN, 500 by
    MKL. Otherwise from the matrices where they lie.
    """

    def __init__(self, *matrices: Tensor, is_packed: bool) -> None:
        self._matrices = () if is_packed else matrices
        self._packed = _packed(torch.cat(matrices)) if is_packed else None

    def __call__(self, row: Tensor) -> Tensor:
        """(1, in) -> (1, out of all), in bfloat16 if it is packed, otherwise in the row's type, which is the matrices'."""
        if self._packed is None:
            products = [linear(row, matrix) for matrix in self._matrices]
            return products[0] if len(products) == 1 else torch.cat(products, -1)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(row.bfloat16(), self._packed, None, "none", [], "")
        return product


def _packed(matrix: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(matrix.detach().bfloat16().contiguous(), 1)
    return packed
