"""What training multiplies in: bfloat16 where a device has it, float32 where it would be emulated."""

import pytest
import torch

from optical_memory import device
from optical_memory.device import mixed_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("has_it", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_processor_without_bfloat16_trains_in_float32(
    has_it: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_has_bfloat16", lambda: has_it)
    square = torch.ones(8, 8)
    with mixed_precision(CPU):
        assert (square @ square).dtype == dtype
    assert (square @ square).dtype == torch.float32
